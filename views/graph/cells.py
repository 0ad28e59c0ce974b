"""Rows of a layered layout: boxes, and placeholders where an edge passes a row. No Qt."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from views.graph.flow import Flow, Int64, grouped, starts

_PLACEHOLDERS_PER_BOX = 20
_SPARE_PLACEHOLDERS = 2000
_MOST_PLACEHOLDERS = 300_000  # a transformer of 100,000 boxes, weights included, needs 150,000


@dataclass(frozen=True, eq=False)
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
    rank : int64 array
        The row of each cell.
    row_start : int64 array
        Where each row begins in an array of cells by row.
    above_start, above, below_start, below : int64 array
        Cells in the neighbouring rows that each cell is tied to.
    """

    boxes: int
    span: Int64
    first: Int64
    rank: Int64
    row_start: Int64
    above_start: Int64
    above: Int64
    below_start: Int64
    below: Int64

    def places(self, in_rows: Int64) -> Int64:
        """Where in its row each cell lies, from cells row by row."""
        place = np.empty(len(self.rank), np.int64)
        place[in_rows] = np.arange(len(self.rank)) - self.row_start[self.rank[in_rows]]
        return place


def cells_of(loops: Any, flow: Flow, rank: Int64) -> Cells:
    """Boxes in their rows, and what ties them; the tie along its trunk is the last of a box."""
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
    tie_upper = np.concatenate([above, np.where(step, trunk - 1, owner)])
    tie_lower = np.concatenate([flow.readers[is_tied], trunk])
    rank = np.concatenate([rank, rank[owner] + 1 + step])
    below_start, below = grouped(loops, tie_upper, tie_lower, len(rank))
    above_start, above = grouped(loops, tie_lower, tie_upper, len(rank))
    row_start = starts(np.bincount(rank))
    return Cells(boxes, span, first, rank, row_start, above_start, above, below_start, below)


def _trunks(span: Int64) -> Int64:
    """Where the placeholders of each box begin.

    The longest edges get none once placeholders outnumber the boxes too far.
    """
    passing = np.maximum(span - 1, 0)
    shortest = np.argsort(passing, kind="stable")
    allowed = min(_PLACEHOLDERS_PER_BOX * len(span) + _SPARE_PLACEHOLDERS, _MOST_PLACEHOLDERS)
    is_kept = np.cumsum(passing[shortest]) <= allowed
    passing[shortest[~is_kept]] = 0
    return len(span) + starts(passing)
