"""Layered layout of one container's boxes, top to bottom. Plain numbers, no Qt.

Ranks by longest path, long edges through placeholders that edges of one source share, order within
ranks by medians, positions by isotonic regression towards the neighbours' mean (Sugiyama's scheme;
the regression is the pool-adjacent-violators algorithm).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Size = tuple[float, float]
Point = tuple[float, float]

RANK_GAP = 26.0
BOX_GAP = 18.0
_SWEEPS = 6
_PLACING_PASSES = 6
_MOST_PLACEHOLDERS = 6000


@dataclass(frozen=True)
class Layout:
    """Upper left corners of boxes, the points of edges, and the size of all of it."""

    corners: tuple[Point, ...]
    routes: Mapping[tuple[int, int], tuple[Point, ...]]
    width: float
    height: float


def layered(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Layout:
    """Lay out boxes 0 to n-1, numbered so that edges mostly go upwards in number.

    An edge that goes down in number is drawn against the flow. Boxes without an edge are put in
    rows below each other.
    """
    count = len(sizes)
    if not count:
        return Layout((), {}, 0.0, 0.0)
    forward = sorted({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})
    ranks = _ranks(count, forward)
    grid = _Grid(list(sizes), ranks)
    chains = grid.add_edges(forward)
    grid.order_rows()
    grid.place()
    return grid.result(edges, chains)


def _ranks(count: int, forward: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from the top; a box without a predecessor comes just above its first reader."""
    before: dict[int, list[int]] = defaultdict(list)
    after: dict[int, list[int]] = defaultdict(list)
    for source, target in forward:
        before[target].append(source)
        after[source].append(target)
    ranks = [0] * count
    for box in range(count):
        ranks[box] = max((ranks[each] + 1 for each in before[box]), default=0)
    for box in range(count - 1, -1, -1):
        if not before[box] and after[box]:
            ranks[box] = max(min(ranks[each] for each in after[box]) - 1, 0)
    lonely = [box for box in range(count) if not before[box] and not after[box]]
    last = max(ranks, default=0)
    columns = max(int(len(lonely) ** 0.5), 6)
    for at, box in enumerate(lonely):
        ranks[box] = (last + 1 if len(lonely) < count else 0) + at // columns
    return ranks


