"""Which parts of two matched graphs can only be compared together."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from profilers.analysis.comparison.spent import NOTHING, Share, Spent
from profilers.analysis.pairing.matching import Match
from profilers.profile import Graph, NodeKind

_LEAST_SURE = 0.2  # confidence of a pair of nodes that is believed
_WHOLE_MODEL = 0.8  # share of a graph's operators in a scope that says nothing of where they are


@dataclass
class Part:
    """Nodes and scopes of both sides whose times belong together.

    `is_container` tells a module without a twin of which all operators have one: what one framework
    writes as a module and the other does not.
    """

    nodes: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    scopes: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    shares: list[Share] = field(default_factory=lambda: [NOTHING, NOTHING])
    is_matched: bool = False
    is_container: bool = False


_Item = tuple[str, int, int]  # "node" or "scope", side, row


def joined_parts(
    graphs: tuple[Graph, Graph], match: Match, spent: tuple[Spent, Spent]
) -> list[Part]:
    """Everything that took time, as parts that each hold what cannot be told apart.

    Pairs of nodes, and nodes that ran as one kernel, hold together. What has no twin goes to the
    innermost scope around it that has one, and a scope with but one part to that part.
    """
    union = _Union()
    for side in (0, 1):
        for nodes in spent[side].joined:
            union.join([("node", side, node) for node in nodes])
    paired = _paired(match)
    for a, b in paired:
        union.join([("node", 0, a), ("node", 1, b)])
    matched = {union.of(("node", 0, a)) for a, _ in paired}
    _join_layers(graphs, match, spent, union, matched)
    parts = _parts(spent, union, {union.of(item) for item in matched})
    for side in (0, 1):
        _mark_containers(graphs[side], side, parts)
    return parts


def _paired(match: Match) -> list[tuple[int, int]]:
    pairs = match.nodes
    sure = pairs.confidence >= _LEAST_SURE
    return list(zip(pairs.a[sure].tolist(), pairs.b[sure].tolist(), strict=True))


def _join_layers(
    graphs: tuple[Graph, Graph],
    match: Match,
    spent: tuple[Spent, Spent],
    union: "_Union",
    matched: set[_Item],
) -> None:
    """Let layers take in what took time inside of them and has no twin of its own."""
    layers = list(zip(match.layers.a.tolist(), match.layers.b.tolist(), strict=True))
    layer_of = [_layer_of_scope(graphs[side], [pair[side] for pair in layers]) for side in (0, 1)]
    inside: dict[int, set[_Item]] = defaultdict(set)
    for side in (0, 1):
        for node, layer in _layers_of_nodes(graphs[side], layer_of[side], spent[side].nodes):
            item = union.of(("node", side, node))
            if item in matched:
                inside[layer].add(item)
            else:
                union.join([_layer_item(layers[layer]), ("node", side, node)])
        for scope in spent[side].scopes:
            if layer_of[side][scope] >= 0:
                union.join([_layer_item(layers[layer_of[side][scope]]), ("scope", side, scope)])
    for layer, pair in enumerate(layers):
        if len(inside[layer]) == 1:
            union.join([*inside[layer], _layer_item(pair)])
        union.join([("scope", 0, pair[0]), ("scope", 1, pair[1])])
        matched.add(union.of(_layer_item(pair)))


def _layer_item(pair: tuple[int, int]) -> _Item:
    return ("scope", 0, pair[0])


def _layer_of_scope(graph: Graph, paired: list[int]) -> list[int]:
    """Place of the innermost paired scope at or above each scope; -1 for none."""
    sizes = _operators_within(graph)
    most = _WHOLE_MODEL * max(int((graph.nodes.kind == NodeKind.OPERATOR).sum()), 1)
    place = {scope: at for at, scope in enumerate(paired) if sizes[scope] < most}
    found: list[int] = []
    for scope, parent in enumerate(graph.scopes.parent.tolist()):
        found.append(place.get(scope, found[parent] if parent >= 0 else -1))
    return found


def _operators_within(graph: Graph) -> list[int]:
    sizes = [0] * len(graph.scopes)
    for scope in graph.nodes.scope[graph.nodes.kind == NodeKind.OPERATOR].tolist():
        if scope >= 0:
            sizes[scope] += 1
    parents = graph.scopes.parent.tolist()
    for scope in range(len(sizes) - 1, -1, -1):
        if parents[scope] >= 0:
            sizes[parents[scope]] += sizes[scope]
    return sizes


def _layers_of_nodes(
    graph: Graph, layer_of: list[int], nodes: Iterable[int]
) -> Iterable[tuple[int, int]]:
    for node in nodes:
        scope = int(graph.nodes.scope[node])
        if scope >= 0 and layer_of[scope] >= 0:
            yield node, layer_of[scope]


def _parts(spent: tuple[Spent, Spent], union: "_Union", matched: set[_Item]) -> list[Part]:
    parts: dict[_Item, Part] = defaultdict(Part)
    for item in union.items():
        kind, side, row = item
        (parts[union.of(item)].nodes if kind == "node" else parts[union.of(item)].scopes)[
            side
        ].append(row)
    for side in (0, 1):
        for kind, shares in (("node", spent[side].nodes), ("scope", spent[side].scopes)):
            for row, share in shares.items():
                item = (kind, side, row)
                part = parts[union.of(item)]
                held = (part.nodes if kind == "node" else part.scopes)[side]
                if not union.knows(item):
                    held.append(row)
                part.shares[side] += share
    for item, part in parts.items():
        part.is_matched = item in matched
    return [part for part in parts.values() if part.shares != [NOTHING, NOTHING]]


def _mark_containers(graph: Graph, side: int, parts: list[Part]) -> None:
    """Tell which scopes without a twin hold operators with one, and none without."""
    holds = {True: [False] * len(graph.scopes), False: [False] * len(graph.scopes)}
    for part in parts:
        for scope in graph.nodes.scope[part.nodes[side]].tolist():
            if scope >= 0:
                holds[part.is_matched][scope] = True
    parents = graph.scopes.parent.tolist()
    for held in holds.values():
        for scope in range(len(parents) - 1, -1, -1):
            if held[scope] and parents[scope] >= 0:
                held[parents[scope]] = True
    for part in parts:
        if not part.is_matched and part.scopes[side] and not any(part.nodes):
            part.is_container = all(
                holds[True][scope] and not holds[False][scope] for scope in part.scopes[side]
            )


class _Union:
    """Disjoint sets of items."""

    def __init__(self) -> None:
        self._above: dict[_Item, _Item] = {}

    def of(self, item: _Item) -> _Item:
        """What stands for the item's set."""
        path = []
        while self._above.get(item, item) != item:
            path.append(item)
            item = self._above[item]
        for each in path:
            self._above[each] = item
        return item

    def join(self, items: list[_Item]) -> None:
        top = self.of(items[0])
        self._above.setdefault(top, top)
        for item in items[1:]:
            other = self.of(item)
            self._above.setdefault(item, other)
            self._above[other] = top

    def knows(self, item: _Item) -> bool:
        return item in self._above

    def items(self) -> list[_Item]:
        return sorted(self._above)
