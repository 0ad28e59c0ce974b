"""Ties the slices of a compiled run to kernel calls and authored nodes, by the order of execution."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.files import COMPILED_REGION
from profilers.captures.pytorch.links import (
    READS,
    operator_name,
    outermost_operators,
    straight_program,
)
from profilers.captures.sequence_alignment import END, Place, align
from profilers.graphs.control_flow import END as LAST
from profilers.graphs.torch_inductor_code import KernelCall
from profilers.graphs.torch_inductor_graph import CompiledGraph
from profilers.profile import FusionMembers, Graph, Slices, StringTable
from profilers.profile.table import Int32

GRAPH_CALL = "## Call CompiledFxGraph"  # a run of a compiled graph
Runs = list[tuple[int, dict[int, int]]]  # number of a graph and the twins of its members, in order
_Found = tuple[list[int], list[int], Runs]
_Flags = np.ndarray[Any, np.dtype[np.bool_]]


class KernelLinks:
    """Finds the kernel call and the authored node of each slice, step by step."""

    def __init__(
        self,
        graphs: Sequence[CompiledGraph],
        authored: Graph,
        slices: Slices,
        strings: StringTable,
    ) -> None:
        self._slices, self._strings = slices, strings
        self._flops = authored.nodes.flops
        self._members = [list(members) for graph in graphs for members in graph.members]
        self._in_body = [bool(call.body) for graph in graphs for call in graph.code.calls]
        self._order = [place for graph in graphs for place in _order(graph.code.calls)]
        self._graph_of = [number for number, graph in enumerate(graphs) for _ in graph.members]
        self._program = _kernel_program(graphs)
        self._places, self._authored = straight_program(authored, strings)
        self._place_of = {node: place for place, node in enumerate(self._authored)}
        self._in_graph = _inside(GRAPH_CALL, slices, strings)
        self._in_region = _inside(COMPILED_REGION, slices, strings)
        self._extra: dict[tuple[int, int], None] = {}
        self.runs: dict[int, Runs] = {}  # by step
        self._groups: Int32 = np.full(len(slices), -1, np.int32)
        self._nodes: Int32 = np.full(len(slices), -1, np.int32)
        outermost, modules = outermost_operators(slices, strings)
        known: dict[tuple[tuple[str, str], ...], _Found] = {}
        for step in np.unique(slices.step[outermost]).tolist():
            rows = [row for row in outermost if slices.step[row] == step]
            rows.sort(key=lambda row: int(slices.start_ns[row]))
            executed = tuple((self._name(row), modules.get(row, "")) for row in rows)
            if executed not in known:
                known[executed] = self._found(executed, rows)
            groups, nodes, self.runs[step] = known[executed]
            self._groups[rows], self._nodes[rows] = groups, nodes

    def groups(self) -> Int32:
        return inherited(self._slices, self._groups)

    def nodes(self) -> Int32:
        return inherited(self._slices, self._nodes)

    @property
    def count(self) -> int:
        """Of kernel calls."""
        return len(self._members)

    @property
    def heaviest(self) -> list[int]:
        """The member that stands for each kernel call, -1 for none."""
        return [self._heaviest(each) if each else -1 for each in self._members]

    def members(self) -> FusionMembers:
        """Those that the compiler names, and those of other places that a kernel ran for."""
        named = [(group, node) for group, nodes in enumerate(self._members) for node in nodes]
        return FusionMembers.from_rows(sorted({**dict.fromkeys(named), **self._extra}))

    def _name(self, row: int) -> str:
        return operator_name(self._strings[int(self._slices.name[row])])

    def _found(self, executed: tuple[tuple[str, str], ...], rows: Sequence[int]) -> _Found:
        """Group and authored node of each operator of a step, and the runs of graphs in it."""
        in_graph, in_region = self._in_graph[list(rows)], self._in_region[list(rows)]
        groups = self._aligned(executed, in_graph if in_graph.any() else ~in_graph, self._program)
        groups = [place - 1 if place > 0 else -1 for place in groups]
        is_eager = (np.array(groups) < 0) & ~in_graph
        places = self._aligned(executed, is_eager, self._places)
        nodes = [self._authored[place] if place >= 0 else -1 for place in places]
        runs = self._add_kernels(groups, places, nodes)
        for number in range(1, len(rows)):  # a branch reads what the kernel before it has made
            if nodes[number] < 0 and in_graph[number] and executed[number][0] in READS:
                nodes[number] = nodes[number - 1]
        for number in range(len(rows) - 2, -1, -1):  # what prepares a kernel belongs to it
            if nodes[number] < 0 and groups[number] < 0 and in_region[number]:
                nodes[number] = nodes[number + 1]
        return groups, nodes, runs

    def _aligned(
        self, executed: Sequence[tuple[str, str]], wanted: _Flags, program: Sequence[Place]
    ) -> list[int]:
        """Place of each operator that is wanted, -1 for the others."""
        found = [-1] * len(executed)
        numbers = np.flatnonzero(wanted).tolist() if program else []
        places = align([executed[number] for number in numbers], program, 0) if numbers else []
        for number, place in zip(numbers, places, strict=True):
            found[number] = place
        return found

    def _add_kernels(self, groups: Sequence[int], eager: Sequence[int], nodes: list[int]) -> Runs:
        """Nodes of kernels; a graph that ran for other modules too stands for theirs as well."""
        runs: Runs = []
        reached = -1  # the last place of the authored program that has run
        for begin, end in self._calls(groups):
            reached = max([reached, *eager[:begin]])
            following = next((place for place in eager[end:] if place >= 0), len(self._places))
            twins = self._twins(groups[begin:end], reached, following)
            runs.append((self._graph_of[groups[begin]], twins))
            for number in range(begin, end):
                members = self._members[groups[number]] if groups[number] >= 0 else []
                own = [twins.get(node, node) for node in members]
                self._extra.update({(groups[number], node): None for node in own})
                nodes[number] = self._heaviest(own) if own else nodes[number]
                reached = max([reached, *(self._place_of.get(node, -1) for node in own)])
        return runs

    def _calls(self, groups: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Begin and end of each run of kernels of one call of one graph."""
        kernels = [number for number, group in enumerate(groups) if group >= 0]
        begin = 0
        for at, number in enumerate(kernels):
            following = groups[kernels[at + 1]] if at + 1 < len(kernels) else -1
            if self._ends_run(groups[number], following):
                yield kernels[begin], number + 1
                begin = at + 1

    def _ends_run(self, group: int, following: int) -> bool:
        """Whether one call of one graph ends between these kernels; in a loop they come again."""
        if following < 0 or self._graph_of[following] != self._graph_of[group]:
            return True
        is_again = following == group and not self._in_body[group]
        return is_again or self._order[following] < self._order[group]

    def _twins(self, groups: Sequence[int], reached: int, following: int) -> dict[int, int]:
        """Nodes that members stand for, where the graph was made for another place of the program.

        The same operators in the same order, after what has run and before what runs eagerly next.
        """
        nodes = {node for group in groups if group >= 0 for node in self._members[group]}
        own = sorted(self._place_of[node] for node in nodes if node in self._place_of)
        if not own or (own[0] > reached and own[-1] < following):
            return {}
        twins, at = {}, reached + 1
        for place in own:
            operator = self._places[place].operator
            window = range(at, following)
            found = next((each for each in window if self._places[each].operator == operator), -1)
            if found < 0:
                return {}
            twins[self._authored[place]] = self._authored[found]
            at = found + 1
        return twins

    def _heaviest(self, members: Sequence[int]) -> int:
        """The member that stands for a group: the one with most FLOPs."""
        return members[int(np.argmax(self._flops[list(members)]))]


