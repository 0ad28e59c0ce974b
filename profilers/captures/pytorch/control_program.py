"""An exported graph as eager mode may execute it: with the bodies of its branches and loops."""

from collections.abc import Sequence

import numpy as np

from profilers.captures.pytorch.files import COMPILED_REGION
from profilers.captures.pytorch.links import places_of
from profilers.captures.sequence_alignment import END, Place
from profilers.profile import Graph, NodeKind, StringTable


def program_with_bodies(graph: Graph, strings: StringTable) -> tuple[list[Place], list[int]]:
    """Places of the main graph, then those of bodies, and the node of each place."""
    return _Layout(graph, strings).laid_out(_computed(graph, -1))


def program_of_bodies(
    graph: Graph, strings: StringTable, owner: int
) -> tuple[list[Place], list[int]]:
    """The same of the bodies of one operator; the owner itself is place 0."""
    return _Layout(graph, strings).laid_out([owner])


def _computed(graph: Graph, subgraph: int) -> list[int]:
    is_computed = ~np.isin(graph.nodes.kind, (NodeKind.INPUT, NodeKind.OUTPUT))
    return np.flatnonzero(is_computed & (graph.nodes.subgraph == subgraph)).tolist()


class _Layout:
    """An operator with bodies is a silent place that each body of it comes back to.

    So any of them may run, as often as it may: loops go round, and a step of training traces both
    branches before it runs one. PyTorch runs such an operator in a compiled region in eager mode, and
    what only sets a state for its body (autocast) without any.
    """

    def __init__(self, graph: Graph, strings: StringTable) -> None:
        self._graph, self._strings = graph, strings
        self._places: list[Place] = []
        self._rows: list[int] = []

    def laid_out(self, rows: Sequence[int]) -> tuple[list[Place], list[int]]:
        self._block(rows, END)
        return self._places, self._rows

    def _block(self, rows: Sequence[int], after: int) -> int:
        """Lay out operators one after the other; the place that they begin at."""
        if not rows:
            return after
        begin = len(self._places)
        plain = places_of(self._graph, self._strings, rows)
        self._places += plain
        self._rows += rows
        last = len(rows) - 1
        for index, row in enumerate(rows):
            number = begin + index
            following = number + 1 if index < last else after
            self._places[number] = self._connected(row, number, plain[index], following)
        return begin

    def _connected(self, row: int, number: int, place: Place, following: int) -> Place:
        bodies = np.flatnonzero(self._graph.subgraphs.owner == row).tolist()
        begins = [self._block(_computed(self._graph, body), number) for body in bodies]
        followers = (following, *(begin for begin in begins if begin != number))
        if not bodies:
            return Place(place.operator, place.scope, followers, place.is_silent)
        return Place(COMPILED_REGION, place.scope, followers, is_silent=True)
