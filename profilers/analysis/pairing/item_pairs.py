"""Which items of two graphs do the same: by their order first, then by what is beside them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from profilers.analysis.data_path import activation_of
from profilers.analysis.operator_kinds import (
    ACTIVATIONS,
    ALONE,
    HEAVY,
    WHOLE_LAYERS,
    is_fused,
    takes_what_feeds_it,
)
from profilers.analysis.pairing.alignment import Named, align, likeness
from profilers.analysis.pairing.graph_items import ItemGraph
from profilers.profile import Graph, StringTable

_BUILT_AGAIN = re.compile(r"_\d+$")
_MOST_ALIGNED = 10_000  # items; of larger graphs only those that tell most
_ROUNDS = 8  # of looking beside pairs for further ones
_STRANGE = 0.6  # likeness below which a pair needs something beside it that agrees
_DOUBT = 0.6  # of the confidence, where another pairing would be as good
_BETWEEN, _FUSED = 0.6, 0.7  # how sure it is that what is left between twins, or was fused, is one


@dataclass(frozen=True)
class Side:
    """One graph with its items, what they are called, and which operators are fused."""

    graph: Graph
    strings: StringTable
    items: ItemGraph
    named: list[Named]

    @classmethod
    def of(
        cls,
        graph: Graph,
        strings: StringTable,
        items: ItemGraph,
        paths: list[str],
        layers: list[str],
    ) -> "Side":
        """`paths` and `layers` are those of `scope_paths` and `layer_names`."""
        named = [
            Named(
                item,
                paths[item.scope],
                layers[item.scope],
                strings[int(graph.nodes.name[item.main])],
            )
            for item in items.items
        ]
        return cls(graph, strings, items, named)

    def operator(self, at: int) -> str:
        """Of an item's main node."""
        return self.strings[int(self.graph.nodes.operator[self.items.items[at].main])]

    def takes_in(self, at: int, kinds: set[str], *, before: bool) -> bool:
        """Whether an item's operator says that it does the work of these kinds, too.

        By its name, or, of an activation, by an attribute. A skip connection goes into the
        normalisation after it, all else into what comes before.
        """
        operator = self.operator(at)
        if takes_what_feeds_it(operator) != before:
            return False
        if is_fused(operator):
            return before or self.items.items[at].kind == "block" or not kinds & ALONE
        return bool(kinds & ACTIVATIONS) and bool(
            activation_of(self.graph, self.items.items[at].main)
        )


@dataclass
class ItemPairs:
    """Pairs of items one to one, then groups that correspond only as a whole.

    `groups` holds places in a, places in b and a confidence.
    """

    twin_of_a: dict[int, int] = field(default_factory=dict)
    twin_of_b: dict[int, int] = field(default_factory=dict)
    confidence: dict[int, float] = field(default_factory=dict)  # by the place in a
    groups: list[tuple[list[int], list[int], float]] = field(default_factory=list)

    def add(self, at: int, other: int) -> None:
        self.twin_of_a[at] = other
        self.twin_of_b[other] = at

    def drop(self, at: int) -> None:
        del self.twin_of_b[self.twin_of_a.pop(at)]


def scope_paths(graph: Graph, strings: StringTable) -> list[str]:
    """Dotted path of each scope, and a last one, empty, for none."""
    paths: list[str] = []
    for name, parent in zip(graph.scopes.name.tolist(), graph.scopes.parent.tolist(), strict=True):
        own = strings[name].replace("/", ".")
        paths.append(f"{paths[parent]}.{own}" if parent >= 0 else own)
    return [*paths, ""]


def layer_names(graph: Graph, strings: StringTable) -> list[str]:
    """Each scope's own name, and a last one, empty, for none.

    Keras numbers all layers of a model that it builds again: conv1_1 is conv1, or conv1_1_2 conv1_1.
    """
    names = [strings[row] for row in graph.scopes.name.tolist()]
    classed = [
        name for name, kind in zip(names, graph.scopes.kind.tolist(), strict=True) if kind >= 0
    ]
    if classed and all(_BUILT_AGAIN.search(name) for name in classed):
        names = [_BUILT_AGAIN.sub("", name) for name in names]
    return [*names, ""]


def pair_items(a: Side, b: Side) -> ItemPairs:
    pairs = ItemPairs()
    ours, theirs = _told_apart(a, b), _told_apart(b, a)
    for at, other in _aligned(a, ours, b, theirs):
        pairs.add(at, other)
    doubtful = (
        set()
        if len(ours) == len(theirs) == len(pairs.twin_of_a)
        else _doubtful(pairs, _aligned(a, ours[::-1], b, theirs[::-1]))
    )
    _drop_strangers(pairs, a, b)
    for _ in range(_ROUNDS):
        if not _pair_beside(pairs, a, b):
            break
    _pair_unique(pairs, a, b)
    _weigh(pairs, a, b)
    for at in doubtful & pairs.confidence.keys():
        pairs.confidence[at] *= _DOUBT
    _group_rest(pairs, a, b)
    _split_blocks(pairs, a, b)
    return pairs


