"""Whom a block of memory belongs to: its module, its operator, the code that asked for it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.profile import MemoryCategory, Profile, SliceKind, decode
from profilers.profile.table import Int32, Int64

PARAMETERS, INPUTS, OPTIMISER_STATE = -2, -3, -4  # in place of an operator's name

_STACK = "Call stack"
_PREFIXES = {
    MemoryCategory.GRADIENT: "gradient of ",
    MemoryCategory.OPTIMISER_STATE: "optimiser state of ",
    MemoryCategory.GATHERED_PARAMETER: "gathered ",
}


@once
def making_slices(profile: Profile) -> Int32:
    """For each block the outermost operator in which it was made, else the slice that made it."""
    slices, row = profile.trace.slices, profile.memory.allocations.slice
    found, is_operator = row.copy(), np.append(slices.kind == SliceKind.OPERATOR, False)
    parents = np.append(slices.parent, -1)
    while (row >= 0).any():
        found = np.where(is_operator[row], row, found)
        row = parents[row]
    found.flags.writeable = False
    return found


@once
def block_scopes(profile: Profile) -> Int32:
    """For each block the scope of its node, or of its parameter."""
    allocations, graph = profile.memory.allocations, profile.authored
    of_node = np.append(graph.nodes.scope, -1)[allocations.node]
    of_parameter = np.append(_parameter_scopes(profile), -1)[allocations.parameter]
    scopes: Int32 = np.where(allocations.node >= 0, of_node, of_parameter).astype(np.int32)
    scopes.flags.writeable = False
    return scopes


def _parameter_scopes(profile: Profile) -> Int32:
    """The scope of the first node that reads a parameter; of an unread one, that of its name."""
    graph, strings = profile.authored, profile.strings
    uses = graph.parameter_uses
    reader = np.full(len(graph.parameters), -1, np.int32)
    reader[uses.parameter[::-1]] = uses.node[::-1]
    scopes: Int32 = np.append(graph.nodes.scope, -1)[reader].astype(np.int32)
    of_path = {path: row for row, path in enumerate(scope_paths(profile))}
    for row in np.flatnonzero(reader < 0).tolist():
        name = strings[int(graph.parameters.name[row])]
        scopes[row] = of_path.get(name.rpartition(".")[0], -1)
    return scopes


@once
def block_operators(profile: Profile) -> Int32:
    """For each block the name of the operator that made it, as a string row.

    `PARAMETERS`, `INPUTS` and `OPTIMISER_STATE` stand for what no operator of the profile made, -1
    for what is not known.
    """
    allocations, slices = profile.memory.allocations, profile.trace.slices
    called = np.append(slices.name, -1)[making_slices(profile)]
    operator = np.append(profile.authored.nodes.operator, -1)[allocations.node]
    found: Int32 = np.where(operator >= 0, operator, called).astype(np.int32)
    is_given = allocations.slice < 0
    for category, instead in (
        (MemoryCategory.INPUT, INPUTS),
        (MemoryCategory.PARAMETER, PARAMETERS),
        (MemoryCategory.OPTIMISER_STATE, OPTIMISER_STATE),
    ):
        found[is_given & (allocations.category == category)] = instead
    found.flags.writeable = False
    return found


def owner_names(profile: Profile, rows: NDArray[np.integer]) -> list[str]:
    """The parameter, node or operator that each of some blocks belongs to; "" if nobody knows.

    A node whose name does not tell its module has that before it: ``blocks.0.mlp · linear_3``.
    """
    allocations, graph, strings = profile.memory.allocations, profile.authored, profile.strings
    slices = making_slices(profile)[rows]
    called = np.append(profile.trace.slices.name, -1)[slices]
    weights = np.append(graph.parameters.name, -1)[allocations.parameter[rows]]
    prefixes = [_PREFIXES.get(each, "") for each in allocations.category[rows].tolist()]
    return [
        f"{prefix}{strings[weight]}"
        if weight >= 0
        else node_title(profile, node)
        if node >= 0
        else strings[row]
        for node, weight, row, prefix in zip(
            allocations.node[rows].tolist(),
            weights.tolist(),
            called.tolist(),
            prefixes,
            strict=True,
        )
    ]


def node_title(profile: Profile, node: int) -> str:
    """Name of an authored node, with its module where that is not part of it."""
    nodes, strings = profile.authored.nodes, profile.strings
    name, scope = strings[int(nodes.name[node])], int(nodes.scope[node])
    if scope < 0 or strings[int(profile.authored.scopes.name[scope])] in name.split("/"):
        return name
    return f"{scope_path(profile, scope)} · {name}"


def scope_paths(profile: Profile) -> Sequence[str]:
    """Dotted path of each scope of the authored graph: ``blocks.0.attention``."""
    scopes, strings = profile.authored.scopes, profile.strings
    paths: list[str] = []
    for name, parent in zip(scopes.name.tolist(), scopes.parent.tolist(), strict=True):
        paths.append(f"{paths[parent]}.{strings[name]}" if parent >= 0 else strings[name])
    return paths


def scope_path(profile: Profile, scope: int) -> str:
    """Dotted path of one scope; "" for -1."""
    scopes = profile.authored.scopes
    parts: list[str] = []
    while scope >= 0:
        parts.append(profile.strings[int(scopes.name[scope])])
        scope = int(scopes.parent[scope])
    return ".".join(reversed(parts))


def tensor_text(profile: Profile, row: int) -> str:
    """``float32 [1, 64, 56, 56]`` of the block's tensor; "" if no tensor of its size is known."""
    allocations, graph, strings = profile.memory.allocations, profile.authored, profile.strings
    parameter, node = int(allocations.parameter[row]), int(allocations.node[row])
    table = graph.parameters
    if parameter >= 0 and table.bytes[parameter] == allocations.bytes[row]:
        return _typed(strings[int(table.dtype[parameter])], strings[int(table.shape[parameter])])
    edges, by_source = graph.edges, _edges_by_source(profile)
    begin, end = np.searchsorted(edges.source, (node, node + 1), sorter=by_source)
    out = by_source[begin:end]
    same = out[edges.bytes[out] == allocations.bytes[row]]
    if node < 0 or not len(same):
        return ""
    edge = int(same[0])
    return _typed(strings[int(edges.dtype[edge])], strings[int(edges.shape[edge])])


@once
def _edges_by_source(profile: Profile) -> Int64:
    order = np.argsort(profile.authored.edges.source, kind="stable")
    order.flags.writeable = False
    return order


def call_stack(profile: Profile, row: int) -> str:
    """The code that asked for a block, innermost frame first, a line each; "" if it is not known."""
    made_in = int(profile.memory.allocations.slice[row])
    if made_in < 0:
        return ""
    return str(decode(profile.trace.arguments, made_in).get(_STACK, ""))


def _typed(dtype: str, shape: str) -> str:
    return f"{dtype} [{shape.replace(',', ', ')}]" if dtype else ""
