"""Horizontal centres of cells in ordered rows. No Qt.

Each row moves as near to its neighbours as its order allows: a weighted isotonic regression,
solved by pooling adjacent violators. The longest path is pinned, so that a deep model is a
straight column and does not drift sideways.
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from views.graph.rows import Rows

BOX_GAP = 18.0
_PASSES = 8
_PINNED = 1e7
_PASSING_WIDTH = 2.0


class Block(NamedTuple):
    """A box to lay out; edges enter and leave it at these distances from its left side."""

    width: float
    height: float
    enter: float
    leave: float


def placed(rows: Rows, blocks: Sequence[Block], spine: Sequence[int]) -> list[float]:
    """Centres of all cells; `spine` are the boxes that lie straight below each other."""
    placing = _Placing(rows, blocks, spine)
    for number in range(_PASSES):
        goes_down = number % 2 == 0
        both_ways = number >= _PASSES - 2
        for row in rows.cells if goes_down else reversed(rows.cells):
            placing.move(row, up=goes_down or both_ways, down=not goes_down or both_ways)
    placing.straighten()
    return placing.centre


class _Placing:
    def __init__(self, rows: Rows, blocks: Sequence[Block], spine: Sequence[int]) -> None:
        self._rows = rows
        passing = len(rows.rank) - rows.count
        self._width = [block.width for block in blocks] + [_PASSING_WIDTH] * passing
        self._enter = [block.enter - block.width / 2 for block in blocks] + [0.0] * passing
        self._leave = [block.leave - block.width / 2 for block in blocks] + [0.0] * passing
        self._pinned = self._spine_centres(spine)
        self.centre = [0.0] * len(rows.rank)
        for row in rows.cells:
            at = -sum(self._width[cell] + BOX_GAP for cell in row) / 2
            for cell in row:
                self.centre[cell] = at + self._width[cell] / 2
                at += self._width[cell] + BOX_GAP

    def move(self, row: Sequence[int], *, up: bool, down: bool) -> None:
        """Move one row towards the rows above it, below it, or both."""
        wishes, weights, offsets = [], [], []
        offset = 0.0
        for at, cell in enumerate(row):
            if at:
                offset += (self._width[row[at - 1]] + self._width[cell]) / 2 + BOX_GAP
            wish, weight = self._wish(cell, up=up, down=down)
            offsets.append(offset)
            wishes.append(wish - offset)
            weights.append(weight)
        for cell, value, offset in zip(row, _isotonic(wishes, weights), offsets, strict=True):
            self.centre[cell] = value + offset

    def straighten(self) -> None:
        """Make long edges vertical wherever their neighbours leave them a common gap."""
        free = {cell: gap for row in self._rows.cells for cell, gap in self._gaps(row)}
        for trunk in self._rows.trunk.values():
            run: list[int] = []
            low, high = -inf, inf
            for cell in trunk:
                left, right = self._gap(*free[cell])
                if max(low, left) > min(high, right):
                    self._align(run, low, high)
                    run, low, high = [], -inf, inf
                run.append(cell)
                low, high = max(low, left), min(high, right)
            self._align(run, low, high)

    def _gaps(self, row: Sequence[int]) -> list[tuple[int, tuple[int, int]]]:
        """Placeholders of a row, each with its neighbours; -1 for none."""
        padded = [-1, *row, -1]
        return [
            (cell, (padded[at], padded[at + 2]))
            for at, cell in enumerate(row)
            if cell >= self._rows.count
        ]

    def _gap(self, left: int, right: int) -> tuple[float, float]:
        room = BOX_GAP + _PASSING_WIDTH / 2
        return (
            self.centre[left] + self._width[left] / 2 + room if left >= 0 else -inf,
            self.centre[right] - self._width[right] / 2 - room if right >= 0 else inf,
        )

    def _align(self, run: Sequence[int], low: float, high: float) -> None:
        if run:
            middle = sum(self.centre[cell] for cell in run) / len(run)
            for cell in run:
                if cell not in self._pinned:
                    self.centre[cell] = min(max(middle, low), high)

    def _wish(self, cell: int, *, up: bool, down: bool) -> tuple[float, float]:
        """Where a cell wants its centre, and how much."""
        if cell in self._pinned:
            return self._pinned[cell], _PINNED
        rows, total, weight = self._rows, 0.0, 0.0
        if up:
            for near in rows.above[cell]:
                pull = self._pull(cell, near) * (2 if len(rows.below[near]) == 1 else 1)
                total += pull * (self.centre[near] + self._leave[near] - self._enter[cell])
                weight += pull
        if down:
            for near in rows.below[cell]:
                pull = self._pull(cell, near) * (2 if len(rows.above[near]) == 1 else 1)
                total += pull * (self.centre[near] + self._enter[near] - self._leave[cell])
                weight += pull
        return (total / weight, weight) if weight else (self.centre[cell], 0.05)

    def _pull(self, cell: int, near: int) -> float:
        """Long edges are straightened first."""
        passing = (cell >= self._rows.count) + (near >= self._rows.count)
        return (1.0, 2.0, 8.0)[passing]

    def _spine_centres(self, spine: Sequence[int]) -> dict[int, float]:
        """Where the spine and the placeholders between its boxes are pinned."""
        centres: dict[int, float] = {}
        rank, line = self._rows.rank, 0.0
        for box, following in zip(spine, [*spine[1:], spine[-1]], strict=True):
            centres[box] = line - self._enter[box]
            line = centres[box] + self._leave[box]
            passed = max(rank[following] - rank[box] - 1, 0)
            for cell in self._rows.trunk.get(box, ())[:passed]:
                centres[cell] = line
        return centres


def _isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing numbers that are nearest to `values` by weighted squares."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        length = 1
        while blocks and blocks[-1][0] > value:
            mean, mass, more = blocks.pop()
            value = (value * weight + mean * mass) / (weight + mass)
            weight += mass
            length += more
        blocks.append((value, weight, length))
    return [mean for mean, _, length in blocks for _ in range(length)]
