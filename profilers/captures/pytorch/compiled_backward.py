"""The kernels of a compiled backward: the authored nodes that they differentiate, and their slices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.compiled_links import (
    GRAPH_CALL,
    KernelLinks,
    Runs,
    places_of_calls,
)
from profilers.captures.pytorch.inductor_provenance import (
    differentiated_by_calls,
    members_from_names,
    readers_of_buffers,
)
from profilers.captures.pytorch.links import operator_name
from profilers.captures.scope_trails import common_trail
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.torch_inductor_code import read_inductor_code
from profilers.graphs.torch_inductor_graph import CompiledGraph
from profilers.profile import FusionMembers, Graph, SliceKind, Slices, StringTable
from profilers.profile.table import Int32

Json = dict[str, Any]

COMPILED_BACKWARD = "CompiledFunctionBackward"


def backward_graph(
    record: Json,
    forward: CompiledGraph,
    made_of: Mapping[str, Sequence[int]],
    authored: Graph,
    strings: StringTable,
) -> CompiledGraph:
    """The backward of one graph, as it runs.

    Parameters
    ----------
    record : dict
        One graph of `profilers.runtimes.pytorch.compile_log`.
    made_of : mapping
        The authored nodes of each name that Dynamo traced.
    """
    code = read_inductor_code(record["backward_code"])
    readers = readers_of_buffers(forward.weights, authored, strings)
    members = members_from_names(code, differentiated_by_calls(record, code), made_of, readers)
    trails = [common_trail(authored, strings, nodes) for nodes in members]
    return CompiledGraph(code, forward.weights, members, trails)


def gradients_of_calls(forward: CompiledGraph, backward: CompiledGraph) -> list[list[str]]:
    """The weights whose gradients each kernel call writes: a backward returns one for each input."""
    weights: dict[str, list[str]] = {}
    for buffer, output in zip(forward.code.inputs, backward.code.outputs, strict=False):
        if output and buffer.name in forward.weights:
            weights.setdefault(output, []).append(forward.weights[buffer.name])
    return [
        [weight for each in call.writes for weight in weights.get(each.name, ())]
        for call in backward.code.calls
    ]


class BackwardLinks:
    """Finds the kernel call and the authored node of each slice of the compiled backwards.

    Parameters
    ----------
    graphs : sequence of (int, CompiledGraph)
        Each with the number of its forward.
    handed : sequence of sequence of str
        `gradients_of_calls` of all of them.
    forward : KernelLinks
        Its groups come before those of the backwards; of its runs the last is differentiated first.
    """

    def __init__(
        self,
        graphs: Sequence[tuple[int, CompiledGraph]],
        handed: Sequence[Sequence[str]],
        forward: KernelLinks,
        authored: Graph,
        slices: Slices,
        strings: StringTable,
    ) -> None:
        self._slices, self._first = slices, forward.count
        self._weights = _Weights(authored, strings)
        self._handed = [self._weights.rows_of(names) for names in handed]
        self.gradients: dict[int, list[int]] = {}  # weights by the slice that writes theirs
        self._members = [list(nodes) for _, graph in graphs for nodes in graph.members]
        self.heaviest = [
            node for _, graph in graphs for node in _nodes_of_calls(graph, authored.nodes.flops)
        ]
        forwards = [number for number, graph in graphs for _ in graph.code.calls]
        self._extra: dict[tuple[int, int], None] = {}
        self._groups: Int32 = np.full(len(slices), -1, np.int32)
        self._nodes: Int32 = np.full(len(slices), -1, np.int32)
        programs = _programs([graph for _, graph in graphs])
        left = {step: list(of_step) for step, of_step in forward.runs.items()}
        known: dict[tuple[str, ...], list[int]] = {}
        for step, rows in _calls(slices, strings) if programs else ():
            executed = tuple(operator_name(strings[int(slices.name[row])]) for row in rows)
            if executed not in known:
                known[executed] = _found(executed, programs)
            calls = known[executed]
            ran = next((forwards[call] for call in calls if call >= 0), -1)
            self._link(rows, calls, _last_run(left.get(step, []), ran))

    def groups(self) -> Int32:
        return inherited(self._slices, self._groups)

    def nodes(self) -> Int32:
        return inherited(self._slices, self._nodes)

    def members(self) -> FusionMembers:
        """Those that the compiler names, and those of other places that a backward ran for."""
        named = [
            (self._first + call, node) for call, nodes in enumerate(self._members) for node in nodes
        ]
        return FusionMembers.from_rows(sorted({**dict.fromkeys(named), **self._extra}))

    def _link(self, rows: Sequence[int], calls: Sequence[int], twins: Mapping[int, int]) -> None:
        """One run of a backward; what prepares a kernel belongs to it."""
        following = -1
        for row, call in zip(reversed(rows), reversed(calls), strict=True):
            if call >= 0:
                following = twins.get(self.heaviest[call], self.heaviest[call])
                group = self._first + call
                self._groups[row] = group
                if self._handed[call]:
                    self.gradients[row] = self._weights.stood_for(self._handed[call], twins)
                stood = (twins[node] for node in self._members[call] if node in twins)
                self._extra.update({(group, node): None for node in stood})
            self._nodes[row] = following


class _Weights:
    """Weights by their names, and by the nodes that read them."""

    def __init__(self, authored: Graph, strings: StringTable) -> None:
        names = authored.parameters.name.tolist()
        self._row_of = {strings[name]: row for row, name in enumerate(names)}
        self._of_node: dict[int, list[int]] = {}
        self._readers: dict[int, list[int]] = {}
        uses = authored.parameter_uses
        for weight, node in zip(uses.parameter.tolist(), uses.node.tolist(), strict=True):
            self._of_node.setdefault(node, []).append(weight)
            self._readers.setdefault(weight, []).append(node)

    def rows_of(self, names: Sequence[str]) -> list[int]:
        return [self._row_of[name] for name in names if name in self._row_of]

    def stood_for(self, weights: Sequence[int], twins: Mapping[int, int]) -> list[int]:
        """The weights that these stand for where their readers stand for other nodes."""
        return [self._twin(weight, twins) for weight in weights]

    def _twin(self, weight: int, twins: Mapping[int, int]) -> int:
        for reader in self._readers.get(weight, ()):
            others = self._of_node.get(twins.get(reader, -1), [])
            place = self._of_node[reader].index(weight)
            if place < len(others):
                return others[place]
        return weight


def _last_run(runs: Runs, forward: int) -> Mapping[int, int]:
    """What the last run of a forward stood for; its backward has run by then."""
    for at in range(len(runs) - 1, -1, -1):
        if runs[at][0] == forward:
            return runs.pop(at)[1]
    return {}


def _nodes_of_calls(graph: CompiledGraph, flops: np.ndarray[Any, Any]) -> list[int]:
    """The member that stands for each call: of those that it computes alone the one with most FLOPs.

    A generated kernel reads what operators that are called as they are have computed, and sums it up.
    """
    called = {
        node
        for call, members in zip(graph.code.calls, graph.members, strict=True)
        if not call.is_generated
        for node in members
    }
    found = []
    for call, members in zip(graph.code.calls, graph.members, strict=True):
        own = [node for node in members if not (call.is_generated and node in called)] or members
        found.append(max(own, key=lambda node: int(flops[node]), default=-1))
    return found


def _programs(graphs: Sequence[CompiledGraph]) -> list[tuple[int, list[Place]]]:
    """The number of each graph's first call, and its calls."""
    programs, begin = [], 0
    for graph in graphs:
        programs.append((begin, _program(graph)))
        begin += len(graph.code.calls)
    return programs


