"""Which box the arrow keys lead to."""

import numpy as np

from profilers.profile.table import Float64
from views.graph.drawing.layers import Viewport
from views.graph.scene import TRUNK, Scene
from views.graph.structure.hierarchy import Hierarchy
from views.graph.structure.tree import ROOT


def along(scene: Scene, hierarchy: Hierarchy, item: int, *, down: bool) -> int:
    """The box that a line leads to from an item, `ROOT` for none.

    Of several lines the straightest counts. One that enters or leaves an open box is followed to
    the other end of its edge.
    """
    lines = scene.lines
    here = lines.source if down else lines.target
    rows = np.flatnonzero((here == item) & (lines.target != TRUNK))
    if not len(rows):
        return ROOT
    bends = [float(np.ptp(lines.route(row)[:, 0])) for row in rows.tolist()]
    row = int(rows[int(np.argmin(bends))])
    ends = hierarchy.edges_between(
        int(lines.source[row]), int(lines.target[row]), int(lines.container[row])
    )
    edges = hierarchy.graph.edges
    node = int((edges.target if down else edges.source)[ends[0]])
    return showing(scene, hierarchy, node)


def beside(scene: Scene, hierarchy: Hierarchy, item: int, by: int) -> int:
    """The next box to the left (-1) or right (1) in the same container, `ROOT` for none."""
    boxes, row = scene.boxes, scene.row_of(item)
    parent = hierarchy.tree.parent
    x = boxes.left + boxes.right
    rows = np.flatnonzero(
        (parent[boxes.item] == parent[item])
        & (boxes.top < boxes.bottom[row])
        & (boxes.bottom > boxes.top[row])
        & ((x - x[row]) * by > 0)
    )
    return int(boxes.item[rows[np.argmin(np.abs(x[rows] - x[row]))]]) if len(rows) else ROOT


def first_seen(scene: Scene, view: Viewport) -> int:
    """The topmost closed box in sight, or of all where none is; `ROOT` for a graph without any."""
    boxes = scene.boxes
    is_seen = (boxes.left >= view.left) & (boxes.right <= view.right)
    is_seen &= (boxes.top >= view.top) & (boxes.bottom <= view.bottom)
    closed = ~boxes.is_open
    rows = np.flatnonzero(is_seen & closed if (is_seen & closed).any() else closed)
    if not len(rows):
        return ROOT
    return int(boxes.item[rows[np.lexsort((boxes.left[rows], boxes.top[rows]))[0]]])


def line_at(scene: Scene, x: float, y: float, reach: float) -> int:
    """The edge whose line passes nearest to a place, at most `reach` away; -1 for none."""
    lines = scene.lines
    best, nearest = -1, reach
    rows = lines.touching(x - reach, y - reach, x + reach, y + reach)
    for row in rows[lines.target[rows] != TRUNK].tolist():
        distance = _distance(lines.route(row), x, y)
        if distance <= nearest:
            best, nearest = row, distance
    return best


def _distance(points: Float64, x: float, y: float) -> float:
    """From a place to a polyline (k, 2)."""
    begin, along = points[:-1], np.diff(points, axis=0)
    away = np.array([x, y]) - begin
    lengths = np.maximum((along**2).sum(1), 1e-9)
    share = np.clip((away * along).sum(1) / lengths, 0.0, 1.0)[:, None]
    return float(np.sqrt(((away - share * along) ** 2).sum(1)).min(initial=np.inf))


def showing(scene: Scene, hierarchy: Hierarchy, item: int) -> int:
    """The item itself, or the innermost shown one around it; `ROOT` if there is none."""
    around = (item, *hierarchy.ancestors(item))
    return next((each for each in around if scene.row_of(each) >= 0), ROOT)
