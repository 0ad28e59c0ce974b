"""Items that are no twins one to one: groups between twins, what was fused, shares of blocks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from profilers.analysis.operator_kinds import (
    ALONE,
    WHOLE_LAYERS,
)
from profilers.analysis.pairing.item_sides import ItemPairs, Side
from profilers.analysis.pairing.items import ItemGraph

_BETWEEN, _FUSED = 0.6, 0.7  # how sure it is that what is left between twins, or was fused, is one


def group_rest(pairs: ItemPairs, a: Side, b: Side) -> None:
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


def split_blocks(pairs: ItemPairs, a: Side, b: Side) -> None:
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
