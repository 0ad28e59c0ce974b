"""Which node of one graph is which node of another: the same model in two frameworks or modes.

Both graphs become sequences of items: an operator of a telling family, or a layer's whole scope
where a framework spells the layer out in many small operators. The heaviest order-preserving
alignment of the two sequences pairs them; what lies in parallel branches and could not keep the
order is paired by equal shapes and weights afterwards. Within a layer that only one side spells out,
what has no twin of its own goes with the whole layer.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.alignment import align, left_over
from profilers.analysis.flow_order import flow_order
from profilers.analysis.graph_items import Item, attention_layers, fold_layers, node_items
from profilers.analysis.operator_family import operator_family
from profilers.profile import Graph, NodeKind, StringTable, Table, column
from profilers.profile.table import Int32

_SAME_LAYER = 0.5
_SURE = 0.75
_FOLLOWER = 0.5
_SATELLITE = 0.25


@dataclass(frozen=True, eq=False)
class NodePairs(Table):
    """Nodes of graph a and graph b that do the same; a node may have several twins."""

    a: Int32 = column("i4")
    b: Int32 = column("i4")
    confidence: NDArray[np.float32] = column("f4")  # 0 to 1


def match_graphs(a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable) -> NodePairs:
    """Pairs of nodes that do the same in two graphs of one model.

    Returns
    -------
    NodePairs
        Ordered by the row in `a`. The same graphs give the same pairs.
    """
    singles_a, singles_b = node_items(a, strings_a), node_items(b, strings_b)
    items_a, items_b = fold_layers(a, strings_a, singles_a), fold_layers(b, strings_b, singles_b)
    pairs = align(items_a, items_b)
    pairs += left_over(items_a, items_b, pairs)
    twins = _Twins()
    for at, other, confidence in pairs:
        if len(items_a[at].nodes) == len(items_b[other].nodes) == 1:
            twins.add(items_a[at].nodes[0], items_b[other].nodes[0], confidence)
    _pair_ends(twins, a, b)
    _pair_followers(twins, a, strings_a, b, strings_b)
    layers_a, layers_b = attention_layers(a, strings_a), attention_layers(b, strings_b)
    for at, other, confidence in pairs:
        left, right = items_a[at], items_b[other]
        if left.family == "attention":
            left, right = _widened(left, layers_a), _widened(right, layers_b)
        if len(left.nodes) > 1 or len(right.nodes) > 1:
            _pair_layers(twins, left, right, singles_a, singles_b, confidence)
    _pair_followers(twins, a, strings_a, b, strings_b)
    _pair_satellites(twins, a, b)
    return NodePairs.from_rows((*pair, twins.rows[pair]) for pair in sorted(twins.rows))


class _Twins:
    """Pairs found so far, from both sides; the first confidence of a pair stays."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], float] = {}
        self.of_a: dict[int, list[int]] = {}
        self.of_b: dict[int, list[int]] = {}

    def add(self, node: int, twin: int, confidence: float) -> None:
        if (node, twin) not in self.rows:
            self.rows[node, twin] = confidence
            self.of_a.setdefault(node, []).append(twin)
            self.of_b.setdefault(twin, []).append(node)


def _widened(item: Item, layers: Mapping[int, tuple[int, ...]]) -> Item:
    """With the rest of the layer that holds the operator."""
    return replace(item, nodes=layers.get(item.nodes[0], item.nodes))


def _pair_layers(
    twins: _Twins,
    left: Item,
    right: Item,
    singles_a: Sequence[Item],
    singles_b: Sequence[Item],
    confidence: float,
) -> None:
    """Inside two layers: what surely corresponds by itself, the rest with the rest."""
    inner_a = [item for item in singles_a if item.nodes[0] in set(left.nodes) - twins.of_a.keys()]
    inner_b = [item for item in singles_b if item.nodes[0] in set(right.nodes) - twins.of_b.keys()]
    for at, other, sureness in align(inner_a, inner_b):
        if sureness >= _SURE:
            twins.add(inner_a[at].nodes[0], inner_b[other].nodes[0], sureness)
    rest_a = [node for node in left.nodes if node not in twins.of_a]
    rest_b = [node for node in right.nodes if node not in twins.of_b]
    if rest_a or rest_b:
        for node in rest_a or left.nodes:
            for twin in rest_b or right.nodes:
                twins.add(node, twin, min(confidence, _SAME_LAYER))


def _pair_ends(twins: _Twins, a: Graph, b: Graph) -> None:
    """Inputs and outputs by their order, where there are as many."""
    for kind in (NodeKind.INPUT, NodeKind.OUTPUT):
        ours, theirs = (
            np.flatnonzero((graph.nodes.kind == kind) & (graph.nodes.subgraph < 0)).tolist()
            for graph in (a, b)
        )
        if len(ours) == len(theirs):
            for node, twin in zip(ours, theirs, strict=True):
                twins.add(node, twin, 1.0)


def _pair_followers(
    twins: _Twins, a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable
) -> None:
    """Lone operators of one family where the operators that feed them are twins."""
    readers_b: dict[int, list[int]] = defaultdict(list)
    for source, target in _edges(b):
        if b.nodes.kind[target] == NodeKind.OPERATOR:
            readers_b[source].append(target)
    for source, target in _edges(a):
        if target in twins.of_a or a.nodes.kind[target] != NodeKind.OPERATOR:
            continue
        family = operator_family(strings_a[int(a.nodes.operator[target])])
        for twin in twins.of_a.get(source, ()):
            for reader in readers_b[twin]:
                operator = strings_b[int(b.nodes.operator[reader])]
                if reader not in twins.of_b and operator_family(operator) == family:
                    twins.add(target, reader, _FOLLOWER)
                    break
            if target in twins.of_a:
                break


def _pair_satellites(twins: _Twins, a: Graph, b: Graph) -> None:
    """Side operators, such as a bias that is added apart, go with the operator beside them."""
    for node, beside in _lone(a, twins.of_a):
        for twin in tuple(twins.of_a[beside]):
            twins.add(node, twin, _SATELLITE)
    for twin, beside in _lone(b, twins.of_b):
        for node in tuple(twins.of_b[beside]):
            twins.add(node, twin, _SATELLITE)


def _lone(graph: Graph, paired: Mapping[int, object]) -> Iterator[tuple[int, int]]:
    """Unpaired operators with a paired one of their layer: what feeds them, else what they feed.

    `paired` grows while this runs.
    """
    scope, edges = graph.nodes.scope.tolist(), _edges(graph)
    is_operator = graph.nodes.kind == NodeKind.OPERATOR
    for source, target in edges:
        is_lone = is_operator[target] and target not in paired and source in paired
        if is_lone and scope[source] == scope[target] >= 0:
            yield target, source
    for source, target in reversed(edges):
        is_lone = is_operator[source] and source not in paired and target in paired
        if is_lone and _is_within(graph, scope[source], scope[target]):
            yield source, target


def _is_within(graph: Graph, inner: int, outer: int) -> bool:
    while inner > outer:
        inner = int(graph.scopes.parent[inner])
    return inner == outer >= 0


def _edges(graph: Graph) -> list[tuple[int, int]]:
    """Sources and targets, in the order in which data reaches the targets."""
    order = flow_order(graph)
    rows = np.argsort(order[graph.edges.target], kind="stable")
    return list(
        zip(graph.edges.source[rows].tolist(), graph.edges.target[rows].tolist(), strict=True)
    )
