"""The order in which the nodes of a TorchScript graph may be executed."""

from collections import defaultdict
from dataclasses import replace

from profilers.captures.pytorch.links import operator_name, scope_paths
from profilers.captures.sequence_alignment import END, Place
from profilers.profile import Graph, NodeKind, StringTable

_LOOP = "prim::Loop"


def script_program(graph: Graph, strings: StringTable) -> tuple[list[Place], list[int]]:
    """Places with branches and loops as followers, and the node of each place."""
    return _Program(graph, strings).laid_out()


class _Program:
    def __init__(self, graph: Graph, strings: StringTable) -> None:
        self._graph, self._strings = graph, strings
        self._paths = scope_paths(graph, strings)
        self._nodes_in: dict[int, list[int]] = defaultdict(list)
        self._bodies_of: dict[int, list[int]] = defaultdict(list)
        kinds = graph.nodes.kind.tolist()
        for row, subgraph in enumerate(graph.nodes.subgraph.tolist()):
            if kinds[row] not in (NodeKind.INPUT, NodeKind.OUTPUT):
                self._nodes_in[subgraph].append(row)
        for row, owner in enumerate(graph.subgraphs.owner.tolist()):
            self._bodies_of[owner].append(row)
        self._places: list[Place] = []
        self._rows: list[int] = []

    def laid_out(self) -> tuple[list[Place], list[int]]:
        self._block(-1, (END,))
        return self._places, self._rows

    def _block(self, subgraph: int, after: tuple[int, ...]) -> tuple[int, ...]:
        """Lay out a block that is followed by `after`; returns where it begins."""
        rows = self._nodes_in[subgraph]
        numbers = []
        for row in rows:
            numbers.append(len(self._places))
            self._places.append(self._place(row))
            self._rows.append(row)
        return self._connected(rows, numbers, after)

    def _connected(
        self, rows: list[int], numbers: list[int], after: tuple[int, ...]
    ) -> tuple[int, ...]:
        for index in range(len(rows) - 1, -1, -1):
            number = numbers[index]
            following = (numbers[index + 1],) if index + 1 < len(rows) else after
            self._places[number] = replace(
                self._places[number], followers=self._followers(rows[index], following)
            )
        return (numbers[0],) if numbers else after

    def _followers(self, row: int, following: tuple[int, ...]) -> tuple[int, ...]:
        bodies = self._bodies_of[row]
        if not bodies:
            return following
        if self._strings[int(self._graph.nodes.operator[row])] == _LOOP:
            return self._loop(bodies[0], following)
        begins = [begin for body in bodies for begin in self._block(body, following)]
        return tuple(dict.fromkeys(begins))

    def _loop(self, body: int, following: tuple[int, ...]) -> tuple[int, ...]:
        """The body may run again after itself, and not at all."""
        first = len(self._places)
        begins = self._block(body, (first, *following))
        return tuple(dict.fromkeys((*begins, *following)))

    def _place(self, row: int) -> Place:
        nodes = self._graph.nodes
        operator = operator_name(self._strings[int(nodes.operator[row])])
        return Place(
            operator,
            self._paths.get(int(nodes.scope[row]), ""),
            (),
            is_silent=not operator.startswith("aten::"),
        )
