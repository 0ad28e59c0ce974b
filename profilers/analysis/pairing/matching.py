"""Which node of one graph is which node of another: the same model in two frameworks or modes.

Both graphs become items in one canonical order, see `graph_items`. The heaviest order-preserving
alignment of the two sequences pairs them, what is beside pairs completes them, and what is left
between pairs goes together. Names are evidence where both sides have them, and never needed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.data_path import DataPath, data_path
from profilers.analysis.operator_kinds import ACTIVATIONS, SILENT, WORTH, WORTH_OF_OTHERS, words_of
from profilers.analysis.pairing.alignment import Named, align
from profilers.analysis.pairing.graph_items import item_graph
from profilers.analysis.pairing.item_pairs import pair_items
from profilers.analysis.pairing.item_sides import ItemPairs, Side, layer_names, scope_paths
from profilers.analysis.pairing.items import Item
from profilers.analysis.pairing.layer_pairs import LayerPairs, Vote, pair_layers
from profilers.analysis.pairing.layer_patterns import bias_of
from profilers.profile import Graph, NodeKind, StringTable, Table, column
from profilers.profile.table import Int32

_PART = 0.9  # of its layer's confidence: a node that is only part of the other side's operator
_FOLLOWER = 0.8  # of the confidence of the pair that it follows
_UNCHANGED = "identity"
_MOVES = {  # operators that move data alike, by their first word
    "identity": ("identity", "dropout", "clone", "alias", "detach", "contiguous", "stop"),
    "reshape": ("reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "expand"),
    "transpose": ("transpose", "permute", "t"),
}
_MOVE_OF = {word: move for move, words in _MOVES.items() for word in words}
_WORTH_UNCHANGED = 0.1  # of an operation that hands on what it reads
_MOST_IN_GROUP = 400  # pairs that a group may give


@dataclass(frozen=True, eq=False)
class NodePairs(Table):
    """Nodes of graph a and graph b that do the same; a node may have several twins."""

    a: Int32 = column("i4")
    b: Int32 = column("i4")
    confidence: NDArray[np.float32] = column("f4")  # 0 to 1


@dataclass(frozen=True)
class Match:
    """What corresponds in two graphs: single nodes, and scopes as a whole."""

    nodes: NodePairs
    layers: LayerPairs

    def turned(self) -> "Match":
        """The same as seen from the other graph."""
        nodes, layers = self.nodes, self.layers
        by_b, layers_by_b = np.lexsort((nodes.a, nodes.b)), np.argsort(layers.b, kind="stable")
        return Match(
            NodePairs(nodes.b, nodes.a, nodes.confidence).take(by_b),
            LayerPairs(layers.b, layers.a, layers.confidence).take(layers_by_b),
        )


def match_graphs(a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable) -> Match:
    """Pairs of nodes and of scopes that do the same in two graphs of one model.

    Returns
    -------
    Match
        Both tables are ordered by the row in `a`. The same graphs give the same pairs.
    """
    matcher = _Matcher(a, strings_a, b, strings_b)
    matcher.match_regions()
    matcher.pair_ends()
    matcher.pair_followers()
    nodes = NodePairs.from_rows((*pair, matcher.rows[pair]) for pair in sorted(matcher.rows))
    layers = pair_layers(a, strings_a, matcher.held_a, b, strings_b, matcher.held_b, matcher.votes)
    return Match(nodes, layers)


class _Matcher:
    """Collects pairs of nodes; the highest confidence of a pair stays."""

    def __init__(self, a: Graph, strings_a: StringTable, b: Graph, strings_b: StringTable) -> None:
        self._a, self._strings_a, self._path_a = a, strings_a, data_path(a, strings_a)
        self._b, self._strings_b, self._path_b = b, strings_b, data_path(b, strings_b)
        self.rows: dict[tuple[int, int], float] = {}
        self.votes: list[Vote] = []
        self.held_a: list[tuple[int, float]] = []  # scope and worth of every operation
        self.held_b: list[tuple[int, float]] = []
        self._of_a: dict[int, list[int]] = defaultdict(list)
        self._of_b: dict[int, list[int]] = defaultdict(list)
        self._bodies_a, self._bodies_b = _bodies(a), _bodies(b)
        self._names_a = scope_paths(a, strings_a), layer_names(a, strings_a)
        self._names_b = scope_paths(b, strings_b), layer_names(b, strings_b)
        self._regions = [(-1, -1)]

    def match_regions(self) -> None:
        """The main graphs, and the bodies of control flow that are found to correspond."""
        while self._regions:
            self._match_region(*self._regions.pop())

    def _match_region(self, region_a: int, region_b: int) -> None:
        items_a = item_graph(self._a, self._strings_a, self._path_a, region_a)
        items_b = item_graph(self._b, self._strings_b, self._path_b, region_b)
        a = Side.of(self._a, self._strings_a, items_a, *self._names_a)
        b = Side.of(self._b, self._strings_b, items_b, *self._names_b)
        self.held_a += _held(a)
        self.held_b += _held(b)
        pairs = pair_items(a, b)
        for at, other in pairs.twin_of_a.items():
            confidence = pairs.confidence[at]
            ours, theirs = a.items.items[at], b.items.items[other]
            self._vote(ours.parts or (ours,), theirs.parts or (theirs,), confidence)
            self._pair_item(a, ours, b, theirs, confidence)
            self._match_bodies(ours, theirs)
        self._pair_groups(a, b, pairs)

    def pair_ends(self) -> None:
        """Inputs and outputs by their order, where there are as many."""
        for kind in (NodeKind.INPUT, NodeKind.OUTPUT):
            ours, theirs = (
                np.flatnonzero((graph.nodes.kind == kind) & (graph.nodes.subgraph < 0)).tolist()
                for graph in (self._a, self._b)
            )
            if len(ours) == len(theirs):
                for node, twin in zip(ours, theirs, strict=True):
                    self._add(node, twin, 1.0)

    def pair_followers(self) -> None:
        """Operators that only move data, where what feeds them is paired, operator by operator."""
        a, b = self._path_a, self._path_b
        for row in a.order:
            if a.kinds[row] not in SILENT or row in self._of_a or not a.is_data[row]:
                continue
            operator = self._word(self._a, self._strings_a, row)
            twins = [(twin, feeder) for feeder in a.feeders[row] for twin in self._of_a[feeder]]
            for twin, feeder in twins:
                for reader in b.readers[twin]:
                    is_alike = (
                        b.kinds[reader] in SILENT
                        and reader not in self._of_b
                        and a.shapes[row] == b.shapes[reader]
                        and self._word(self._b, self._strings_b, reader) == operator
                    )
                    if is_alike and row not in self._of_a:
                        confidence = self.rows[feeder, twin] * _FOLLOWER
                        self._add(row, reader, confidence)
                        if operator == _UNCHANGED:
                            self._vote_unchanged(row, reader, confidence)
        self.held_a += self._unchanged(self._a, self._strings_a, a)
        self.held_b += self._unchanged(self._b, self._strings_b, b)

    def _word(self, graph: Graph, strings: StringTable, row: int) -> str:
        word = words_of(strings[int(graph.nodes.operator[row])]).split(" ")[0]
        return _MOVE_OF.get(word, word)

    def _vote_unchanged(self, row: int, twin: int, confidence: float) -> None:
        """A dropout's scope is that of the identity that it became."""
        scopes = int(self._a.nodes.scope[row]), int(self._b.nodes.scope[twin])
        self.votes.append(Vote(*scopes, _WORTH_UNCHANGED, _WORTH_UNCHANGED, confidence))

    def _unchanged(
        self, graph: Graph, strings: StringTable, path: DataPath
    ) -> list[tuple[int, float]]:
        return [
            (int(graph.nodes.scope[row]), _WORTH_UNCHANGED)
            for row, kind in enumerate(path.kinds)
            if kind in SILENT
            and path.is_data[row]
            and self._word(graph, strings, row) == _UNCHANGED
        ]

    def _add(self, node: int, twin: int, confidence: float) -> None:
        if (node, twin) not in self.rows:
            self._of_a[node].append(twin)
            self._of_b[twin].append(node)
        self.rows[node, twin] = max(confidence, self.rows.get((node, twin), 0.0))

    def _pair_item(self, a: Side, ours: Item, b: Side, theirs: Item, confidence: float) -> None:
        if ours.parts or theirs.parts:
            self._pair_parts(a, ours, b, theirs, confidence)
        elif _is_whole(ours, self._path_a) or _is_whole(theirs, self._path_b):
            for node in _parts_of(ours, self._path_a, theirs, self._path_b):
                for twin in _parts_of(theirs, self._path_b, ours, self._path_a):
                    is_main = node == ours.main and twin == theirs.main
                    self._add(node, twin, confidence * (1 if is_main else _PART))
            if len(ours.nodes) > 1 and len(theirs.nodes) > 1:
                self._pair_inside(a, ours, b, theirs, confidence)
        else:
            self._pair_inside(a, ours, b, theirs, confidence)

    def _pair_parts(self, a: Side, ours: Item, b: Side, theirs: Item, confidence: float) -> None:
        """Operations side by side: one by one where there are as many, else all with all."""
        parts_a, parts_b = ours.parts or (ours,), theirs.parts or (theirs,)
        is_even = len(parts_a) == len(parts_b)
        for number, part in enumerate(parts_a):
            for other in (parts_b[number],) if is_even else parts_b:
                self._pair_item(a, part, b, other, confidence)

    def _pair_inside(self, a: Side, ours: Item, b: Side, theirs: Item, confidence: float) -> None:
        """The operators of an operation that both sides spell out: by name, then by order."""
        singles_a, singles_b = _singles(a, self._path_a, ours), _singles(b, self._path_b, theirs)
        called_a, called_b = _called(singles_a), _called(singles_b)
        for name, node in called_a.items():
            if name in called_b:
                self._add(node, called_b[name], confidence * _PART)
        singles_a = [single for single in singles_a if single.item.main not in self._of_a]
        singles_b = [single for single in singles_b if single.item.main not in self._of_b]
        for at, other in _in_order(singles_a, singles_b):
            self._add(singles_a[at].item.main, singles_b[other].item.main, confidence * _PART)

    def _pair_groups(self, a: Side, b: Side, pairs: ItemPairs) -> None:
        """All with all of the smaller groups; of two large ones nobody knows what is what."""
        for ours, theirs, confidence in pairs.groups:
            if min(len(ours), len(theirs)) != 1 or len(ours) * len(theirs) > _MOST_IN_GROUP:
                continue
            self._vote(
                [part for at in ours for part in a.items.items[at].parts or (a.items.items[at],)],
                [part for at in theirs for part in b.items.items[at].parts or (b.items.items[at],)],
                confidence,
            )
            for at in ours:
                for other in theirs:
                    item, twin = a.items.items[at], b.items.items[other]
                    for node in item.nodes:
                        for peer in twin.nodes:
                            self._add(node, peer, confidence)

    def _vote(self, ours: Sequence[Item], theirs: Sequence[Item], confidence: float) -> None:
        """One by one where there are as many, else each with all for its share."""
        if len(ours) == len(theirs):
            together = list(zip(ours, theirs, strict=True))
            share_a = share_b = 1.0
        else:
            together = [(item, twin) for item in ours for twin in theirs]
            share_a, share_b = 1 / len(theirs), 1 / len(ours)
        for item, twin in together:
            held_a, held_b = share_a * _worth(item), share_b * _worth(twin)
            self.votes.append(Vote(item.scope, twin.scope, held_a, held_b, confidence))

    def _match_bodies(self, ours: Item, theirs: Item) -> None:
        """Later, the subgraphs of control flow, in order, where there are as many."""
        bodies_a = [body for node in ours.nodes for body in self._bodies_a.get(node, ())]
        bodies_b = [body for node in theirs.nodes for body in self._bodies_b.get(node, ())]
        if len(bodies_a) == len(bodies_b):
            self._regions += zip(bodies_a, bodies_b, strict=True)


