"""Whose work the steps' wall-clock time was: shares that add up to it, whatever ran at once.

At each moment the innermost work counts, and what works at once, on several tracks or overlapping
on one, shares the moment equally. What is left of the steps is the time in which nothing that was
recorded worked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.device.work import work_rows
from profilers.analysis.intervals import latest_end_so_far
from profilers.analysis.once import once
from profilers.analysis.scope_ranges import scope_of_range
from profilers.profile import Profile, SliceKind, Slices
from profilers.profile.table import Float64, Int64

# Interpreters and executors take some µs from one operator to the next, Python code around it some 100.
LONGEST_DISPATCH_NS = 1_000_000


@dataclass(frozen=True, eq=False)
class WallTime:
    """Attributes
    ----------
    slice_ns : float64 array
        Of each slice, its share of the wall-clock time of all steps.
    whole_ns, steps : int
        All steps together, and how many they are; without steps the whole trace is one.
    dispatch_ns : float64 array
        Of each slice, the pause just before it, in which nothing that was recorded worked: preparing
        it, and clearing up after what ran before. A device waited for the host to launch it. Longer
        pauses than `LONGEST_DISPATCH_NS` have other reasons and belong to nobody.
    around_begin_ns, around_end_ns : int64 array
        The stretches before the first work of each step and after its last, in which nothing that was
        recorded worked.
    on_device : bool
        Whether the work of devices was counted, else that of the host.
    """

    slice_ns: Float64
    dispatch_ns: Float64
    whole_ns: int
    around_begin_ns: Int64
    around_end_ns: Int64
    steps: int
    on_device: bool

    @property
    def around_ns(self) -> float:
        return float((self.around_end_ns - self.around_begin_ns).sum())

    @property
    def between_ns(self) -> float:
        """When nothing that was recorded worked, `dispatch_ns` and `around_ns` included."""
        return max(self.whole_ns - float(self.slice_ns.sum()), 0.0)


@once
def wall_time(
    profile: Profile, steps: tuple[int, ...] | None = None, *, with_ranges: bool = True
) -> WallTime:
    """Shares of operators and ranges of the graph's scopes, or of kernels where a device worked.

    Parameters
    ----------
    steps : tuple of int, optional
        Rows of the profile's steps that count; all by default.
    with_ranges : bool
        Without the ranges of scopes, what these take beside operators counts as between them.
    """
    slices = profile.trace.slices
    begins, ends = _windows(profile, steps)
    rows, on_device = _counted_rows(profile, begins, ends, with_ranges=with_ranges)
    segment_begin, segment_end, owner = innermost(slices, rows)
    moments = _Moments(segment_begin, segment_end, begins, ends)
    shares = moments.shares(segment_begin, segment_end)
    slice_ns = np.bincount(owner, shares, minlength=len(slices)).astype(np.float64)
    before = moments.pauses(segment_begin, begins)
    dispatch_ns = np.bincount(owner, before, minlength=len(slices)).astype(np.float64)
    for each in (slice_ns, dispatch_ns):
        each.flags.writeable = False
    return WallTime(
        slice_ns,
        dispatch_ns,
        int((ends - begins).sum()),
        *moments.around(begins, ends),
        len(begins),
        on_device,
    )


def elapsed_ns(
    profile: Profile, part: Int64, count: int, steps: tuple[int, ...] | None = None
) -> Float64:
    """How long each part was worked on, whatever else ran at the same time; over all steps.

    Parameters
    ----------
    part : int64 array
        Of each slice, below `count`; -1 for none.
    steps : tuple of int, optional
        As for `wall_time`.
    """
    begins, ends = _windows(profile, steps)
    rows, _ = _counted_rows(profile, begins, ends, with_ranges=False)
    begin, end, owner = innermost(profile.trace.slices, rows)
    window = np.searchsorted(begins, end) - 1  # the last that begins before the stretch ends
    found = (window >= 0) & (part[owner] >= 0)
    begin, end, owner, window = (each[found] for each in (begin, end, owner, window))
    begin, end = np.maximum(begin, begins[window]), np.minimum(end, ends[window])
    own = part[owner]
    order = np.flatnonzero(end > begin)
    order = order[np.lexsort((begin[order], own[order]))]
    begin, end, own = begin[order], end[order], own[order]
    if not len(own):
        return np.zeros(count)
    latest = end[latest_end_so_far(own, end)]
    before = np.append(begin[:1], latest[:-1])
    before[np.append(True, own[1:] != own[:-1])] = np.iinfo(np.int64).min
    added = np.maximum(end - np.maximum(begin, before), 0)
    return np.bincount(own, added, minlength=count).astype(np.float64)


def _counted_rows(
    profile: Profile, begins: Int64, ends: Int64, *, with_ranges: bool
) -> tuple[Int64, bool]:
    """Work of devices where there is any, else of the host, and which of both."""
    device = _within(profile.trace.slices, work_rows(profile), begins, ends)
    if len(device):
        return device, True
    return _host_rows(profile, with_ranges=with_ranges), False


def _windows(profile: Profile, chosen: tuple[int, ...] | None) -> tuple[Int64, Int64]:
    """Begin and end of each step, apart from each other."""
    steps, slices = profile.steps, profile.trace.slices
    if chosen is not None:
        steps = steps.take(np.array(chosen, np.int64))
    if len(steps):
        order = np.argsort(steps.start_ns, kind="stable")
        begins = steps.start_ns[order]
        ends = np.maximum.accumulate(begins + steps.duration_ns[order])
        begins = np.maximum(begins, np.append(begins[:1], ends[:-1]))
        return begins, np.maximum(ends, begins)
    if not len(slices):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    last = (slices.start_ns + slices.duration_ns).max()
    return np.array([slices.start_ns.min()]), np.array([last])


def _within(slices: Slices, rows: Int64, begins: Int64, ends: Int64) -> Int64:
    if not len(begins):
        return rows[:0]
    start = slices.start_ns[rows]
    is_inside = (start < ends[-1]) & (start + slices.duration_ns[rows] > begins[0])
    inside: Int64 = rows[is_inside]
    return inside


def _host_rows(profile: Profile, *, with_ranges: bool) -> Int64:
    slices = profile.trace.slices
    chosen = (slices.kind == SliceKind.OPERATOR) | (slices.kind == SliceKind.KERNEL)
    if with_ranges:
        chosen |= scope_of_range(profile) >= 0
    return np.flatnonzero(chosen)


def innermost(slices: Slices, rows: Int64) -> tuple[Int64, Int64, Int64]:
    """Begin, end and row of the stretches in which a slice works itself, not what it encloses."""
    rows = rows[slices.duration_ns[rows] > 0]
    around = _around(slices, rows)
    start = slices.start_ns[rows]
    end = start + slices.duration_ns[rows]
    inner = around >= 0
    # What each encloses, between its own begin and end, which enclose nothing.
    owner = np.concatenate((rows, around[inner], rows))
    begins = np.concatenate((start, start[inner], end))
    ends = np.concatenate((start, end[inner], end))
    place = np.repeat(np.arange(3), (len(rows), int(inner.sum()), len(rows)))
    order = np.lexsort((place, begins, owner))
    owner, begins, ends = owner[order], begins[order], ends[order]
    latest = ends[latest_end_so_far(owner, ends)]
    at = np.flatnonzero((owner[:-1] == owner[1:]) & (latest[:-1] < begins[1:]))
    return latest[at], begins[at + 1], owner[at]


def _around(slices: Slices, rows: Int64) -> Int64:
    """The nearest of the rows that encloses each; -1 for none."""
    is_chosen = np.zeros(len(slices), np.bool_)
    is_chosen[rows] = True
    found = slices.parent[rows].astype(np.int64)
    climbing = np.flatnonzero(found >= 0)
    while len(climbing):
        climbing = climbing[~is_chosen[found[climbing]]]
        found[climbing] = slices.parent[found[climbing]]
        climbing = climbing[found[climbing] >= 0]
    return found


class _Moments:
    """How much works at each moment inside the windows."""

    def __init__(self, begin: Int64, end: Int64, window_begins: Int64, window_ends: Int64) -> None:
        self._times = np.unique(np.concatenate((begin, end, window_begins, window_ends)))
        self._running = _level(self._times, begin, end)
        self._inside = _level(self._times, window_begins, window_ends) > 0

    def shares(self, begin: Int64, end: Int64) -> Float64:
        """Of each stretch the time inside the windows, divided by how many run at each moment."""
        times, running = self._times, self._running
        if not len(times):
            return np.empty(0)
        works = self._inside & (running > 0)
        rate: NDArray[np.float64] = np.where(works, 1 / np.maximum(running, 1), 0.0)
        worked = np.concatenate(([0.0], np.cumsum(rate[:-1] * np.diff(times))))
        shares: Float64 = (
            worked[np.searchsorted(times, end)] - worked[np.searchsorted(times, begin)]
        )
        return shares

    def pauses(self, begin: Int64, window_begins: Int64) -> Float64:
        """Of each stretch the pause that it ends, where work of the same window came before.

        Stretches that begin together share it.
        """
        times, busy = self._times, np.flatnonzero(self._running > 0)
        if not len(busy):
            return np.zeros(len(begin))
        last, first = busy[:-1] + 1, busy[1:]  # where a pause begins and ends
        window = np.searchsorted(window_begins, times, "right")
        pause = times[first] - times[last]
        counts = self._inside[last] & self._inside[first] & (window[last] == window[first])
        counts &= pause <= LONGEST_DISPATCH_NS
        ended = np.zeros(len(times))
        ended[first[counts]] = pause[counts]
        place = np.searchsorted(times, begin)
        shares: Float64 = ended[place] / np.bincount(place, minlength=len(times))[place]
        return shares

    def around(self, begins: Int64, ends: Int64) -> tuple[Int64, Int64]:
        """The stretches of the windows before the first work of each and after its last."""
        times, busy = self._times, np.flatnonzero(self._running > 0)
        first = np.searchsorted(busy, np.searchsorted(times, begins))
        last = np.searchsorted(busy, np.searchsorted(times, ends)) - 1
        works = last >= first
        leads, trails = ends.copy(), ends.copy()  # a window without any work is one stretch
        leads[works] = times[busy[first[works]]]
        trails[works] = times[busy[last[works]] + 1]
        return np.stack((begins, trails), 1).ravel(), np.stack((leads, ends), 1).ravel()


def _level(times: Int64, begin: Int64, end: Int64) -> Int64:
    """How many of the stretches cover each time and what follows it."""
    change = np.zeros(len(times), np.int64)
    np.add.at(change, np.searchsorted(times, begin), 1)
    np.add.at(change, np.searchsorted(times, end), -1)
    return np.cumsum(change)