def _kernel_program(graphs: Sequence[CompiledGraph]) -> list[Place]:
    """Place 0 is between graphs, from where any graph may run next; call n is place n + 1."""
    firsts: list[int] = []
    places: list[Place] = []
    for graph in graphs:
        begin = len(places) + 1
        places += places_of_calls(graph, begin, 0)
        firsts += [begin + first for first in graph.code.firsts if first != LAST]
    return [Place("", "", (*firsts, END), is_silent=True), *places]


def places_of_calls(graph: CompiledGraph, begin: int, after: int) -> list[Place]:
    """The calls of a graph as places from `begin` on, of which the last are followed by `after`."""
    return [
        Place(
            traced_name(call, graph.code.number),
            "",
            tuple(after if each == LAST else begin + each for each in followers),
        )
        for call, followers in zip(graph.code.calls, graph.code.followers, strict=True)
    ]


def _order(calls: Sequence[KernelCall]) -> list[int]:
    """What is in a branch or a loop has the place of the call before it."""
    place, order = 0, []
    for number, call in enumerate(calls):
        place = place if call.body else number
        order.append(place)
    return order


def traced_name(call: KernelCall, graph: int) -> str:
    """How the call is named in a trace."""
    if call.mark or not call.is_generated:
        return call.mark or operator_name(call.name)
    return f"graph_{graph}_{call.name}" if call.kind == "C++/OpenMP" else call.name


def _inside(prefix: str, slices: Slices, strings: StringTable) -> _Flags:
    """Which slices lie in a range that is called so, or are one."""
    is_region = np.array([text.startswith(prefix) for text in strings], np.bool_)
    inside = is_region[slices.name]
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        inside[rows] |= inside[slices.parent[rows]]
    return inside
