"""What two graphs are compared by: whole operations, however many operators a framework spends.

An item is an operator of its own or several that together do what one operator does elsewhere:
a convolution or product with the bias added to it, attention spelt out in products and a softmax,
a normalisation, a recurrence, and all products that read one tensor (query, key and value).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from profilers.analysis.data_path import DataPath
from profilers.analysis.operator_kinds import HEAVY, SILENT
from profilers.analysis.pairing.items import Item, ItemGraph, first_use, inverted, ordered
from profilers.analysis.pairing.layer_patterns import (
    activation_patterns,
    attention_patterns,
    bias_of,
    normalisation_patterns,
)
from profilers.analysis.pairing.layer_scopes import spelt_out_layers
from profilers.profile import Graph, NodeKind, StringTable

_WORKING = (NodeKind.OPERATOR, NodeKind.CONTROL)
_MOST_SOURCES = 8  # that one tensor is followed back to


def item_graph(graph: Graph, strings: StringTable, path: DataPath, subgraph: int) -> ItemGraph:
    """Of the nodes of one subgraph, -1 for the main graph."""
    groups = _Groups(graph, strings, path, subgraph)
    items = groups.items()
    feeders = groups.feeders(items)
    items, feeders = _with_siblings_joined(groups, items, feeders)
    return ordered(items, feeders, path)


class _Groups:
    """Which working nodes belong together. `of` gives each node's group."""

    def __init__(self, graph: Graph, strings: StringTable, path: DataPath, subgraph: int) -> None:
        self.graph, self.path = graph, path
        self.order = path.regions.get(subgraph, [])
        self._inside = set(self.order)
        self.of: dict[int, int] = {}
        self.kind: dict[int, str] = {}
        self.members: dict[int, list[int]] = {}
        for kind, nodes in spelt_out_layers(graph, strings, path, self.order):
            self._join(kind, nodes)
            if kind == "recurrent":
                self._hold(nodes[-1], bodies(graph, nodes))
        for nodes in attention_patterns(path, self._free()):
            self._join("attention", nodes)
        for nodes in normalisation_patterns(path, self._free()):
            self._join("normalisation", nodes)
        for kind, nodes in activation_patterns(path, self._free()):
            self._join(kind, nodes)
        for row in self._free():
            self._add(row)

    def items(self) -> list[Item]:
        return [self._item(self.kind[group], nodes) for group, nodes in self.members.items()]

    def _item(self, kind: str, members: Sequence[int]) -> Item:
        path = self.path
        own = [row for row in members if row in self._inside]
        held = [row for row in members if row not in self._inside]
        named = [row for row in own if path.kinds[row] == kind]
        softmax = [row for row in own if path.kinds[row] == "softmax"]
        data = [row for row in own if path.is_data[row] and path.kinds[row] not in SILENT]
        main = (named or softmax or data or own)[-1]
        parameters = frozenset().union(*(path.parameters[row] for row in members))
        return Item(
            kind,
            (*self._by_operands(own, main), *held),
            main,
            path.shapes[(data or own)[-1]] or path.shapes[main],
            sum(int(self.graph.parameters.bytes[row]) for row in parameters),
            self._common_scope(own),
        )

    def _by_operands(self, nodes: Sequence[int], main: int) -> tuple[int, ...]:
        """What `main` is made from, its first operand first, then the rest in order.

        Frameworks write the operands of one operation in one order, but compute them in any.
        """
        if len(nodes) == 1:
            return (main,)
        inside, seen = set(nodes), {main}
        found: list[int] = []
        stack = [(main, iter(self.path.feeders[main]))]
        while stack:
            row, operands = stack[-1]
            following = next((each for each in operands if each in inside and each not in seen), -1)
            if following < 0:
                found.append(row)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(self.path.feeders[following])))
        return (*found, *(row for row in nodes if row not in seen))

    def joined(self, items: Sequence[Item]) -> Item:
        """Operations side by side as one item."""
        first = items[0]
        nodes = tuple(row for item in items for row in item.nodes)
        shape = first.shape if len({item.shape for item in items}) == 1 else ()
        weights = sum(item.weights for item in items)
        scope = self._common_scope(nodes)
        return Item(first.kind, nodes, first.main, shape, weights, scope, tuple(items))

    def feeders(self, items: Sequence[Item]) -> list[list[int]]:
        """For each item the items whose results reach it unchanged, in the order of operands."""
        place = {self.of[item.main]: at for at, item in enumerate(items)}
        path = self.path
        reaching: dict[int, tuple[int, ...]] = {}
        for row in self.order:
            group = self.of.get(row)
            if group is None:
                before = [each for feeder in path.feeders[row] for each in reaching.get(feeder, ())]
                reaching[row] = tuple(dict.fromkeys(before))[:_MOST_SOURCES]
            else:
                reaching[row] = (place[group],)
        return [
            list(
                dict.fromkeys(
                    source
                    for row in item.nodes
                    for feeder in path.feeders[row]
                    for source in reaching.get(feeder, ())
                    if source != at
                )
            )
            for at, item in enumerate(items)
        ]

    def _free(self) -> list[int]:
        """Working nodes that no group has yet."""
        path = self.path
        return [row for row in self.order if row not in self.of and self._works(row, path)]

    def _works(self, row: int, path: DataPath) -> bool:
        kind = path.kinds[row]
        if not kind or kind in SILENT:
            return False
        if kind == "embedding":  # a gather that picks from data is a copy
            first = path.feeders[row][:1]
            is_copy = bool(first) and path.is_data[first[0]] and not path.parameters[row]
            return not is_copy and (path.is_data[row] or bool(path.parameters[row]))
        return path.is_data[row] or (kind in HEAVY and bool(path.parameters[row]))

    def _add(self, row: int) -> None:
        """A node alone, or with the product or convolution that it is the bias of."""
        producer = bias_of(self.path, row)
        group = self.of.get(producer, -1)
        is_taken = group < 0 or self.kind[group] not in ("product", "convolution", "upconvolution")
        if is_taken or len(self.members[group]) > 1:
            self._join(self.path.kinds[row], [row])
        else:
            self.of[row] = group
            self.members[group].append(row)

    def _hold(self, group: int, inner: Sequence[int]) -> None:
        """Bodies of loops are part of the layer that loops."""
        self.members[group] += inner
        self.of.update(dict.fromkeys(inner, group))

    def _join(self, kind: str, nodes: Sequence[int]) -> None:
        group = nodes[-1]
        self.kind[group] = kind
        self.members[group] = list(nodes)
        for row in nodes:
            self.of[row] = group

    def _common_scope(self, nodes: Iterable[int]) -> int:
        common = -2
        for row in nodes:
            scope = int(self.graph.nodes.scope[row])
            if common == -2:
                common = scope
            while common != scope:  # parents come first: the larger row lies deeper
                if common > scope:
                    common = int(self.graph.scopes.parent[common])
                else:
                    scope = int(self.graph.scopes.parent[scope])
        return common


