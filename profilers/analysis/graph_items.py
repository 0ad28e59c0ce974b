"""What two graphs are compared by: telling operators, and layers that are spelt out in small ones."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profilers.analysis.flow_order import flow_order
from profilers.analysis.operator_family import operator_family
from profilers.profile import Graph, NodeKind, StringTable

_SILENT = frozenset({"copy", "input", "output", "placeholder", "noop"})
_SIDE = re.compile(
    r"bias|read_?variable|no_?op|assert|guard|^const$|dropout|getitem|listunpack", re.I
)
_LAYERS: dict[str, frozenset[str]] = {  # what may lie inside, of the families that tell most
    "normalisation": frozenset(),
    "attention": frozenset({"matmul", "softmax", "embedding"}),
    "softmax": frozenset(),
    "recurrent": frozenset({"matmul", "embedding"}),
    "embedding": frozenset(),
}
_TELLING = frozenset({"convolution", "matmul", *_LAYERS})
_ALIKE = {"reduction": "pooling"}  # a mean over the picture is a pooling
_ONE_OPERATOR = frozenset({"convolution", "matmul", "embedding", "attention", "normalisation"})
_LAYER_NAMES = (
    ("normalisation", re.compile(r"(^|_)(norm|bn|ln)\d*(_|$)")),
    ("attention", re.compile(r"(^|_)attn\d*(_|$)")),
)
_SPELLINGS = {"real": "div", "reduce": "mean", "avg": "mean", "adaptive": "mean", "global": "mean"}
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Item:
    """Nodes that together do one thing."""

    family: str
    word: str
    shape: tuple[int, ...]  # sizes of the result without order and ones
    weights: int  # bytes of its parameters
    nodes: tuple[int, ...]


def node_items(graph: Graph, strings: StringTable) -> list[Item]:
    """One item per node that computes something, in the order in which data flows."""
    nodes = graph.nodes
    shapes, weights = _shapes(graph, strings), _weights(graph, strings)
    items = []
    for row in np.argsort(flow_order(graph), kind="stable").tolist():
        operator = strings[int(nodes.operator[row])]
        family = operator_family(operator)
        is_named = nodes.kind[row] in (NodeKind.INPUT, NodeKind.OUTPUT, NodeKind.CONSTANT)
        if not (is_named or family in _SILENT or _SIDE.search(operator)):
            word = _word(operator, family)
            family = word if family == "elementwise" else _ALIKE.get(family, family)
            items.append(Item(family, word, shapes[row], weights[row], (row,)))
    return items


def fold_layers(graph: Graph, strings: StringTable, items: Sequence[Item]) -> list[Item]:
    """Put one item, where its last node was, for all nodes of a layer that is spelt out."""
    nodes = graph.nodes
    layers = _layer_scopes(graph, strings)
    inside: dict[int, list[int]] = defaultdict(list)
    for row, (scope, kind) in enumerate(
        zip(nodes.scope.tolist(), nodes.kind.tolist(), strict=True)
    ):
        if scope in layers and kind != NodeKind.CONSTANT:
            inside[layers[scope]].append(row)
    layer_of = {row: layer for layer, rows in inside.items() for row in rows}
    last = {layer_of.get(item.nodes[0], -1): item for item in items}
    folded = []
    for item in items:
        layer = layer_of.get(item.nodes[0], -1)
        if layer < 0:
            folded.append(item)
        elif item is last[layer]:
            family, rows = _layer_family(graph, strings, layer), tuple(inside[layer])
            word = _word(_label(graph, strings, layer), family)
            weights = int(nodes.parameter_bytes[list(rows)].sum())
            folded.append(Item(family, word, item.shape, weights, rows))
    return folded


def attention_layers(graph: Graph, strings: StringTable) -> dict[int, tuple[int, ...]]:
    """For each node inside an attention layer, all nodes of that layer."""
    scopes = graph.scopes
    layer_of: dict[int, int] = {}
    for scope, parent in enumerate(scopes.parent.tolist()):
        if parent in layer_of:
            layer_of[scope] = layer_of[parent]
        elif scopes.kind[scope] >= 0 and _layer_family(graph, strings, scope) == "attention":
            layer_of[scope] = scope
    members: dict[int, list[int]] = defaultdict(list)
    for row, scope in enumerate(graph.nodes.scope.tolist()):
        if scope in layer_of and graph.nodes.kind[row] != NodeKind.CONSTANT:
            members[layer_of[scope]].append(row)
    return {row: tuple(rows) for rows in members.values() for row in rows}


def _layer_scopes(graph: Graph, strings: StringTable) -> dict[int, int]:
    """Scopes of layers whose class or name is of a family that no operator inside has.

    Scopes inside such a layer map to it too.
    """
    scopes, nodes = graph.scopes, graph.nodes
    parents = scopes.parent.tolist()
    families = [_layer_family(graph, strings, scope) for scope in range(len(scopes))]
    operators: list[set[str]] = [set() for _ in parents]
    for operator, scope in zip(nodes.operator.tolist(), nodes.scope.tolist(), strict=True):
        if scope >= 0:
            operators[scope].add(operator_family(strings[operator]))
    layers: list[set[str]] = [set() for _ in parents]
    for scope in range(len(parents) - 1, -1, -1):
        if parents[scope] >= 0:
            operators[parents[scope]] |= operators[scope]
            layers[parents[scope]] |= layers[scope] | {families[scope]}
    found: dict[int, int] = {}
    for scope, (parent, family) in enumerate(zip(parents, families, strict=True)):
        if parent in found:
            found[scope] = found[parent]
        elif operators[scope] and family in _LAYERS and family not in operators[scope]:
            foreign = (operators[scope] | layers[scope]) & _TELLING - _LAYERS[family] - {family}
            if not foreign:
                found[scope] = scope
    return found


def _layer_family(graph: Graph, strings: StringTable, scope: int) -> str:
    """Family of a scope's class, else of its own name."""
    text = _label(graph, strings, scope)
    for family, pattern in _LAYER_NAMES:
        if pattern.search(text.lower()):
            return family
    return operator_family(text)


