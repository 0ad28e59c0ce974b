"""Slices by track and time, and what encloses what.

Each function also runs uncompiled, on lists as well as on arrays.
"""

from collections.abc import MutableSequence, Sequence

DEEPEST = 2**15 - 1


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

    A slice that partly overlaps the one before it (some profilers write such) lies beside it, one
    level deeper, under the parent that encloses it whole. `beneath` and `around` are room for as
    many rows: stacks of rows at growing depths, of which those above the last alive one have
    ended, and of rows that may enclose what comes, each ending before the one below it.
    """
    lane, under, outer = -1, 0, 0
    for row in range(len(track)):
        start, end = start_ns[row], end_ns[row]
        if track[row] != lane:
            lane, under, outer = track[row], 0, 0
        while under and end_ns[beneath[under - 1]] <= start and end_ns[beneath[under - 1]] < end:
            under -= 1
        while outer and end_ns[around[outer - 1]] < end:
            outer -= 1
        parent[row] = around[outer - 1] if outer else -1
        depth[row] = min(depth[beneath[under - 1]] + 1, DEEPEST) if under else 0
        beneath[under], around[outer] = row, row
        under += 1
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