def _told_apart(side: Side, other: Side) -> list[int]:
    """The items that are aligned: all, or of large graphs those that tell most."""
    if max(len(side.named), len(other.named)) <= _MOST_ALIGNED:
        return list(range(len(side.named)))
    heavy = [at for at, named in enumerate(side.named) if named.item.kind in HEAVY]
    return heavy or list(range(len(side.named)))


def _aligned(a: Side, ours: list[int], b: Side, theirs: list[int]) -> list[tuple[int, int]]:
    named_a, named_b = [a.named[at] for at in ours], [b.named[at] for at in theirs]
    return [(ours[at], theirs[other]) for at, other, _ in align(named_a, named_b)]


def _doubtful(pairs: ItemPairs, from_the_end: list[tuple[int, int]]) -> set[int]:
    """Items of a that another alignment, no worse, pairs otherwise: one of equal blocks is new."""
    otherwise = dict(from_the_end)
    return {at for at, other in pairs.twin_of_a.items() if otherwise.get(at) != other}


def _drop_strangers(pairs: ItemPairs, a: Side, b: Side) -> None:
    """Take back pairs that differ in shape or weights and that nothing beside them supports."""
    for at, worth in zip(list(pairs.twin_of_a), _likeness_of(pairs, a, b), strict=True):
        if worth < _STRANGE and not _support(pairs, a.items, b.items, at):
            pairs.drop(at)


def _likeness_of(pairs: ItemPairs, a: Side, b: Side) -> list[float]:
    rows = np.fromiter(pairs.twin_of_a.keys(), np.int64, len(pairs.twin_of_a))
    columns = np.fromiter(pairs.twin_of_a.values(), np.int64, len(rows))
    found: list[float] = likeness(a.named, b.named, rows, columns).tolist()
    return found


def _support(pairs: ItemPairs, a: ItemGraph, b: ItemGraph, at: int) -> float:
    """Share of the paired neighbours whose twins are neighbours too; 0 without neighbours."""
    other = pairs.twin_of_a[at]
    agreed = known = 0
    for beside_a, beside_b in ((a.feeders, b.feeders), (a.readers, b.readers)):
        there = beside_b[other]
        twins = [pairs.twin_of_a[each] for each in beside_a[at] if each in pairs.twin_of_a]
        known += len(twins)
        agreed += sum(twin in there for twin in twins)
    return agreed / known if known else 0.0


def _pair_beside(pairs: ItemPairs, a: Side, b: Side) -> int:
    """Pair items of one kind that feed, or read, the same; the likest first. Returns how many."""
    rows, columns = [], []
    for at, item in enumerate(a.items.items):
        if at in pairs.twin_of_a:
            continue
        for other in _candidates(pairs, a.items, b.items, at):
            if b.items.items[other].kind == item.kind:
                rows.append(at)
                columns.append(other)
    if not rows:
        return 0
    worth = likeness(a.named, b.named, np.array(rows), np.array(columns))
    found = 0
    for index in np.argsort(-worth, kind="stable").tolist():
        at, other = rows[index], columns[index]
        if at not in pairs.twin_of_a and other not in pairs.twin_of_b:
            pairs.add(at, other)
            found += 1
    return found


def _candidates(pairs: ItemPairs, a: ItemGraph, b: ItemGraph, at: int) -> dict[int, None]:
    found: dict[int, None] = {}
    for before_a, after_b in ((a.feeders, b.readers), (a.readers, b.feeders)):
        for beside in before_a[at]:
            if beside in pairs.twin_of_a:
                twin = pairs.twin_of_a[beside]
                found |= dict.fromkeys(o for o in after_b[twin] if o not in pairs.twin_of_b)
    return found


def _pair_unique(pairs: ItemPairs, a: Side, b: Side) -> None:
    """Pair what is left if its kind, shape and weights occur once on both sides."""
    ours, theirs = (
        _by_key(side.items, taken) for side, taken in ((a, pairs.twin_of_a), (b, pairs.twin_of_b))
    )
    for key, places in ours.items():
        others = theirs.get(key, [])
        if len(places) == len(others) == 1:
            pairs.add(places[0], others[0])


def _by_key(items: ItemGraph, taken: dict[int, int]) -> dict[tuple[object, ...], list[int]]:
    found: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for at, item in enumerate(items.items):
        if at not in taken and item.shape and item.weights:
            found[item.kind, item.shape, item.weights].append(at)
    return found


def _weigh(pairs: ItemPairs, a: Side, b: Side) -> None:
    """A pair is as sure as it is like, and as those beside it agree."""
    for at, worth in zip(list(pairs.twin_of_a), _likeness_of(pairs, a, b), strict=True):
        pairs.confidence[at] = 0.5 * min(worth / 0.9, 1) + 0.5 * _support(
            pairs, a.items, b.items, at
        )


