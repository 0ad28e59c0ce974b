"""The order of cells within rows, with few crossings. No Qt."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from views.graph.cells import Cells
from views.graph.flow import Int64

_SWEEPS = 12
_PATIENCE = 3
_SWAPS = 8
_MANY = 150_000  # cells and ties; beyond, one start and one round of swaps must do


def sorted_rows(loops: Any, cells: Cells, order: Int64) -> Int64:
    """Cells row by row, left to right: of several starts the one that leads to fewest crossings.

    `order` are boxes so that edges lead from earlier to later ones. Where a tensor that many layers
    read runs on the wrong side of them, no sweep moves it over, but another start does.
    """
    sorter = _Sorter(loops, cells)
    best, fewest = np.empty(0, np.int64), -1
    for start in list(_starts(loops, cells, order)):
        found, crossings = sorter.swept(start)
        if fewest < 0 or crossings < fewest:
            best, fewest = found, crossings
        if not fewest:
            return best
    return sorter.swapped(best)


def _starts(loops: Any, cells: Cells, order: Int64) -> Iterator[Int64]:
    """Cells as walks from the first and from the last source meet them, to both hands."""
    is_source = np.diff(cells.above_start)[order] == 0
    backwards = np.concatenate([order[is_source][::-1], order[~is_source]])
    for roots in (backwards,) if _are_many(cells) else (backwards, order):
        for is_mirrored in (False,) if _are_many(cells) else (False, True):
            in_rows = np.zeros(len(cells.rank), np.int64)
            is_met = np.zeros(len(cells.rank), np.bool_)
            stack = np.zeros(len(cells.below) + 1, np.int64)
            loops.walk_rows(
                roots, cells.below_start, cells.below, cells.rank, is_mirrored,
                cells.row_start[:-1].copy(), is_met, stack, in_rows,
            )  # fmt: skip
            yield in_rows


def _are_many(cells: Cells) -> bool:
    return len(cells.rank) + len(cells.below) > _MANY


class _Sorter:
    """Ties of cells and room for the loops, which reorder both."""

    def __init__(self, loops: Any, cells: Cells) -> None:
        count = len(cells.rank)
        self._loops, self._cells = loops, cells
        self._above = cells.above_start, cells.above.copy()
        self._below = cells.below_start, cells.below.copy()
        self._tree = np.zeros(int(np.diff(cells.row_start).max()) + 1, np.int64)
        self._cursor, self._room = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self._key = np.zeros(count)

    def swept(self, in_rows: Int64) -> tuple[Int64, int]:
        """Rows sorted by their neighbours' places, down and up; and crossings of the best found."""
        rows, place = in_rows.copy(), self._cells.places(in_rows)
        best, fewest, idle = in_rows, self._crossings(rows, place), 0
        for sweep in range(_SWEEPS):
            if not fewest or idle > _PATIENCE:
                break
            goes_down, by_mean = sweep % 2 == 0, sweep // 2 % 2 == 1
            ahead, back = self._below, self._above
            if not goes_down:
                ahead, back = back, ahead
            self._loops.sort_rows(
                self._cells.row_start, rows, *ahead, *back, place, goes_down, by_mean,
                self._cursor, self._key, self._room,
            )  # fmt: skip
            idle, found = idle + 1, self._crossings(rows, place)
            if found < fewest:
                best, fewest, idle = rows.copy(), found, 0
        return best, fewest

    def swapped(self, in_rows: Int64) -> Int64:
        """Rows after swaps of neighbours that save crossings."""
        rows, place = in_rows.copy(), self._cells.places(in_rows)
        for _ in range(1 if _are_many(self._cells) else _SWAPS):
            saved = self._loops.swap_neighbours(
                self._cells.row_start, rows, *self._above, *self._below, place, self._cursor
            )
            if not saved:
                break
        return rows

    def _crossings(self, rows: Int64, place: Int64) -> int:
        row_start = self._cells.row_start
        return int(self._loops.count_crossings(row_start, rows, *self._below, place, self._tree))
