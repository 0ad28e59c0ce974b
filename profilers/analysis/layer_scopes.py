"""Layers that a scope's class or name tells of, where a framework spells them out."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from profilers.analysis.data_path import DataPath
from profilers.analysis.operator_kinds import HEAVY, operator_kind
from profilers.profile import Graph, StringTable

_INSIDE: dict[str, frozenset[str]] = {  # what a layer may hold of the kinds that tell most
    "normalisation": frozenset(),
    "recurrent": frozenset({"product", "embedding"}),
    "embedding": frozenset(),
}
_NAMES = (("normalisation", re.compile(r"(^|_)(norm|bn|ln)\d*(_|$)")),)


def spelt_out_layers(
    graph: Graph, strings: StringTable, path: DataPath, order: Sequence[int]
) -> Iterator[tuple[str, list[int]]]:
    """Kind and nodes of each such layer, the nodes of `order` alone and in that order."""
    layer_of, kinds = _layers(graph, strings, path, order)
    scopes = graph.nodes.scope.tolist()
    members: dict[int, list[int]] = defaultdict(list)
    for row in order:
        layer = layer_of.get(scopes[row], -1)
        if layer >= 0 and path.kinds[row]:
            members[layer].append(row)
    for layer, nodes in members.items():
        told = [row for row in nodes if path.is_data[row] or path.parameters[row]]
        if told:
            yield kinds[layer], told


def _layers(
    graph: Graph, strings: StringTable, path: DataPath, order: Sequence[int]
) -> tuple[dict[int, int], list[str]]:
    """The layer's scope for each scope in one, and the kind of every scope."""
    parents = graph.scopes.parent.tolist()
    kinds = [_kind(graph, strings, scope) for scope in range(len(parents))]
    inside: list[set[str]] = [set() for _ in parents]
    scopes = graph.nodes.scope.tolist()
    for row in order:
        if scopes[row] >= 0:
            inside[scopes[row]].add(path.kinds[row])
    named: list[set[str]] = [set() for _ in parents]
    classes: list[set[str]] = [set() for _ in parents]
    for scope in range(len(parents) - 1, -1, -1):
        if parents[scope] >= 0:
            own = {kinds[scope]} if graph.scopes.kind[scope] >= 0 else set()
            classes[parents[scope]] |= classes[scope] | own
            inside[parents[scope]] |= inside[scope]
            named[parents[scope]] |= named[scope] | {kinds[scope]}
    layer_of: dict[int, int] = {}
    for scope, (parent, kind) in enumerate(zip(parents, kinds, strict=True)):
        if parent in layer_of:
            layer_of[scope] = layer_of[parent]
        elif kind in _INSIDE and inside[scope]:
            foreign = (inside[scope] | named[scope]) & HEAVY - _INSIDE[kind] - {kind}
            holds_several = kind != "recurrent" and kind in classes[scope]
            if not foreign and not holds_several:
                layer_of[scope] = scope
    return layer_of, kinds


def _kind(graph: Graph, strings: StringTable, scope: int) -> str:
    """Of a scope's class, else of its own name."""
    row = int(graph.scopes.kind[scope])
    text = strings[row if row >= 0 else int(graph.scopes.name[scope])]
    for kind, pattern in _NAMES:
        if pattern.search(text.lower()):
            return kind
    return operator_kind(text)