def bodies(graph: Graph, owners: Sequence[int]) -> list[int]:
    """Nodes of all subgraphs that the given nodes own, and of those within."""
    found: list[int] = []
    while len(owners):
        inner = np.flatnonzero(np.isin(graph.subgraphs.owner, owners))
        owners = np.flatnonzero(
            np.isin(graph.nodes.subgraph, inner) & (graph.nodes.subgraph >= 0)
        ).tolist()
        found += [row for row in owners if graph.nodes.kind[row] in _WORKING]
    return found


def _with_siblings_joined(
    groups: _Groups, items: list[Item], feeders: list[list[int]]
) -> tuple[list[Item], list[list[int]]]:
    """Products that read nothing but the same tensor become one item: query, key and value."""
    readers = inverted(feeders)
    siblings: dict[int, list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        if item.kind == "product" and len(feeders[at]) == 1:
            siblings[feeders[at][0]].append(at)
    home = list(range(len(items)))
    joined = list(items)
    for places in siblings.values():
        if len(places) > 1:
            places.sort(key=lambda at: first_use(at, readers, feeders))
            joined[places[0]] = groups.joined([items[at] for at in places])
            for at in places:
                home[at] = places[0]
    kept = sorted(set(home))
    place = {at: number for number, at in enumerate(kept)}
    merged: list[dict[int, None]] = [{} for _ in kept]
    for at, sources in enumerate(feeders):
        own = place[home[at]]
        merged[own].update((place[home[source]], None) for source in sources)
    return [joined[at] for at in kept], [
        [source for source in each if source != at] for at, each in enumerate(merged)
    ]
