"""Rows of a layered layout: boxes, and placeholders where an edge passes a row. No Qt."""

from collections.abc import Sequence
from itertools import pairwise

from views.graph.ranks import Edge

_PLACEHOLDERS_PER_BOX = 20
_SPARE_PLACEHOLDERS = 2000


class Rows:
    """Boxes 0 to `count` - 1, then placeholders; all of them are cells.

    Edges of one box share one trunk of placeholders down to its farthest reader, so that a tensor
    that every layer reads costs one line and not one per layer.

    Attributes
    ----------
    rank : list of int
        The row of each cell.
    cells : list of list of int
        The cells of each row, left to right.
    above, below : list of list of int
        Cells in the neighbouring rows that each cell is tied to.
    trunk : dict of int to range
        Box to its placeholders, from the row below it down.
    """

    def __init__(self, ranks: Sequence[int], edges: Sequence[Edge]) -> None:
        self.count = len(ranks)
        self.rank = list(ranks)
        self.trunk: dict[int, range] = {}
        for box, span in self._spans(edges).items():
            self.trunk[box] = range(len(self.rank), len(self.rank) + span - 1)
            self.rank += range(ranks[box] + 1, ranks[box] + span)
        self.cells: list[list[int]] = [[] for _ in range(max(self.rank, default=-1) + 1)]
        self.above: list[list[int]] = [[] for _ in self.rank]
        self.below: list[list[int]] = [[] for _ in self.rank]
        for box, trunk in self.trunk.items():
            for upper, lower in pairwise((box, *trunk)):
                self._tie(upper, lower)
        for source, target in edges:
            span = ranks[target] - ranks[source]
            if span == 1:
                self._tie(source, target)
            elif source in self.trunk:
                self._tie(self.trunk[source][span - 2], target)
        self._fill()

    def _spans(self, edges: Sequence[Edge]) -> dict[int, int]:
        """Rows from each box to its farthest reader, where others lie between.

        The longest are left out once placeholders outnumber the boxes too far: their edges are
        drawn straight.
        """
        spans: dict[int, int] = {}
        for source, target in edges:
            span = self.rank[target] - self.rank[source]
            if span > 1:
                spans[source] = max(span, spans.get(source, 0))
        left = _PLACEHOLDERS_PER_BOX * self.count + _SPARE_PLACEHOLDERS
        kept = set()
        for box in sorted(spans, key=lambda each: spans[each]):
            left -= spans[box] - 1
            if left < 0:
                break
            kept.add(box)
        return {box: span for box, span in spans.items() if box in kept}

    def _tie(self, upper: int, lower: int) -> None:
        self.below[upper].append(lower)
        self.above[lower].append(upper)

    def _fill(self) -> None:
        """Put cells into rows in the order in which a walk from the first box meets them."""
        seen = [False] * len(self.rank)
        for box in range(self.count):
            waiting = [box]
            while waiting:
                cell = waiting.pop()
                if not seen[cell]:
                    seen[cell] = True
                    self.cells[self.rank[cell]].append(cell)
                    waiting += reversed(self.below[cell])
