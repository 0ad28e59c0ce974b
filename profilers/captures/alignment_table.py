"""The cheapest way through a program by a whole table, where operators were moved about.

A cell is what it costs at least to have consumed that many operators and to stand before that place.
Neighbouring rows differ by no more than a skip costs (leaving the last operator's match out instead is
a way, too), so one byte a cell keeps the table, and its last row gives back all others.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_CELLS = 1 << 27  # bytes; 11,000 operators of as many places
_FAR = 1 << 40  # more than any way costs
_SEGMENT = 1 << 42  # keeps what lies before a break of the chain from being continued

Costs = NDArray[np.int64]


@dataclass(frozen=True)
class Chain:
    """Places as columns, the last of which is the end.

    Parameters
    ----------
    operators, scopes : list of str
    skips : list of int
        What leaving each out costs.
    followers : list of tuple of int
        The end is the number of places.
    """

    operators: list[str]
    scopes: list[str]
    skips: list[int]
    followers: list[tuple[int, ...]]


def cheapest(
    executed: Sequence[tuple[str, str]], chain: Chain, first: int, skip: int, elsewhere: int
) -> list[int]:
    """The place of each executed (operator, scope) pair, -1 for those that have none.

    Parameters
    ----------
    first : int
        The place that the program begins at.
    skip, elsewhere : int
        What an operator without a place costs, and one in another scope.
    """
    table = _Table(chain, skip, elsewhere)
    return table.walked_back(executed, *table.filled(executed, first))


class _Table:
    def __init__(self, chain: Chain, skip: int, elsewhere: int) -> None:
        self._chain, self._skip, self._elsewhere = chain, skip, elsewhere
        self._end = len(chain.operators)
        self._before: list[list[int]] = [[] for _ in range(self._end + 1)]
        self._jumps: list[tuple[int, int]] = []  # all followers but the next place
        goes_on = np.zeros(self._end + 1, np.bool_)
        for place, followers in enumerate(chain.followers):
            for follower in followers:
                self._before[follower].append(place)
                if follower == place + 1:
                    goes_on[follower] = True
                else:
                    self._jumps.append((place, follower))
        passed = np.concatenate([[0], np.cumsum(chain.skips)])
        self._level = passed + _SEGMENT * np.cumsum(~goes_on)
        self._at: dict[str, list[int]] = defaultdict(list)
        for place, operator in enumerate(chain.operators):
            self._at[operator].append(place)
        self._edges: dict[tuple[str, str], tuple[NDArray[np.intp], ...]] = {}

    def filled(
        self, executed: Sequence[tuple[str, str]], first: int
    ) -> tuple[Costs, NDArray[np.int8]]:
        """The last row, and by how much each row is above the one before."""
        row = np.full(self._end + 1, _FAR, np.int64)
        row[first] = 0
        row = self._passed_on(row)
        rises = np.empty((len(executed), len(row)), np.int8)
        for number, operator in enumerate(executed):
            begun = row + self._skip
            sources, targets, costs = self._matching(operator)
            np.minimum.at(begun, targets, row[sources] + costs)
            following = np.minimum(self._passed_on(begun), _FAR)
            rises[number] = following - row
            row = following
        return row, rises

    def _passed_on(self, row: Costs) -> Costs:
        """With places left out, until nothing gets cheaper."""
        while True:
            row = np.minimum.accumulate(row - self._level) + self._level
            cheaper = [
                (target, int(row[source]) + self._chain.skips[source])
                for source, target in self._jumps
                if row[source] + self._chain.skips[source] < row[target]
            ]
            if not cheaper:
                return row
            for target, cost in cheaper:
                row[target] = min(int(row[target]), cost)

    def _matching(self, operator: tuple[str, str]) -> tuple[NDArray[np.intp], ...]:
        """Places that an operator may be, what follows each, and the costs."""
        if operator not in self._edges:
            edges = [
                (place, follower, self._cost(operator, place))
                for place in self._at.get(operator[0], ())
                for follower in self._chain.followers[place]
            ]
            self._edges[operator] = tuple(np.array(edges, np.intp).reshape(-1, 3).T)
        return self._edges[operator]

    def _cost(self, operator: tuple[str, str], place: int) -> int:
        """What an operator costs at a place; far if it cannot be that."""
        name, scope = operator
        if self._chain.operators[place] != name:
            return _FAR
        own = self._chain.scopes[place]
        return 0 if scope == own or not scope or not own else self._elsewhere

    def walked_back(
        self, executed: Sequence[tuple[str, str]], row: Costs, rises: NDArray[np.int8]
    ) -> list[int]:
        places, column = [-1] * len(executed), self._end
        for number in range(len(executed) - 1, -1, -1):
            above = row - rises[number]
            column, places[number] = self._came_from(executed[number], column, row, above)
            row = above
        return places

    def _came_from(
        self, operator: tuple[str, str], column: int, row: Costs, above: Costs
    ) -> tuple[int, int]:
        """Where the cheapest way comes from a row above, and the place that it matched there."""
        waiting, seen, skipped = [column], {column}, column
        while waiting:
            at = waiting.pop()
            for place in reversed(self._before[at]):
                if above[place] + self._cost(operator, place) == row[at]:
                    return place, place
                left_out = row[place] + self._chain.skips[place] == row[at]
                if left_out and place not in seen:
                    seen.add(place)
                    waiting.append(place)
            if above[at] + self._skip == row[at]:
                skipped = at
        return skipped, -1
