"""Rows of a layered layout: boxes, and placeholders where an edge passes a row. No Qt."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from views.graph.flow import Flow, Int64, grouped, starts

_PLACEHOLDERS_PER_BOX = 20
_SPARE_PLACEHOLDERS = 2000
_SWEEPS = 12
_PATIENCE = 3


@dataclass(eq=False)
class Cells:
    """Boxes 0 to n-1, then placeholders; all of them are cells.

    Edges of one box share one trunk of placeholders down to its farthest reader, so that a tensor
    that every layer reads costs one line and not one per layer.

    Attributes
    ----------
    boxes : int
        How many cells are boxes.
    span : int64 array
        Rows from each box to its farthest reader.
    first : int64 array
        The trunk of a box are the cells ``first[box]:first[box + 1]``, from the row below it down;
        none if its edges pass no row or are among the longest of too many.
    rank, place : int64 array
        The row of each cell, and where in it the cell lies.
    row_start, in_rows : int64 array
        Row `row` holds ``in_rows[row_start[row]:row_start[row + 1]]``, left to right.
    above_start, above, below_start, below : int64 array
        Cells in the neighbouring rows that each cell is tied to.
    """

    boxes: int
    span: Int64
    first: Int64
    rank: Int64
    place: Int64
    row_start: Int64
    in_rows: Int64
    above_start: Int64
    above: Int64
    below_start: Int64
    below: Int64


def cells_of(loops: Any, flow: Flow, rank: Int64) -> Cells:
    """Cells in the order in which a walk from the first box meets them."""
    boxes = len(rank)
    upper = np.repeat(np.arange(boxes), np.diff(flow.start))
    spans = rank[flow.readers] - rank[upper]
    span = np.zeros(boxes, np.int64)
    np.maximum.at(span, upper, spans)
    first = _trunks(span)
    passing = np.diff(first)
    owner = np.repeat(np.arange(boxes), passing)
    trunk = np.arange(boxes, boxes + len(owner))
    step = trunk - first[owner]
    is_tied = (spans == 1) | (passing[upper] > 0)
    above = np.where(spans == 1, upper, first[upper] + spans - 2)[is_tied]
    tie_upper = np.concatenate([np.where(step, trunk - 1, owner), above])
    tie_lower = np.concatenate([trunk, flow.readers[is_tied]])
    rank = np.concatenate([rank, rank[owner] + 1 + step])
    below_start, below = grouped(loops, tie_upper, tie_lower, len(rank))
    above_start, above = grouped(loops, tie_lower, tie_upper, len(rank))
    row_start = starts(np.bincount(rank))
    in_rows = np.zeros(len(rank), np.int64)
    is_met, stack = np.zeros(len(rank), np.bool_), np.zeros(len(below) + 1, np.int64)
    loops.walk_rows(
        flow.order, below_start, below, rank, row_start[:-1].copy(), is_met, stack, in_rows
    )
    place = np.empty(len(rank), np.int64)
    place[in_rows] = np.arange(len(rank)) - row_start[rank[in_rows]]
    return Cells(
        boxes, span, first, rank, place, row_start, in_rows, above_start, above, below_start, below
    )


def _trunks(span: Int64) -> Int64:
    """Where the placeholders of each box begin.

    The longest edges get none once placeholders outnumber the boxes too far.
    """
    passing = np.maximum(span - 1, 0)
    shortest = np.argsort(passing, kind="stable")
    is_kept = np.cumsum(passing[shortest]) <= (
        _PLACEHOLDERS_PER_BOX * len(span) + _SPARE_PLACEHOLDERS
    )
    passing[shortest[~is_kept]] = 0
    return len(span) + starts(passing)


def order_cells(loops: Any, cells: Cells) -> None:
    """Sort rows by their neighbours' places, down and up; the order with fewest crossings stays."""
    count = len(cells.rank)
    tree = np.zeros(int(np.diff(cells.row_start).max()) + 1, np.int64)
    cursor, room = np.zeros(count, np.int64), np.zeros(count, np.int64)
    key = np.zeros(count)
    above, below = (cells.above_start, cells.above), (cells.below_start, cells.below)

    def crossings() -> int:
        return int(loops.count_crossings(cells.row_start, cells.in_rows, *below, cells.place, tree))

    best, best_place, fewest, idle = cells.in_rows.copy(), cells.place.copy(), crossings(), 0
    for sweep in range(_SWEEPS):
        if not fewest or idle > _PATIENCE:
            break
        goes_down, by_mean = sweep % 2 == 0, sweep // 2 % 2 == 1
        ahead, back = (below, above) if goes_down else (above, below)
        loops.sort_rows(
            cells.row_start, cells.in_rows, *ahead, *back, cells.place, goes_down, by_mean,
            cursor, key, room,
        )  # fmt: skip
        idle, found = idle + 1, crossings()
        if found < fewest:
            best, best_place, fewest, idle = cells.in_rows.copy(), cells.place.copy(), found, 0
    cells.in_rows, cells.place = best, best_place