def _group_rest(pairs: ItemPairs, a: Side, b: Side) -> None:
    """What is left over between twins on both sides corresponds as a whole."""
    rest_b: dict[tuple[frozenset[int], frozenset[int]], list[list[int]]] = defaultdict(list)
    for members in _rest(b.items, pairs.twin_of_b):
        rest_b[_ends(b.items, members, pairs.twin_of_b)].append(members)
    for members in _rest(a.items, pairs.twin_of_a):
        before, after = _ends(a.items, members, pairs.twin_of_a)
        there = _twins(before, pairs.twin_of_a), _twins(after, pairs.twin_of_a)
        others = rest_b.get(there, [])
        kinds = _kinds(a, members)
        if len(others) == 1 and before and _may_be_one(kinds, _kinds(b, others[0])):
            pairs.groups.append((members, others[0], _BETWEEN))
        elif (fused := _into_fused(kinds, *there, b)) >= 0:
            pairs.groups.append((members, [fused], _FUSED))
    grouped = {other for _, others, _ in pairs.groups for other in others}
    for members in _rest(b.items, pairs.twin_of_b):
        before, after = _ends(b.items, members, pairs.twin_of_b)
        there = _twins(before, pairs.twin_of_b), _twins(after, pairs.twin_of_b)
        if members[0] not in grouped:
            fused = _into_fused(_kinds(b, members), *there, a)
            if fused >= 0:
                pairs.groups.append(([fused], members, _FUSED))


def _twins(places: frozenset[int], twin_of: dict[int, int]) -> frozenset[int]:
    return frozenset(twin_of[at] for at in places)


def _rest(items: ItemGraph, taken: dict[int, int]) -> Iterator[list[int]]:
    """Unpaired items that hang together, each set in order."""
    seen = set(taken)
    for first in range(len(items.items)):
        if first in seen:
            continue
        seen.add(first)
        members = [first]
        for at in members:
            for beside in (*items.feeders[at], *items.readers[at]):
                if beside not in seen:
                    seen.add(beside)
                    members.append(beside)
        yield sorted(members)


def _ends(
    items: ItemGraph, members: list[int], taken: dict[int, int]
) -> tuple[frozenset[int], frozenset[int]]:
    """The paired items that feed them, and those that read them, by their own places."""
    return (
        frozenset(each for at in members for each in items.feeders[at] if each in taken),
        frozenset(each for at in members for each in items.readers[at] if each in taken),
    )


def _kinds(side: Side, members: list[int]) -> set[str]:
    return {side.items.items[at].kind for at in members}


def _may_be_one(ours: set[str], theirs: set[str]) -> bool:
    """An activation is no convolution, but a normalisation may be a product and a sum."""
    return ours & ALONE == theirs & ALONE or bool((ours | theirs) & WHOLE_LAYERS)


def _into_fused(kinds: set[str], before: Iterable[int], after: Iterable[int], side: Side) -> int:
    """The fused operator that took in what lay between these items; -1 for none."""
    for at in sorted(after):
        if side.takes_in(at, kinds, before=True):
            return at
    for at in (*sorted(before), *sorted(after)):
        if side.takes_in(at, kinds, before=False):
            return at
    return -1


def _split_blocks(pairs: ItemPairs, a: Side, b: Side) -> None:
    """Share out what is left among operators that stand for whole blocks, by their weights."""
    for number, (ours, theirs, confidence) in enumerate(list(pairs.groups)):
        kinds_a, kinds_b = ({side.items.items[at].kind for at in places}
                            for side, places in ((a, ours), (b, theirs)))  # fmt: skip
        if kinds_a == {"block"} and len(ours) > 1:
            pairs.groups[number] = ([], [], 0.0)
            for at, places in zip(ours, _shares(a.items, ours, b.items, theirs), strict=True):
                pairs.groups.append(([at], places, confidence))
        elif kinds_b == {"block"} and len(theirs) > 1:
            pairs.groups[number] = ([], [], 0.0)
            for other, places in zip(theirs, _shares(b.items, theirs, a.items, ours), strict=True):
                pairs.groups.append((places, [other], confidence))


def _shares(
    blocks: ItemGraph, places: list[int], spelt: ItemGraph, members: list[int]
) -> list[list[int]]:
    """For each block the members, in order, that hold its share of all weights."""
    wanted = np.cumsum([blocks.items[at].weights for at in places], dtype=np.float64)
    held = np.cumsum([spelt.items[at].weights for at in members], dtype=np.float64)
    middle = held - np.array([spelt.items[at].weights for at in members]) / 2
    if not wanted[-1] or not held[-1]:
        return [[] for _ in places]
    block_of = np.searchsorted(wanted / wanted[-1], middle / held[-1])
    return [
        [at for at, block in zip(members, block_of.tolist(), strict=True) if block == number]
        for number in range(len(places))
    ]
