"""Which items of two graphs do the same: by their order first, then by what is beside them."""

from collections import defaultdict

import numpy as np

from profilers.analysis.operator_kinds import (
    HEAVY,
)
from profilers.analysis.pairing.alignment import align, likeness
from profilers.analysis.pairing.item_sides import ItemPairs, Side
from profilers.analysis.pairing.items import ItemGraph
from profilers.analysis.pairing.leftovers import group_rest, split_blocks

_MOST_ALIGNED = 10_000  # items; of larger graphs only those that tell most
_ROUNDS = 8  # of looking beside pairs for further ones
_STRANGE = 0.6  # likeness below which a pair needs something beside it that agrees
_DOUBT = 0.6  # of the confidence, where another pairing would be as good


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
    group_rest(pairs, a, b)
    split_blocks(pairs, a, b)
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
