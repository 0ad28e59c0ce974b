"""Finds what an instruction was made from where XLA lost its name, as it does for batched products."""

from collections.abc import Iterable, Mapping, Sequence

from profilers.profile import Graph

_FARTHEST = 200  # steps of one search: what was lost lies close, and a program may name nothing

Neighbours = Mapping[int, Sequence[int]]


def between(
    authored: Graph,
    computed: set[int],
    unnamed: Iterable[int],
    made_of: Sequence[Sequence[int]],
    operands: Sequence[Sequence[int]],
) -> dict[int, list[int]]:
    """Authored nodes on the way from what an instruction reads to what reads it.

    Only nodes that no other instruction computes: these must have become instructions without names.

    Parameters
    ----------
    computed : set of int
        Authored nodes that a named instruction computes.
    unnamed : iterable of int
        Places to look at.
    made_of, operands : sequences by place
        Authored nodes, and the places whose results it reads.
    """
    edges = authored.edges
    sources, targets = _both_ways(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    read, readers = _both_ways(
        (operand, place) for place, each in enumerate(operands) for operand in each
    )
    found = {}
    for place in unnamed:
        before, after = _named(place, read, made_of), _named(place, readers, made_of)
        ahead = _reached(before, targets, computed)
        back = _reached(after, sources, computed) | (after - computed)
        found[place] = sorted(ahead & back)
    return found


def _both_ways(pairs: Iterable[tuple[int, int]]) -> tuple[Neighbours, Neighbours]:
    """Of (from, to): what leads to each, and where each leads."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in pairs:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _named(place: int, neighbours: Neighbours, made_of: Sequence[Sequence[int]]) -> set[int]:
    """Authored nodes of the nearest places that have any."""
    seen, waiting = {place}, [place]
    nodes: set[int] = set()
    while waiting and len(seen) < _FARTHEST:
        for each in neighbours.get(waiting.pop(), ()):
            nodes.update(made_of[each])
            if each not in seen and not made_of[each]:
                waiting.append(each)
            seen.add(each)
    return nodes


def _reached(starts: Iterable[int], neighbours: Neighbours, walls: set[int]) -> set[int]:
    """Nodes beyond `starts`, as far as no wall stands in the way."""
    found: set[int] = set()
    waiting = list(starts)
    while waiting and len(found) < _FARTHEST:
        for each in neighbours.get(waiting.pop(), ()):
            if each not in walls and each not in found:
                found.add(each)
                waiting.append(each)
    return found
