"""Sets of time: unions of intervals, what they share, and the gaps between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int64, Table, column


@dataclass(frozen=True, eq=False)
class Intervals(Table):
    """Half-open intervals in ns: ordered, none empty, none touching the next."""

    begin_ns: Int64 = column("i8")
    end_ns: Int64 = column("i8")

    @property
    def length_ns(self) -> int:
        """Total length."""
        return int((self.end_ns - self.begin_ns).sum())


def union(begin_ns: Int64, end_ns: Int64) -> Intervals:
    """What any of the given intervals covers; those that are empty or end early cover nothing."""
    covers = end_ns > begin_ns
    return Intervals(*merged(begin_ns[covers], end_ns[covers]))


def merged(begin_ns: Int64, end_ns: Int64) -> tuple[Int64, Int64]:
    """Begins and ends of the union of intervals in any order; those that touch become one.

    Nothing lies between the end that is i-th of all ends and the begin that follows the i-th of all
    begins, if they lie in that order: sorting both apart is quicker than pairs.
    """
    begin_ns, end_ns = _in_order(begin_ns), _in_order(end_ns)
    is_gap = begin_ns[1:] > end_ns[:-1]
    first = np.append(True, is_gap)[: len(begin_ns)]
    last = np.append(is_gap, True)[: len(end_ns)]
    return begin_ns[first], end_ns[last]


def _in_order(times_ns: Int64) -> Int64:
    """Sorted, at the cost of a look where they are already: those of one stream mostly are."""
    return np.sort(times_ns) if (times_ns[1:] < times_ns[:-1]).any() else times_ns


def clip(intervals: Intervals, begin_ns: int, end_ns: int) -> Intervals:
    """The part of the set that lies within one interval."""
    begin = np.maximum(intervals.begin_ns, begin_ns)
    end = np.minimum(intervals.end_ns, end_ns)
    covers = end > begin
    return Intervals(begin[covers], end[covers])


def gaps(intervals: Intervals, begin_ns: int, end_ns: int) -> Intervals:
    """What the set leaves uncovered of one interval."""
    inside = clip(intervals, begin_ns, end_ns)
    begin = np.append(np.int64(begin_ns), inside.end_ns)
    end = np.append(inside.begin_ns, np.int64(end_ns))
    empty = end <= begin
    return Intervals(begin[~empty], end[~empty])


def overlap_ns(one: Intervals, other: Intervals) -> int:
    """Time that two sets share."""
    return int(lengths_by_cover([one, other])[3])


def lengths_by_cover(sets: Sequence[Intervals]) -> Int64:
    """Time for each combination of sets, by what exactly covers it.

    Entry ``c`` is the time when set ``i`` covers for each bit ``i`` of ``c`` and no other set does;
    entry 0 is the time between the first begin and the last end that nothing covers.
    """
    parts = [(each.begin_ns, 1 << bit) for bit, each in enumerate(sets)]
    parts += [(each.end_ns, -(1 << bit)) for bit, each in enumerate(sets)]
    times = np.concatenate([part for part, _ in parts])
    changes = np.repeat([change for _, change in parts], [len(part) for part, _ in parts])
    order = np.argsort(times, kind="stable")
    times, cover = times[order], np.cumsum(changes[order])
    lengths = np.zeros(1 << len(sets), np.int64)
    np.add.at(lengths, cover[:-1], np.diff(times))
    return lengths


def latest_end_so_far(group: NDArray[np.integer], end_ns: Int64) -> Int64:
    """Index of the latest end within the same group up to each entry; groups must not decrease."""
    level = rising_levels(group, end_ns)
    is_latest = level == np.maximum.accumulate(level)
    return np.maximum.accumulate(np.where(is_latest, np.arange(len(level)), 0))


def rising_levels(group: NDArray[np.integer], times_ns: Int64) -> Int64:
    """Numbers in the order of the times within a group, and higher in each group than in the last.

    One running maximum over them serves all groups, which must be >= 0 and not decrease.
    """
    if not len(times_ns):
        return times_ns
    first = times_ns.min()
    span = int(times_ns.max()) - int(first) + 1
    if (int(group[-1]) + 1) * span < 2**63:
        levels: Int64 = times_ns - first + group.astype(np.int64) * span
        return levels
    _, rank = np.unique(times_ns, return_inverse=True)  # takes ten times as long
    return rank + group.astype(np.int64) * len(times_ns)
