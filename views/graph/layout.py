"""Layered layout of one container's boxes, top to bottom. Plain numbers, no Qt.

Sugiyama's scheme: rows by longest path, placeholders where edges pass rows, order within rows by
medians, positions by isotonic regression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from views.graph.ordering import order
from views.graph.placing import Block, placed
from views.graph.ranks import flow_sorted, longest_path, ranked
from views.graph.rows import Rows

Point = tuple[float, float]
Points = tuple[Point, ...]

ROW_GAP = 28.0
_STRAIGHT = 0.5


@dataclass(frozen=True)
class Layout:
    """Upper left corners of boxes, the points of edges, and the size of all of it."""

    corners: Points
    routes: Mapping[tuple[int, int], Points]
    width: float
    height: float


def layered(
    blocks: Sequence[Block], edges: Sequence[tuple[int, int]], heads: Sequence[int] = ()
) -> Layout:
    """Lay out boxes 0 to n-1.

    The longest path from one of `heads`, where data comes in, is drawn straight. Of a circle the
    edge back to the lowest number is drawn against the flow.
    """
    count = len(blocks)
    if not count:
        return Layout((), {}, 0.0, 0.0)
    boxes = flow_sorted(count, edges)
    number = {box: at for at, box in enumerate(boxes)}
    pairs = {edge: (number[edge[0]], number[edge[1]]) for edge in edges if edge[0] != edge[1]}
    forward = sorted({(min(pair), max(pair)) for pair in pairs.values()})
    spine = longest_path(count, forward, [number[box] for box in heads])
    rows = Rows(ranked(count, forward, spine), forward)
    order(rows)
    sorted_blocks = [blocks[box] for box in boxes]
    drawn = _Drawing(rows, sorted_blocks, placed(rows, sorted_blocks, spine)).layout(forward)
    return Layout(
        tuple(drawn.corners[number[box]] for box in range(count)),
        {edge: _directed(drawn.routes, pair) for edge, pair in pairs.items()},
        drawn.width,
        drawn.height,
    )


def _directed(routes: Mapping[tuple[int, int], Points], pair: tuple[int, int]) -> Points:
    return routes[pair] if pair in routes else routes[pair[1], pair[0]][::-1]


class _Drawing:
    """Corners and routes once every cell has its row and its centre."""

    def __init__(self, rows: Rows, blocks: Sequence[Block], centres: Sequence[float]) -> None:
        self._rows = rows
        self._blocks = blocks
        halves = [block.width / 2 for block in blocks]
        halves += [0.0] * (len(centres) - len(halves))
        left = min(centre - half for centre, half in zip(centres, halves, strict=True))
        right = max(centre + half for centre, half in zip(centres, halves, strict=True))
        self._centre = [centre - left for centre in centres]
        self._width = right - left
        self._top: list[float] = []
        self._bottom: list[float] = []
        at = 0.0
        for row in rows.cells:
            height = max((blocks[cell].height for cell in row if cell < rows.count), default=0.0)
            self._top.append(at)
            self._bottom.append(at + height)
            at += height + ROW_GAP

    def layout(self, edges: Sequence[tuple[int, int]]) -> Layout:
        self._corners = tuple(self._corner(box) for box in range(self._rows.count))
        trunks = {box: self._bends(box) for box in self._rows.trunk}
        routes = {}
        for upper, lower in edges:
            routes[upper, lower] = self._route(upper, lower, trunks)
        return Layout(self._corners, routes, self._width, self._bottom[-1])

    def _corner(self, box: int) -> Point:
        rank, block = self._rows.rank[box], self._blocks[box]
        middle = (self._top[rank] + self._bottom[rank]) / 2
        return self._centre[box] - block.width / 2, middle - block.height / 2

    def _leaves_at(self, box: int) -> float:
        return self._corners[box][0] + self._blocks[box].leave

    def _bends(self, box: int) -> tuple[list[Point], list[int]]:
        """Where the trunk below a box bends, and how many of these points each placeholder needs."""
        bends: list[Point] = []
        needed: list[int] = []
        x = self._leaves_at(box)
        for cell in self._rows.trunk[box]:
            if abs(self._centre[cell] - x) > _STRAIGHT:
                row = self._rows.rank[cell]
                bends += [(x, self._bottom[row - 1]), (self._centre[cell], self._top[row])]
                x = self._centre[cell]
            needed.append(len(bends))
        return bends, needed

    def _route(
        self, upper: int, lower: int, trunks: Mapping[int, tuple[list[Point], list[int]]]
    ) -> Points:
        """Bends lie between rows, so that an edge crosses no box."""
        rank, below = self._rows.rank[upper], self._rows.rank[lower]
        x, end = self._leaves_at(upper), self._corners[lower][0] + self._blocks[lower].enter
        points = [(x, self._corners[upper][1] + self._blocks[upper].height)]
        if below - rank > 1 and upper in trunks:
            bends, needed = trunks[upper]
            points += bends[: needed[below - rank - 2]]
            x = points[-1][0]
        if abs(end - x) > _STRAIGHT:
            points += [(x, self._bottom[below - 1]), (end, self._top[below])]
        points.append((end, self._corners[lower][1]))
        return tuple(point for at, point in enumerate(points) if not at or point != points[at - 1])