def _bodies(graph: Graph) -> dict[int, list[int]]:
    """Subgraphs by the node that owns them."""
    found: dict[int, list[int]] = defaultdict(list)
    for body, owner in enumerate(graph.subgraphs.owner.tolist()):
        found[owner].append(body)
    return found


def _held(side: Side) -> list[tuple[int, float]]:
    return [
        (part.scope, _worth(part)) for item in side.items.items for part in item.parts or (item,)
    ]


def _worth(item: Item) -> float:
    return WORTH.get(item.kind, WORTH_OF_OTHERS)


def _is_whole(item: Item, path: DataPath) -> bool:
    """One operator does the item's work, at most with a bias beside it."""
    if path.kinds[item.main] != item.kind:
        return False
    return item.kind not in ACTIVATIONS or len(item.nodes) == 1


def _parts_of(item: Item, path: DataPath, other: Item, path_of_other: DataPath) -> list[int]:
    """Nodes of the item that the other side's main operator stands for."""
    if not _is_whole(item, path):
        return list(item.nodes)
    if len(other.nodes) > 1 and _is_whole(other, path_of_other):
        return [item.main]
    return [row for row in item.nodes if row == item.main or bias_of(path, row) == item.main]


def _in_order(a: Sequence[Named], b: Sequence[Named]) -> Iterable[tuple[int, int]]:
    """Places in both; one by one where the same operators follow each other."""
    if [single.item.kind for single in a] == [single.item.kind for single in b]:
        return ((at, at) for at in range(len(a)))
    return ((at, other) for at, other, _ in align(a, b))


def _called(singles: Sequence[Named]) -> dict[tuple[str, str], int]:
    """Nodes by name and kind, where that is one of a kind."""
    count = Counter((single.name, single.item.kind) for single in singles)
    return {
        (single.name, single.item.kind): single.item.main
        for single in singles
        if single.name and count[single.name, single.item.kind] == 1
    }


def _singles(side: Side, path: DataPath, item: Item) -> list[Named]:
    """The item's own operators one by one."""
    names = side.graph.nodes.name
    return [
        Named(
            Item(path.kinds[row], (row,), row, path.shapes[row], 0, item.scope),
            "",
            "",
            side.strings[int(names[row])],
        )
        for row in item.nodes
        if path.is_data[row] and path.kinds[row] not in SILENT
    ]
