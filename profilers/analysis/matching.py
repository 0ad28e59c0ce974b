"""Which node of one graph is which node of another: the same model in two frameworks or modes.

Both graphs become sequences of items: an operator of a telling family, or a layer's whole scope
where a framework spells the layer out in many small operators. The heaviest order-preserving
alignment of the two sequences pairs them; what lies in parallel branches and could not keep the
order is paired by equal shapes and weights afterwards.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.flow_order import flow_order
from profilers.analysis.operator_family import operator_family
from profilers.profile import Graph, NodeKind, StringTable, Table, column
from profilers.profile.table import Int32

_SILENT = frozenset({"copy", "input", "output", "placeholder", "noop"})
_SIDE = re.compile(
    r"bias|read_?variable|no_?op|assert|guard|^const$|dropout|getitem|listunpack", re.I
)
_LAYERS = frozenset({"normalisation", "attention", "softmax", "recurrent", "embedding"})
_HEAVY = {"convolution": 6.0, "matmul": 6.0, "attention": 5.0, "recurrent": 5.0, "normalisation": 3.0,
          "embedding": 3.0, "softmax": 2.0, "pooling": 2.0, "activation": 1.5}  # fmt: skip
_ALIKE = {"reduction": "pooling"}  # a mean over the picture is a pooling
_WORD = re.compile(r"[a-z]+")
_MOST_CELLS = 40_000_000
_SAME_LAYER = 0.5
_SAME_SHAPE, _SAME_WEIGHTS, _SAME_WORD = 0.5, 0.7, 0.3


@dataclass(frozen=True, eq=False)
class NodePairs(Table):
    """Nodes of graph a and graph b that do the same; a node may have several twins."""

    a: Int32 = column("i4")
    b: Int32 = column("i4")
    confidence: NDArray[np.float32] = column("f4")  # 0 to 1


@dataclass(frozen=True)
class _Item:
    """What is matched: nodes that together do one thing."""

    family: str
    word: str
    shape: tuple[int, ...]  # sizes of the result without order and ones
    weights: int  # elements of its parameters, by their bytes
    nodes: tuple[int, ...]


def match_graphs(a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable) -> NodePairs:
    """Pairs of nodes that do the same in two graphs of one model.

    Returns
    -------
    NodePairs
        Ordered by the row in `a`. The same graphs give the same pairs.
    """
    items_a, items_b = _items(a, strings_a), _items(b, strings_b)
    pairs = _aligned(items_a, items_b)
    pairs += _left_over(items_a, items_b, pairs)
    rows: dict[tuple[int, int], float] = {}
    for at, other, confidence in pairs:
        for node in items_a[at].nodes:
            for twin in items_b[other].nodes:
                rows[node, twin] = confidence
    _add_inputs(rows, a, b)
    for members in (_layer_members(rows, a, strings_a), _swapped_members(rows, b, strings_b)):
        for pair in members:
            rows.setdefault(pair, _SAME_LAYER)
    for pair, confidence in _satellites(rows, a, b).items():
        rows.setdefault(pair, confidence)
    return NodePairs.from_rows((*pair, rows[pair]) for pair in sorted(rows))


def _items(graph: Graph, strings: StringTable) -> list[_Item]:
    """Items in the order in which data flows."""
    nodes = graph.nodes
    operators = [strings[row] for row in nodes.operator.tolist()]
    families = [operator_family(name) for name in operators]
    kinds = nodes.kind.tolist()
    shapes = _shapes(graph, strings)
    layers = _layer_scopes(graph, strings, families)
    in_layer: dict[int, list[int]] = defaultdict(list)
    items: list[tuple[int, _Item]] = []
    order = flow_order(graph)
    for row in np.argsort(order, kind="stable").tolist():
        if kinds[row] in (NodeKind.INPUT, NodeKind.OUTPUT, NodeKind.CONSTANT):
            continue
        scope = layers.get(int(nodes.scope[row]), -1)
        if scope >= 0:
            in_layer[scope].append(row)
        elif families[row] not in _SILENT and not _SIDE.search(operators[row]):
            family = _ALIKE.get(families[row], families[row])
            weights = int(nodes.parameter_bytes[row])
            items.append(
                (
                    int(order[row]),
                    _Item(family, _word(operators[row]), shapes[row], weights, (row,)),
                )
            )
    for scope, rows in in_layer.items():
        name = _label(graph, strings, scope)
        weights = int(nodes.parameter_bytes[rows].sum())
        item = _Item(operator_family(name), _word(name), shapes[rows[-1]], weights, tuple(rows))
        items.append((int(order[rows[-1]]), item))
    return [item for _, item in sorted(items, key=lambda each: each[0])]


def _layer_scopes(graph: Graph, strings: StringTable, families: Sequence[str]) -> dict[int, int]:
    """Scopes of layers that are spelt out: their class or name is of a family that no
    node inside has.

    Scopes inside such a layer map to it too.
    """
    scopes, nodes = graph.scopes, graph.nodes
    inside: dict[int, set[str]] = defaultdict(set)
    parents = scopes.parent.tolist()
    for family, scope in zip(families, nodes.scope.tolist(), strict=True):
        while scope >= 0:
            inside[scope].add(family)
            scope = parents[scope]
    found: dict[int, int] = {}
    for scope, parent in enumerate(parents):
        if parent in found:
            found[scope] = found[parent]
        else:
            family = operator_family(_label(graph, strings, scope))
            if family in _LAYERS and inside[scope] and family not in inside[scope]:
                found[scope] = scope
    return found


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


def _aligned(a: Sequence[_Item], b: Sequence[_Item]) -> list[tuple[int, int, float]]:
    """The order-preserving pairs of the highest total score."""
    if not a or not b:
        return []
    if len(a) * len(b) > _MOST_CELLS:
        return []
    scores = np.array([[_score(left, right) for right in b] for left in a], np.float32)
    best = np.zeros((len(a) + 1, len(b) + 1), np.float32)
    for row in range(len(a)):
        paired = best[row, :-1] + scores[row]
        best[row + 1, 1:] = np.maximum.accumulate(np.maximum(best[row, 1:], paired))
    pairs = []
    row, other = len(a), len(b)
    while row and other:
        if best[row, other] == best[row - 1, other]:
            row -= 1
        elif best[row, other] == best[row, other - 1]:
            other -= 1
        else:
            row, other = row - 1, other - 1
            pairs.append((row, other, _confidence(a[row], b[other])))
    return pairs[::-1]


def _score(a: _Item, b: _Item) -> float:
    if a.family != b.family:
        return 0.0
    return _HEAVY.get(a.family, 1.0) * (0.5 + _confidence(a, b))


def _confidence(a: _Item, b: _Item) -> float:
    """From 0.25 for the same family alone to 1 for the same shape, weights and operator."""
    likeness = 0.5
    likeness += _SAME_SHAPE if a.shape == b.shape else 0.0
    likeness += _SAME_WEIGHTS if _same_weights(a, b) else 0.0
    likeness += _SAME_WORD if a.word == b.word else 0.0
    return likeness / 2


def _same_weights(a: _Item, b: _Item) -> bool:
    """Equal up to a bias or running statistics that one side counts elsewhere."""
    low, high = sorted((a.weights, b.weights))
    return high == low or (low > 0 and high - low <= max(high // 8, 1024))


def _left_over(
    a: Sequence[_Item], b: Sequence[_Item], pairs: Sequence[tuple[int, int, float]]
) -> list[tuple[int, int, float]]:
    """Unpaired items that are the only ones of their family, shape and weights on both sides."""
    done_a, done_b = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    keys_b: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for other, item in enumerate(b):
        if other not in done_b:
            keys_b[item.family, item.shape, item.weights > 0].append(other)
    keys_a: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for at, item in enumerate(a):
        if at not in done_a:
            keys_a[item.family, item.shape, item.weights > 0].append(at)
    return [
        (at, other, 0.8 * _confidence(a[at], b[other]))
        for key, rows in keys_a.items()
        if len(rows) == len(keys_b.get(key, ()))
        for at, other in zip(rows, keys_b[key], strict=True)
    ]


def _add_inputs(rows: dict[tuple[int, int], float], a: Graph, b: Graph) -> None:
    """Inputs and outputs by their order, where there are as many."""
    for kind in (NodeKind.INPUT, NodeKind.OUTPUT):
        ours, theirs = (
            np.flatnonzero((graph.nodes.kind == kind) & (graph.nodes.subgraph < 0)).tolist()
            for graph in (a, b)
        )
        if len(ours) == len(theirs):
            rows.update(dict.fromkeys(zip(ours, theirs, strict=True), 1.0))


def _layer_members(
    rows: dict[tuple[int, int], float], graph: Graph, strings: StringTable
) -> set[tuple[int, int]]:
    """Nodes of an attention layer without a twin of their own go with the attention itself.

    One framework has three projections where another has one: only the layers correspond.
    """
    scopes, nodes = graph.scopes, graph.nodes
    layer_of: dict[int, int] = {}
    for scope, (parent, kind) in enumerate(
        zip(scopes.parent.tolist(), scopes.kind.tolist(), strict=True)
    ):
        if parent in layer_of:
            layer_of[scope] = layer_of[parent]
        elif kind >= 0 and operator_family(strings[kind]) == "attention":
            layer_of[scope] = scope
    twins: dict[int, list[int]] = defaultdict(list)
    for node, twin in rows:
        twins[node].append(twin)
    of_layer: dict[int, set[int]] = defaultdict(set)
    for node, scope in enumerate(nodes.scope.tolist()):
        operator = strings[int(nodes.operator[node])]
        if scope in layer_of and operator_family(operator) == "attention":
            of_layer[layer_of[scope]].update(twins[node])
    return {
        (node, twin)
        for node, scope in enumerate(nodes.scope.tolist())
        if scope in layer_of and not twins.get(node)
        for twin in of_layer[layer_of[scope]]
    }


def _swapped_members(
    rows: dict[tuple[int, int], float], graph: Graph, strings: StringTable
) -> set[tuple[int, int]]:
    other_way = {(twin, node): confidence for (node, twin), confidence in rows.items()}
    return {(node, twin) for twin, node in _layer_members(other_way, graph, strings)}


def _satellites(
    rows: dict[tuple[int, int], float], a: Graph, b: Graph
) -> dict[tuple[int, int], float]:
    """Side operators, such as a bias that one framework adds apart, follow what feeds them."""
    found: dict[tuple[int, int], float] = {}
    for graph, is_b in ((a, False), (b, True)):
        twins: dict[int, list[int]] = defaultdict(list)
        for node, twin in rows:
            twins[twin if is_b else node].append(node if is_b else twin)
        scopes = graph.nodes.scope.tolist()
        for source, target in sorted(
            zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True),
            key=lambda edge: edge[1],
        ):
            if target in twins or source not in twins or scopes[source] != scopes[target]:
                continue
            if scopes[source] < 0:
                continue
            twins[target] = twins[source]
            for other in twins[source]:
                found[(other, target) if is_b else (target, other)] = 0.25
    return found


def _word(operator: str) -> str:
    """``add`` for aten.add_.Tensor, AddV2 and Add alike."""
    plain = re.sub(r"^(aten|prim|onnx)(::|\.)", "", operator)
    words = _WORD.findall(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower())
    return words[0] if words else ""
