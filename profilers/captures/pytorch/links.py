"""Ties the operators of a PyTorch trace to the nodes of the authored graph."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.free_places import FreePlaces
from profilers.captures.pytorch.files import MODULE_MARK, NODE_MARK
from profilers.captures.sequence_alignment import END, Place, align
from profilers.profile import Flows, Graph, NodeKind, SliceKind, Slices, StringTable
from profilers.profile.table import Int32

_PREPARES = ("aten::_autocast_to_", "aten::detach")  # a cast; what a differentiable graph keeps
_CHECK = "_assert_tensor_metadata"
_MAY_BE_LEFT = frozenset({"aten::to", "aten::lift_fresh_copy"})
READS = frozenset({"aten::item", "aten::is_nonzero", "aten::_local_scalar_dense"})
_REWRITES = frozenset({"aten::contiguous"})  # nothing where export takes the layout to be right
_MAKES = frozenset({"aten::empty", "aten::to", "aten::lift_fresh", "aten::detach_"})
_OF_AUTODIFF = {  # what TorchScript calls in their place where it keeps what their derivative needs
    "aten::native_layer_norm": "aten::layer_norm",
    "aten::_batch_norm_impl_index": "aten::batch_norm",
    "aten::native_dropout": "aten::dropout",
    "aten::max_pool2d_with_indices": "aten::max_pool2d",
}
DIFFERENTIABLE_FORWARD = "<forward op>"  # around the operators of a differentiable graph
_OVERLOAD = re.compile(r"^(?:torch\.ops\.)?(?P<space>\w+)(?:::|\.)(?P<name>\w+)")


def operator_name(text: str) -> str:
    """``aten.add_.Tensor`` and ``aten::add_`` are both ``aten::add_``."""
    match = _OVERLOAD.match(text)
    return f"{match['space']}::{match['name']}" if match else text


def linked_by_marks(slices: Slices, strings: StringTable, graph: Graph) -> Int32:
    """Nodes of slices inside a node's range; the innermost range counts.

    A check that export adds before an operator, which the graph does not show, belongs to that one.
    """
    rows = node_rows(graph, strings)
    marked = {
        row: rows.get(text.removeprefix(NODE_MARK), -1)
        for row, text in enumerate(strings)
        if text.startswith(NODE_MARK)
    }
    nodes = np.array([marked.get(name, -1) for name in slices.name.tolist()], np.int32)
    following: dict[int, int] = {}  # by what encloses them
    for row in np.flatnonzero(np.isin(slices.name, list(marked)))[::-1].tolist():
        parent = int(slices.parent[row])
        if nodes[row] < 0 and _CHECK in strings[int(slices.name[row])]:
            nodes[row] = following.get(parent, -1)
        following[parent] = int(nodes[row])
    return inherited(slices, nodes)


def linked_script(
    slices: Slices, strings: StringTable, program: Sequence[Place], nodes_of: Sequence[int]
) -> Int32:
    """As `linked_by_order`, where TorchScript trains.

    It gathers what it differentiates, so that operators move: one without a place takes the nearest
    that is free.
    """
    renamed = StringTable(_OF_AUTODIFF.get(operator_name(text), text) for text in strings)
    nodes = linked_by_order(slices, renamed, program, nodes_of)
    if strings.find(DIFFERENTIABLE_FORWARD) < 0:
        return nodes
    outermost, _ = outermost_operators(slices, strings)
    operators = [(node, place.operator) for node, place in zip(nodes_of, program, strict=True)]
    for step in np.unique(slices.step[outermost]).tolist():
        rows = [row for row in outermost if slices.step[row] == step]
        rows.sort(key=lambda row: int(slices.start_ns[row]))
        free, last = FreePlaces(operators, {int(nodes[row]) for row in rows}), 0
        for row in rows:
            if nodes[row] < 0:
                nodes[row] = free.take(operator_name(renamed[int(slices.name[row])]), last)
            last = max(last, int(nodes[row]))
    return inherited(slices, nodes)


def linked_by_order(
    slices: Slices, strings: StringTable, program: Sequence[Place], nodes_of: Sequence[int]
) -> Int32:
    """Nodes of slices by the order in which the outermost operators of each step were executed.

    Parameters
    ----------
    program : sequence of Place
        The graph as it may be executed, beginning at place 0.
    nodes_of : sequence of int
        The node of each place.
    """
    outermost, modules = outermost_operators(slices, strings)
    nodes = np.full(len(slices), -1, np.int32)
    found: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for step in np.unique(slices.step[outermost]).tolist():
        rows = [row for row in outermost if slices.step[row] == step]
        rows.sort(key=lambda row: int(slices.start_ns[row]))
        executed = tuple(
            (operator_name(strings[int(slices.name[row])]), modules.get(row, "")) for row in rows
        )
        if executed not in found:
            aligned = align(executed, program, 0 if program else END)
            found[executed] = _with_conversions(executed, aligned)
        for row, place in zip(rows, found[executed], strict=True):
            if place >= 0:
                nodes[row] = nodes_of[place]
    return inherited(slices, nodes)


def with_added(slices: Slices, strings: StringTable, nodes: Int32) -> Int32:
    """Nodes of slices, with those of what TorchScript adds before an operator: casts, and detaching
    what a differentiable graph takes."""
    linked, following = nodes.copy(), -1
    is_added = np.array([text.startswith(_PREPARES) for text in strings], np.bool_)
    rows, _ = outermost_operators(slices, strings)
    for row in sorted(rows, key=lambda row: int(slices.start_ns[row]), reverse=True):
        if linked[row] < 0 and is_added[slices.name[row]]:
            linked[row] = following
        following = int(linked[row]) if linked[row] >= 0 else following
    return inherited(slices, linked)


def _with_conversions(executed: Sequence[tuple[str, str]], places: Sequence[int]) -> list[int]:
    """What Python reads, or brings into another layout, belongs to the operator before it; what it
    makes a tensor of to the next one.

    Traced graphs hold none of these: there the value is a constant, the layout another. Only within
    one module.
    """
    completed = list(places)
    following: dict[str, int] = {}
    for number in range(len(completed) - 1, -1, -1):
        name, module = executed[number]
        if completed[number] >= 0:
            following[module] = completed[number]
        elif name in _MAKES:
            completed[number] = following.get(module, -1)
    before: dict[str, int] = {}
    for number, (name, module) in enumerate(executed):
        if places[number] >= 0:
            before[module] = places[number]
        elif name in READS or name in _REWRITES:
            completed[number] = before.get(module, -1)
    return completed


def straight_program(graph: Graph, strings: StringTable) -> tuple[list[Place], list[int]]:
    """A graph without control flow: its operators one after the other."""
    rows = rows_in_order(graph)
    rows = [row for row in rows if graph.nodes.subgraph[row] < 0]
    return places_of(graph, strings, rows), rows


def readers_of_weights(graph: Graph, strings: StringTable) -> dict[str, list[int]]:
    """Nodes that read each weight, by its name in the state_dict."""
    readers: dict[str, list[int]] = {}
    uses = graph.parameter_uses
    for weight, node in zip(uses.parameter.tolist(), uses.node.tolist(), strict=True):
        readers.setdefault(strings[int(graph.parameters.name[weight])], []).append(node)
    return readers


def rows_in_order(graph: Graph) -> list[int]:
    """Nodes that compute, those of bodies before the one that owns these."""
    is_computed = ~np.isin(graph.nodes.kind, (NodeKind.INPUT, NodeKind.OUTPUT))
    inside: dict[int, list[int]] = {}
    for row in np.flatnonzero(is_computed).tolist():
        inside.setdefault(int(graph.nodes.subgraph[row]), []).append(row)
    bodies: dict[int, list[int]] = {}
    for body, owner in enumerate(graph.subgraphs.owner.tolist()):
        bodies.setdefault(owner, []).append(body)

    def ordered(body: int) -> Iterator[int]:
        for row in inside.get(body, ()):
            for each in bodies.get(row, ()):
                yield from ordered(each)
            yield row

    return list(ordered(-1))


def places_of(graph: Graph, strings: StringTable, rows: Sequence[int]) -> list[Place]:
    """Nodes as they run one after the other."""
    paths = scope_paths(graph, strings)
    last = len(rows) - 1
    return [
        Place(
            operator_name(strings[int(graph.nodes.operator[row])]),
            paths.get(int(graph.nodes.scope[row]), ""),
            (number + 1 if number < last else END,),
            is_silent=_is_silent(strings[int(graph.nodes.operator[row])]),
        )
        for number, row in enumerate(rows)
    ]


def _is_silent(operator: str) -> bool:
    """What may not run: calls of Python, checks that export adds, conversions into what it is already."""
    name = operator_name(operator)
    return not name.startswith("aten") or name.startswith("aten::_assert") or name in _MAY_BE_LEFT


def outermost_operators(slices: Slices, strings: StringTable) -> tuple[list[int], dict[int, str]]:
    """Operators that no other operator encloses, and the module whose range they lie in."""
    rows, modules = [], {}
    inside = np.zeros(len(slices), np.bool_)
    module_of = np.full(len(slices), -1, np.int64)
    parents, kinds = slices.parent.tolist(), slices.kind.tolist()
    is_module = np.array([text.startswith(MODULE_MARK) for text in strings], np.bool_)
    marks = is_module[slices.name].tolist() if len(strings) else []
    for row, (parent, kind) in enumerate(zip(parents, kinds, strict=True)):
        if parent >= 0:
            inside[row] = inside[parent] or kinds[parent] == SliceKind.OPERATOR
            module_of[row] = module_of[parent]
        if marks[row]:
            module_of[row] = row
        if kind == SliceKind.OPERATOR and not inside[row] and slices.step[row] >= 0:
            rows.append(row)
            if module_of[row] >= 0:
                name = strings[int(slices.name[module_of[row]])]
                modules[row] = name.removeprefix(MODULE_MARK)
    return rows, modules


def linked_launches(nodes: Int32, flows: Flows, launch: int) -> Int32:
    """Device work takes the node of the call that launched it; `launch` is that flow's string row.

    What is known of it already stays where the call has none: that of a CUDA graph stands for many.
    """
    linked = nodes.copy()
    rows = (flows.kind == launch) & (nodes[flows.source] >= 0)
    linked[flows.target[rows]] = nodes[flows.source[rows]]
    return linked


def node_rows(graph: Graph, strings: StringTable) -> dict[str, int]:
    """Nodes by path: ``name`` in the main graph, ``owner/branch/name`` within a body."""
    prefixes = {-1: ""}
    branches: dict[int, int] = {}
    nodes = graph.nodes
    for row, owner in enumerate(graph.subgraphs.owner.tolist()):
        branch = branches[owner] = branches.get(owner, -1) + 1
        outer = prefixes.get(int(nodes.subgraph[owner]), "")
        prefixes[row] = f"{outer}{strings[int(nodes.name[owner])]}/{branch}/"
    return {
        prefixes.get(subgraph, "") + strings[name]: row
        for row, (name, subgraph) in enumerate(
            zip(nodes.name.tolist(), nodes.subgraph.tolist(), strict=True)
        )
    }


def scope_paths(graph: Graph, strings: StringTable) -> Mapping[int, str]:
    """Dotted path of each scope: ``blocks.0.attention``."""
    paths: dict[int, str] = {}
    scopes = graph.scopes
    for row, (name, parent) in enumerate(
        zip(scopes.name.tolist(), scopes.parent.tolist(), strict=True)
    ):
        paths[row] = f"{paths[parent]}.{strings[name]}" if parent >= 0 else strings[name]
    return paths
