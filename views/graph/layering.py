"""Layered layout of one container's boxes, top to bottom. Plain arrays, no Qt.

Sugiyama's scheme: rows by longest path, placeholders where edges pass rows, order within rows by
medians, positions by isotonic regression. Lines bend between rows only, and so cross no box.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.compiled.graph_routes import LOOP
from views.graph.cells import Cells, cells_of
from views.graph.centres import BOX_GAP, Float64, centres_of
from views.graph.flow import Flow, Int64, flow_of, ranked, spine_of
from views.graph.loops import loops
from views.graph.sorting import sorted_rows

ROW_GAP = 28.0


@dataclass(frozen=True, eq=False)
class Layout:
    """Where boxes and edges lie, in pixels; y grows downwards.

    The edges of a box that pass rows share one trunk. An edge runs along the first points of the
    trunk of its upper box and then along its own tail.

    Attributes
    ----------
    corners : float64 array (boxes, 2)
        Upper left corners of boxes.
    width, height : float
        The size of all of it.
    trunk_points : float64 array (points, 2)
        Points of all trunks, back to back, each from the bottom of its box downwards.
    trunk_start : int64 array (boxes + 1)
        The trunk of a box is ``trunk_points[trunk_start[box]:trunk_start[box + 1]]``; empty if it
        has none.
    tail_points : float64 array (points, 2)
        Points of the tails of all edges, back to back, downwards; the first lies on the trunk, or
        at the bottom of the box for edges that pass no row.
    tail_start : int64 array (edges + 1)
        The tail of an edge is ``tail_points[tail_start[edge]:tail_start[edge + 1]]``.
    trunk : int64 array (edges)
        The upper box of each edge: its source, or its target if it runs against the flow.
    shared : int64 array (edges)
        How many points of that trunk the edge runs along before its tail.
    is_reversed : bool array (edges)
        Whether an edge runs against the flow, from the top of its source to the bottom of its
        target.
    """

    corners: Float64
    width: float
    height: float
    trunk_points: Float64
    trunk_start: Int64
    tail_points: Float64
    tail_start: Int64
    trunk: Int64
    shared: Int64
    is_reversed: np.typing.NDArray[np.bool_]

    def route(self, edge: int) -> Float64:
        """Points of one edge from its source to its target."""
        begin = self.trunk_start[self.trunk[edge]]
        points = np.concatenate(
            [
                self.trunk_points[begin : begin + self.shared[edge]],
                self.tail_points[self.tail_start[edge] : self.tail_start[edge + 1]],
            ]
        )
        return points[::-1] if self.is_reversed[edge] else points


def layered(blocks: Float64, edges: Int64, heads: Int64) -> Layout:
    """Lay out boxes 0 to n-1.

    The longest path from one of `heads`, where data comes in, is drawn straight. Of a circle an
    edge back to the lowest number is drawn against the flow, where nothing earlier leads into it.

    Parameters
    ----------
    blocks : float64 array (boxes, 4)
        Width, height, and how far from the left side edges enter on top and leave at the bottom.
    edges : int64 array (edges, 2)
        Source and target; may lead to the same box, in circles, or stand there twice.
    heads : int64 array
        Boxes where data comes in; may be empty.
    """
    run = loops()
    blocks = np.array(blocks, np.float64).reshape(-1, 4)
    edges = np.asarray(edges, np.int64).reshape(-1, 2)
    if not len(blocks):
        return _nothing()
    flow = flow_of(run, len(blocks), edges)
    spine = spine_of(run, flow, np.asarray(heads, np.int64))
    cells = cells_of(run, flow, ranked(run, flow, int(spine[0])))
    centre = centres_of(run, cells, sorted_rows(run, cells, flow.order), blocks, spine)
    return _drawn(run, flow, cells, blocks, centre, flow.upper != edges[:, 0])


def _nothing() -> Layout:
    points, none, start = np.zeros((0, 2)), np.zeros(0, np.int64), np.zeros(1, np.int64)
    return Layout(points, 0.0, 0.0, points, start, points, start, none, none, np.zeros(0, np.bool_))


def _drawn(
    run: Any,
    flow: Flow,
    cells: Cells,
    blocks: Float64,
    centre: Float64,
    is_reversed: np.typing.NDArray[np.bool_],
) -> Layout:
    """Corners and routes once every cell has its row and its centre."""
    width, height, enter, leave = blocks.T
    count, edges = cells.boxes, len(flow.upper)
    has_loops = bool((flow.upper == flow.lower).any())
    margin = LOOP if has_loops else 0.0
    halves = np.zeros(len(centre))
    halves[:count] = width / 2
    centre = centre - (centre - halves).min()
    aside = float((centre + halves).max()) + BOX_GAP
    top, bottom = _row_sides(cells.rank[:count], height, margin)
    middle = (top + bottom)[cells.rank[:count]] / 2
    corners = np.column_stack([centre[:count] - width / 2, middle - height / 2])
    left, upper_side = corners[:, 0].copy(), corners[:, 1].copy()
    leave_x, leave_y = left + leave, upper_side + height

    trunk_start, needed = np.zeros(count + 1, np.int64), np.zeros(len(centre), np.int64)
    room = 2 * len(centre) + 4 * count
    x, y = np.zeros(room), np.zeros(room)
    run.route_trunks(
        cells.rank, cells.span, cells.first, centre, leave_x, leave_y, top, bottom, aside,
        trunk_start, needed, x, y,
    )  # fmt: skip
    trunk_points = np.column_stack([x, y])[: trunk_start[-1]]

    tail_start, shared = np.zeros(edges + 1, np.int64), np.zeros(edges, np.int64)
    x, y = np.zeros(6 * edges), np.zeros(6 * edges)
    run.route_tails(
        flow.upper, flow.lower, cells.rank, cells.first, centre, leave_x, leave_y, left + enter,
        upper_side, top, bottom, left + width, aside, needed, tail_start, shared, x, y,
    )  # fmt: skip
    tail_points = np.column_stack([x, y])[: tail_start[-1]]
    right = max(
        [float((centre + halves).max()) + margin]
        + [float(points[:, 0].max()) for points in (trunk_points, tail_points) if len(points)]
    )
    return Layout(
        corners, right, float(bottom[-1]) + margin, trunk_points, trunk_start, tail_points,
        tail_start, flow.upper, shared, is_reversed,
    )  # fmt: skip


def _row_sides(rank: Int64, height: Float64, margin: float) -> tuple[Float64, Float64]:
    """Top and bottom of each row."""
    heights = np.zeros(int(rank.max()) + 1)
    np.maximum.at(heights, rank, height)
    bottom = margin + np.cumsum(heights + ROW_GAP) - ROW_GAP
    return bottom - heights, bottom
