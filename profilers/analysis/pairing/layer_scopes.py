"""Layers that a scope's class or name tells of, where a framework spells them out."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

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
    members: dict[int, list[int]] = defaultdict(list)
    for row in order:
        layer = layer_of.get(int(graph.nodes.scope[row]), -1)
        if layer >= 0 and path.kinds[row]:
            members[layer].append(row)
    for layer, nodes in members.items():
        told = [row for row in nodes if path.is_data[row] or path.parameters[row]]
        if told:
            yield kinds[layer], told


def _layers(
    graph: Graph, strings: StringTable, path: DataPath, order: Sequence[int]
) -> tuple[dict[int, int], dict[int, str]]:
    """The layer's scope for each scope in one, and the kind of every scope around the nodes."""
    inside: dict[int, set[str]] = defaultdict(set)
    for row in order:
        inside[int(graph.nodes.scope[row])].add(path.kinds[row])
    inside.pop(-1, None)
    parents = _with_those_around(graph, inside)
    kinds = {scope: _kind(graph, strings, scope) for scope in parents}
    named: dict[int, set[str]] = defaultdict(set)
    classes: dict[int, set[str]] = defaultdict(set)
    for scope in sorted(parents, reverse=True):
        parent = parents[scope]
        if graph.scopes.kind[scope] >= 0:
            classes[parent].add(kinds[scope])
        classes[parent] |= classes[scope]
        inside[parent] |= inside[scope]
        named[parent] |= named[scope] | {kinds[scope]}
    layer_of: dict[int, int] = {}
    for scope in sorted(parents):
        kind = kinds[scope]
        if parents[scope] in layer_of:
            layer_of[scope] = layer_of[parents[scope]]
        elif kind in _INSIDE:
            foreign = (inside[scope] | named[scope]) & HEAVY - _INSIDE[kind] - {kind}
            holds_several = kind != "recurrent" and kind in classes[scope]
            if not foreign and not holds_several:
                layer_of[scope] = scope
    return layer_of, kinds


def _with_those_around(graph: Graph, scopes: Iterable[int]) -> dict[int, int]:
    """The parent of each of the scopes and of all that they lie in."""
    parents: dict[int, int] = {}
    for scope in scopes:
        while scope >= 0 and scope not in parents:
            parents[scope] = int(graph.scopes.parent[scope])
            scope = parents[scope]
    return parents


def _kind(graph: Graph, strings: StringTable, scope: int) -> str:
    """Of a scope's class, else of its own name."""
    row = int(graph.scopes.kind[scope])
    text = strings[row if row >= 0 else int(graph.scopes.name[scope])]
    for kind, pattern in _NAMES:
        if pattern.search(text.lower()):
            return kind
    return operator_kind(text)