def _label(graph: Graph, strings: StringTable, scope: int) -> str:
    """What a scope is: its class, else its own name."""
    kind = int(graph.scopes.kind[scope])
    return strings[kind if kind >= 0 else int(graph.scopes.name[scope])]


def _shapes(graph: Graph, strings: StringTable) -> list[tuple[int, ...]]:
    """Sizes of each node's result, sorted and without ones, so that layout does not matter."""
    shapes: list[tuple[int, ...]] = [()] * len(graph.nodes)
    parsed: dict[int, tuple[int, ...]] = {}
    for source, text in zip(graph.edges.source.tolist(), graph.edges.shape.tolist(), strict=True):
        if text < 0 or shapes[source]:
            continue
        if text not in parsed:
            sizes = [int(size) for size in strings[text].split(",") if size.isdigit()]
            parsed[text] = tuple(sorted(size for size in sizes if size > 1))
        shapes[source] = parsed[text]
    return shapes


def _weights(graph: Graph, strings: StringTable) -> list[int]:
    """Bytes of the parameters that each node reads, itself or through a transposition."""
    weights: list[int] = graph.nodes.parameter_bytes.tolist()
    has_feeder = np.zeros(len(weights), bool)
    has_feeder[graph.edges.target] = True
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        operator = strings[int(graph.nodes.operator[source])]
        if weights[source] and not has_feeder[source] and operator_family(operator) in _SILENT:
            weights[target] += weights[source]
    return weights


def _word(operator: str, family: str) -> str:
    """``add`` for aten.add_.Tensor, AddV2 and Add alike; the family where it is one operator."""
    if family in _ONE_OPERATOR:
        return family
    plain = re.sub(r"^(aten|prim|onnx)(::|\.)", "", operator)
    words = _WORD.findall(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower())
    return _SPELLINGS.get(words[0], words[0]) if words else ""
