"""The kernels of a compiled backward: the authored nodes that they differentiate, and their slices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profilers.captures.pytorch.compiled_links import traced_name
from profilers.captures.pytorch.inductor_provenance import (
    differentiated_by_calls,
    members_from_names,
)
from profilers.captures.pytorch.links import inherited, operator_name
from profilers.captures.scope_trails import common_trail
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.torch_inductor_code import read_inductor_code
from profilers.graphs.torch_inductor_graph import CompiledGraph
from profilers.profile import Graph, SliceKind, Slices, StringTable
from profilers.profile.table import Int32

Json = dict[str, Any]

COMPILED_BACKWARD = "CompiledFunctionBackward"
_CALL = "## Call CompiledFxGraph"


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
    members = members_from_names(code, differentiated_by_calls(record, code), made_of)
    trails = [common_trail(authored, strings, nodes) for nodes in members]
    return CompiledGraph(code, forward.weights, members, trails)


class BackwardLinks:
    """Finds the kernel call and the authored node of each slice of the compiled backwards.

    Parameters
    ----------
    graphs : sequence of CompiledGraph
    first : int
        The group of their first kernel call.
    """

    def __init__(
        self,
        graphs: Sequence[CompiledGraph],
        first: int,
        authored: Graph,
        slices: Slices,
        strings: StringTable,
    ) -> None:
        self._slices = slices
        self.heaviest = [
            node for graph in graphs for node in _nodes_of_calls(graph, authored.nodes.flops)
        ]
        self._groups: Int32 = np.full(len(slices), -1, np.int32)
        self._nodes: Int32 = np.full(len(slices), -1, np.int32)
        programs, begin = [], 0
        for graph in graphs:
            programs.append((begin, _program(graph)))
            begin += len(graph.code.calls)
        known: dict[tuple[str, ...], list[int]] = {}
        for rows in _calls(slices, strings) if programs else ():
            executed = tuple(operator_name(strings[int(slices.name[row])]) for row in rows)
            if executed not in known:
                known[executed] = _found(executed, programs)
            calls = np.array(known[executed], np.int32)
            self._groups[rows] = np.where(calls >= 0, calls + first, -1)
            self._nodes[rows] = self._prepared(known[executed])

    def groups(self) -> Int32:
        return inherited(self._slices, self._groups)

    def nodes(self) -> Int32:
        return inherited(self._slices, self._nodes)

    def _prepared(self, calls: Sequence[int]) -> list[int]:
        """The node of each operator; what prepares a kernel belongs to it."""
        nodes, following = [-1] * len(calls), -1
        for at in range(len(calls) - 1, -1, -1):
            following = self.heaviest[calls[at]] if calls[at] >= 0 else following
            nodes[at] = following
        return nodes


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


def _program(graph: CompiledGraph) -> list[Place]:
    last = len(graph.code.calls) - 1
    return [
        Place(traced_name(call, graph.code.number), "", (at + 1 if at < last else END,))
        for at, call in enumerate(graph.code.calls)
    ]


def _found(executed: Sequence[str], programs: Sequence[tuple[int, Sequence[Place]]]) -> list[int]:
    """The call of each operator, numbered through all graphs, by the graph that most of them fit."""
    fits = []
    for begin, program in programs:
        places = align([(name, "") for name in executed], program, 0 if program else END)
        fits.append([begin + place if place >= 0 else -1 for place in places])
    return max(fits, key=lambda calls: sum(call >= 0 for call in calls))


def _calls(slices: Slices, strings: StringTable) -> list[list[int]]:
    """For each run of a backward graph its outermost operators in order."""
    is_call = np.array([text.startswith(_CALL) for text in strings], np.bool_)
    is_backward = np.array([text.endswith(COMPILED_BACKWARD) for text in strings], np.bool_)
    inside = is_backward[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    calls = np.flatnonzero(is_call[slices.name] & inside & (slices.step >= 0))
    operators = slices.kind == SliceKind.OPERATOR
    return [np.flatnonzero((slices.parent == call) & operators).tolist() for call in calls.tolist()]