class _Grid:
    """Rows of boxes and placeholders while they are ordered and placed."""

    def __init__(self, sizes: list[Size], ranks: list[int]) -> None:
        self._count = len(sizes)
        self._sizes = sizes
        self._ranks = ranks
        self._rows: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
        for box, rank in enumerate(ranks):
            self._rows[rank].append(box)
        self._above: dict[int, list[int]] = defaultdict(list)
        self._below: dict[int, list[int]] = defaultdict(list)
        self._centre: list[float] = []

    def add_edges(self, forward: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
        """Connect boxes, with placeholders in the rows between; returns those of each edge."""
        needed = sum(self._ranks[b] - self._ranks[a] - 1 for a, b in forward)
        trunks: dict[tuple[int, int], int] = {}
        chains: dict[tuple[int, int], list[int]] = {}
        for source, target in forward:
            chain = []
            if needed <= _MOST_PLACEHOLDERS:
                for rank in range(self._ranks[source] + 1, self._ranks[target]):
                    key = (source, rank)
                    if key not in trunks:
                        trunks[key] = self._placeholder(rank)
                    chain.append(trunks[key])
            stops = [source, *chain, target]
            for upper, lower in pairwise(stops):
                if lower not in self._below[upper]:
                    self._below[upper].append(lower)
                    self._above[lower].append(upper)
            chains[source, target] = chain
        return chains

    def order_rows(self) -> None:
        """Sweeps down and up; the order with the fewest crossings found is kept."""
        place = self._places()
        best, fewest = [list(row) for row in self._rows], self._crossings(place)
        for sweep in range(_SWEEPS):
            rows = self._rows if sweep % 2 == 0 else self._rows[::-1]
            neighbours = self._above if sweep % 2 == 0 else self._below
            for row in rows:
                row.sort(key=lambda box: _median([place[n] for n in neighbours[box]], place[box]))
                for at, box in enumerate(row):
                    place[box] = float(at)
            crossings = self._crossings(place)
            if crossings < fewest:
                best, fewest = [list(row) for row in self._rows], crossings
            if not fewest:
                break
        self._rows = best

    def place(self) -> None:
        """Horizontal centres: near the neighbours, in order, without overlap."""
        self._centre = [0.0] * len(self._sizes)
        for row in self._rows:
            at = 0.0
            for box in row:
                self._centre[box] = at + self._sizes[box][0] / 2
                at += self._sizes[box][0] + BOX_GAP
            middle = at / 2
            for box in row:
                self._centre[box] -= middle
        for number in range(_PLACING_PASSES):
            rows = self._rows if number % 2 == 0 else self._rows[::-1]
            for row in rows:
                self._place_row(row, both_ways=number >= 2)

    def result(
        self, edges: Sequence[tuple[int, int]], chains: Mapping[tuple[int, int], list[int]]
    ) -> Layout:
        tops, total = self._tops()
        left = min(self._centre[box] - self._sizes[box][0] / 2 for box in range(self._count))
        right = max(self._centre[box] + self._sizes[box][0] / 2 for box in range(self._count))
        left = min([left, *(self._centre[box] for box in range(self._count, len(self._sizes)))])
        right = max([right, *(self._centre[box] for box in range(self._count, len(self._sizes)))])

        def middle(box: int) -> float:
            return self._centre[box] - left

        corners = tuple(
            (
                middle(box) - self._sizes[box][0] / 2,
                tops[self._ranks[box]] + (self._row_height(box) - self._sizes[box][1]) / 2,
            )
            for box in range(self._count)
        )
        routes = {}
        for source, target in edges:
            upper, lower = min(source, target), max(source, target)
            if upper == lower:
                continue
            points = [(middle(upper), corners[upper][1] + self._sizes[upper][1])]
            for stop in chains[upper, lower]:
                top = tops[self._ranks[stop]]
                points += [(middle(stop), top), (middle(stop), top + self._row_height(stop))]
            points.append((middle(lower), corners[lower][1]))
            routes[source, target] = tuple(points if source < target else points[::-1])
        return Layout(corners, routes, right - left, total)

    def _placeholder(self, rank: int) -> int:
        self._sizes.append((2.0, 0.0))
        self._ranks.append(rank)
        self._rows[rank].append(len(self._sizes) - 1)
        return len(self._sizes) - 1

    def _places(self) -> dict[int, float]:
        return {box: float(at) for row in self._rows for at, box in enumerate(row)}

    def _crossings(self, place: Mapping[int, float]) -> int:
        """Crossings between neighbouring rows, by counting inversions."""
        total = 0
        for row in self._rows[:-1]:
            ends = [
                place[lower]
                for box in sorted(row, key=place.__getitem__)
                for lower in sorted(self._below[box], key=place.__getitem__)
            ]
            total += _inversions(ends)
        return total

    def _place_row(self, row: Sequence[int], *, both_ways: bool) -> None:
        wishes, weights, offsets = [], [], []
        offset = 0.0
        for at, box in enumerate(row):
            if at:
                widths = self._sizes[row[at - 1]][0] + self._sizes[box][0]
                offset += widths / 2 + BOX_GAP
            offsets.append(offset)
            near = self._above[box] + self._below[box] if both_ways else self._above[box]
            is_line = box >= self._count
            wish = _mean([self._centre[each] for each in near], self._centre[box])
            wishes.append(wish - offset)
            weights.append((len(near) or 0.1) * (4.0 if is_line else 1.0))
        for box, value, shift in zip(row, _isotonic(wishes, weights), offsets, strict=True):
            self._centre[box] = value + shift

    def _row_height(self, box: int) -> float:
        return max(self._sizes[each][1] for each in self._rows[self._ranks[box]])

    def _tops(self) -> tuple[list[float], float]:
        tops, at = [], 0.0
        for row in self._rows:
            tops.append(at)
            at += max((self._sizes[box][1] for box in row), default=0.0) + RANK_GAP
        return tops, at - RANK_GAP


def _isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing numbers that are nearest to `values` by weighted squares."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, mass, length = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * mass) / (last[1] + mass)
            last[1] += mass
            last[2] += length
    return [mean for mean, _, length in blocks for _ in range(int(length))]


def _inversions(values: list[float]) -> int:
    """Pairs out of order, by merging."""
    if len(values) < 2:
        return 0
    half = len(values) // 2
    left, right = values[:half], values[half:]
    total = _inversions(left) + _inversions(right)
    merged, at = [], 0
    for value in left:
        while at < len(right) and right[at] < value:
            merged.append(right[at])
            at += 1
        total += at
        merged.append(value)
    values[:] = merged + right[at:]
    return total


def _median(values: list[float], otherwise: float) -> float:
    if not values:
        return otherwise
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
