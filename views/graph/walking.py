"""Which box the arrow keys lead to."""

import numpy as np

from views.graph.hierarchy import Hierarchy
from views.graph.scene import TRUNK, Scene
from views.graph.tree import ROOT


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


def showing(scene: Scene, hierarchy: Hierarchy, item: int) -> int:
    """The item itself, or the innermost shown one around it; `ROOT` if there is none."""
    around = (item, *hierarchy.ancestors(item))
    return next((each for each in around if scene.row_of(each) >= 0), ROOT)