def _program(graph: CompiledGraph) -> list[Place]:
    """The place after the calls is where it begins."""
    beginning = Place("", "", graph.code.firsts, is_silent=True)
    return [*places_of_calls(graph, 0, END), beginning]


def _found(executed: Sequence[str], programs: Sequence[tuple[int, Sequence[Place]]]) -> list[int]:
    """The call of each operator, numbered through all graphs, by the graph that most of them fit."""
    fits = []
    for begin, program in programs:
        places = align([(name, "") for name in executed], program, len(program) - 1)
        fits.append([begin + place if place >= 0 else -1 for place in places])
    return max(fits, key=lambda calls: sum(call >= 0 for call in calls))


def _calls(slices: Slices, strings: StringTable) -> list[tuple[int, list[int]]]:
    """The step and the outermost operators of each run of a backward graph, in order of time."""
    is_call = np.array([text.startswith(GRAPH_CALL) for text in strings], np.bool_)
    is_backward = np.array([text.endswith(COMPILED_BACKWARD) for text in strings], np.bool_)
    inside = is_backward[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    calls = np.flatnonzero(is_call[slices.name] & inside & (slices.step >= 0))
    calls = calls[np.argsort(slices.start_ns[calls], kind="stable")]
    operators = slices.kind == SliceKind.OPERATOR
    return [
        (int(slices.step[call]), np.flatnonzero((slices.parent == call) & operators).tolist())
        for call in calls.tolist()
    ]
