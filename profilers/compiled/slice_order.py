"""Slices by track and time, and what encloses what.

Each function also runs uncompiled, on lists as well as on arrays.
"""

from collections.abc import MutableSequence, Sequence

DEEPEST = 2**15 - 1
_MOST_TRIED = 256  # levels looked at for a free one, so that absurd overlaps cost no square of time


def nest(
    track: Sequence[int],
    start_ns: Sequence[int],
    end_ns: Sequence[int],
    depth: MutableSequence[int],
    parent: MutableSequence[int],
    beneath: MutableSequence[int],
    around: MutableSequence[int],
) -> None:
    """Fill in depth and enclosing row of slices ordered by track, start and longest first.

    A slice that partly overlaps the one before it, as kernels do that a GPU launches early, lies
    beside it on the first level that is free below the parent that encloses it whole. `beneath` and
    `around` are room for as many rows: the last row on each level, and rows that may enclose what
    comes, each ending before the one below it.
    """
    lane, levels, outer = -1, 0, 0
    for row in range(len(track)):
        start, end = start_ns[row], end_ns[row]
        if track[row] != lane:
            lane, levels, outer = track[row], 0, 0
        while outer and end_ns[around[outer - 1]] < end:
            outer -= 1
        parent[row] = around[outer - 1] if outer else -1
        level = depth[parent[row]] + 1 if outer else 0
        last = min(level + _MOST_TRIED, levels)
        while level < last and (
            end_ns[beneath[level]] > start  # still there, or an instant like this one
            or (end_ns[beneath[level]] == end and start_ns[beneath[level]] == start)
        ):
            level += 1
        if level == last:  # none is free
            level = levels
            levels += 1
        depth[row] = min(level, DEEPEST)
        beneath[level], around[outer] = row, row
        outer += 1


def order_by_track(
    track: Sequence[int],
    counts: MutableSequence[int],
    order: MutableSequence[int],
) -> None:
    """A stable order by track; `counts` has how many slices each track holds, and is used up."""
    begin = 0
    for lane in range(len(counts)):
        begin, counts[lane] = begin + counts[lane], begin
    for row in range(len(track)):
        order[counts[track[row]]] = row
        counts[track[row]] += 1


def longest_first(
    start_ns: Sequence[int], duration_ns: Sequence[int], order: MutableSequence[int]
) -> bool:
    """Put the longer before the shorter where slices that lie side by side start together.

    Gives False, with some still out of order, if so many start together that this would take long.
    """
    for at in range(1, len(order)):
        row, place, moved = order[at], at, 0
        while (
            place > 0
            and start_ns[order[place - 1]] == start_ns[row]
            and duration_ns[order[place - 1]] < duration_ns[row]
        ):
            order[place] = order[place - 1]
            place -= 1
            moved += 1
            if moved > 1000:
                order[place] = row
                return False
        order[place] = row
    return True


def pair_ends(
    order: Sequence[int],
    begins: int,
    key: Sequence[int],
    latest: MutableSequence[int],
    under: MutableSequence[int],
    end_of: MutableSequence[int],
) -> None:
    """Fill in the row of the event that ends each of the `begins`; rows from there on are ends.

    An end closes the latest open begin of its key. `latest` has room for every key, `under` for
    every begin; they and `end_of` are -1 at first.
    """
    for at in range(len(order)):
        row = order[at]
        if row < begins:
            under[row] = latest[key[row]]
            latest[key[row]] = row
        elif latest[key[row]] >= 0:
            begun = latest[key[row]]
            end_of[begun] = row
            latest[key[row]] = under[begun]
