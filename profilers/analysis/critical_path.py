"""What a step's length consists of: one chain of work, from its end back to its begin.

From the step's last finished work the walk goes back in time, at each point to what had to end
last before this could begin:

- *Work on a device* waits for its launch, if the host began the launching call only after the
  stream's previous work had ended; else for that work. If it began `KERNEL_WAIT_NS` or more after
  both, and later work of another stream of the device ended within that time before it, it waited
  for that (an event). The first work of a trace without a recorded launch goes to the step's
  thread.
- *Launch delay* lies between the end of the call and the begin of its work.
- *A synchronising call* of the host (device, stream, event) waits for the device work that ended
  last before the call returned; on one stream where a record ties the call to that stream. A call
  that copies waits for its own copy, if it returned only after that had ended.
- *A host thread* goes back along its own operators and calls. Before a stretch of work it waited
  for whichever thread, itself included, had finished a stretch last; so backward passes lead to
  their own thread. Threads without operators and launches are left out.

The launch, stream and synchronisation rules are those of HolisticTraceAnalysis's critical path
(its public documentation, "Lightweight Critical Path Analysis"). It differs in that it searches
the longest path through a graph of all events of an annotation, lets the launch delay begin with
the call, and knows events between streams only from the profiler's synchronisation records, which
few traces have. (So its path stays on one stream and calls the time until another had finished
a delay between kernels: 43 of 59 ms in a step of an eight-rank training run.) A walk back gives
each moment to exactly one segment, so that they add up.
"""

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from profilers.analysis.device.host_activity import innermost_slices, working_threads
from profilers.analysis.device.order import DeviceOrder, device_order
from profilers.analysis.device.work import TimeRange, work_rows
from profilers.analysis.intervals import Intervals
from profilers.profile import Profile, SliceKind, TrackKind
from profilers.profile.table import Int8, Int64, Table, column

_SYNCHRONISE = re.compile(r"(cuda|hip|cu)(Device|Stream|Event|Ctx)Synchronize")


class PathKind(IntEnum):
    HOST = 0  # `slice` is the innermost of the thread, -1 where nothing is recorded
    LAUNCH_DELAY = 1  # `slice` is the launched work
    DEVICE = 2  # `slice` is the work
    DEVICE_WAIT = 3  # from the end of work to the begin of what waited for it, `slice`
    SYNC_RETURN = 4  # from the end of work until the host's waiting call returned, `slice`


@dataclass(frozen=True, eq=False)
class PathSegments(Table):
    """In order and without gaps: each begins where the one before ends."""

    kind: Int8 = column("i1")  # PathKind
    slice: Int64 = column("i8")
    begin_ns: Int64 = column("i8")
    end_ns: Int64 = column("i8")  # > begin_ns


def critical_path(profile: Profile, step: int = -1) -> PathSegments:
    """The path of one step (a row of `Profile.steps`), or of the whole trace for -1.

    It spans from the begin of the step on the host until the host and all work that the step
    launched have finished. Empty if nothing ran.
    """
    begin_ns, end_ns, thread, last_work = _ends(profile, step)
    if end_ns <= begin_ns:
        return PathSegments.empty()
    return _Walk(profile, (begin_ns, end_ns)).back_from(thread, last_work)


class _Walk:
    """Goes back through one time range and collects segments, latest first."""

    def __init__(self, profile: Profile, within_ns: TimeRange) -> None:
        self._profile = profile
        self._begin_ns, self._end_ns = within_ns
        self._work = device_order(profile, within_ns)
        self._threads = working_threads(profile, within_ns)
        self._begins = {track: each.begin_ns.tolist() for track, each in self._threads.items()}
        self._ends = {track: each.end_ns.tolist() for track, each in self._threads.items()}
        self._finished = _finished_stretches(self._threads)
        self._waits = _blocking_calls(profile, self._work, within_ns)
        self._used: set[int] = set()
        self._host: list[list[int]] = []  # thread, begin, end
        self._parts: list[tuple[int, Int64, Int64, Int64]] = []  # kind, slices, begins, ends

    def back_from(self, thread: int, last_work: int) -> PathSegments:
        """From the end of the range, on a thread or (if not -1) in device work."""
        time_ns, home = self._end_ns, thread
        if last_work >= 0:
            thread, time_ns = self._through_device(self._work.index_of(last_work), home, time_ns)
        while time_ns > self._begin_ns:
            work, thread, time_ns = self._through_host(thread, time_ns)
            if work >= 0:
                thread, time_ns = self._through_device(work, home, time_ns)
        return self._segments()

    def _through_device(self, work: int, home: int, time_ns: int) -> tuple[int, int]:
        """Along work that waited for work; the thread and time where the first was launched."""
        order = self._work
        chain = order.chain(work, self._begin_ns)
        starts = order.start_ns[chain]
        ends = np.minimum(order.end_ns[chain], np.append(time_ns, starts[:-1]))
        self._add(PathKind.DEVICE, order.row[chain], starts, ends)
        self._add(PathKind.DEVICE_WAIT, order.row[chain[:-1]], ends[1:], starts[:-1])
        first, call = int(chain[-1]), int(order.call[chain[-1]])
        begin_ns = int(starts[-1])
        if call < 0 or begin_ns <= self._begin_ns:
            return home, begin_ns
        slices = self._profile.trace.slices
        launched_ns = min(int(slices.start_ns[call] + slices.duration_ns[call]), begin_ns)
        self._add_one(PathKind.LAUNCH_DELAY, int(order.row[first]), launched_ns, begin_ns)
        return int(slices.track[call]), launched_ns

    def _through_host(self, thread: int, time_ns: int) -> tuple[int, int, int]:
        """Back to a call that waited, or to what came before this stretch of work.

        Returns the work waited for (-1 if none), and where to go on.
        """
        stretch = bisect_left(self._begins.get(thread, []), time_ns) - 1
        if stretch < 0 or self._ends[thread][stretch] < time_ns:
            return -1, *self._before_stretch(thread, time_ns)
        begin_ns = max(self._begins[thread][stretch], self._begin_ns)
        wait = self._last_wait(thread, begin_ns, time_ns)
        if wait is None:
            self._add_host(thread, begin_ns, time_ns)
            return -1, thread, begin_ns
        returned_ns = min(wait.end_ns, time_ns)
        self._add_host(thread, returned_ns, time_ns)
        done_ns = int(self._work.end_ns[wait.work])
        self._add_one(PathKind.SYNC_RETURN, wait.row, done_ns, returned_ns)
        return wait.work, thread, done_ns

    def _before_stretch(self, thread: int, time_ns: int) -> tuple[int, int]:
        ends, threads = self._finished
        at = bisect_right(ends, time_ns) - 1
        # A stretch that ends at the same time on this thread would lead nowhere.
        while at >= 0 and ends[at] == time_ns and threads[at] == thread:
            at -= 1
        if at < 0:
            self._add_host(thread, self._begin_ns, time_ns)
            return thread, self._begin_ns
        self._add_host(thread, ends[at], time_ns)
        return threads[at], ends[at]

    def _last_wait(self, thread: int, begin_ns: int, time_ns: int) -> "_Wait | None":
        """The latest call that waited for work which ended before a time; each is used once."""
        starts, waits = self._waits.get(thread, ([], []))
        at = bisect_left(starts, time_ns) - 1
        while at >= 0 and starts[at] >= begin_ns:
            wait = waits[at]
            if wait.row not in self._used and self._work.end_ns[wait.work] <= time_ns:
                self._used.add(wait.row)
                return wait
            at -= 1
        return None

    def _add_host(self, thread: int, begin_ns: int, end_ns: int) -> None:
        if self._host and self._host[-1][0] == thread and self._host[-1][1] == end_ns:
            self._host[-1][1] = begin_ns
        elif begin_ns < end_ns:
            self._host.append([thread, begin_ns, end_ns])

    def _add_one(self, kind: PathKind, row: int, begin_ns: int, end_ns: int) -> None:
        self._add(kind, np.array([row]), np.array([begin_ns]), np.array([end_ns]))

    def _add(self, kind: PathKind, rows: Int64, begin_ns: Int64, end_ns: Int64) -> None:
        self._parts.append((kind, rows, begin_ns, end_ns))

    def _segments(self) -> PathSegments:
        parts = self._parts + [
            (PathKind.HOST, *part)
            for thread in {thread for thread, _, _ in self._host}
            for part in self._innermost(thread)
        ]
        kind = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
        rows, begin_ns, end_ns = (np.concatenate([part[at] for part in parts]) for at in (1, 2, 3))
        begin_ns = np.maximum(begin_ns, self._begin_ns)
        kept = np.flatnonzero(end_ns > begin_ns)
        order = kept[np.argsort(begin_ns[kept], kind="stable")]
        return PathSegments.of(
            kind=kind[order], slice=rows[order], begin_ns=begin_ns[order], end_ns=end_ns[order]
        )

    def _innermost(self, thread: int) -> list[tuple[Int64, Int64, Int64]]:
        """The thread's parts of the path, by innermost slice."""
        slices = self._profile.trace.slices
        found = innermost_slices(slices, thread, (self._begin_ns, self._end_ns))
        parts = []
        for _, begin_ns, end_ns in (each for each in self._host if each[0] == thread):
            first = np.searchsorted(found.begin_ns, begin_ns, "right") - 1
            last = np.searchsorted(found.begin_ns, end_ns)
            begins = np.maximum(found.begin_ns[first:last], begin_ns)
            parts.append((found.row[first:last], begins, np.append(begins[1:], end_ns)))
        return parts


@dataclass(frozen=True)
class _Wait:
    row: int
    end_ns: int
    work: int  # index in the DeviceOrder that it waited for


def _ends(profile: Profile, step: int) -> tuple[int, int, int, int]:
    """Begin and end of the path, its thread, and the row of device work it ends with or -1."""
    slices, tracks, steps = profile.trace.slices, profile.trace.tracks, profile.steps
    ends = slices.start_ns + slices.duration_ns
    work = work_rows(profile)
    on_host = tracks.kind[slices.track] == TrackKind.THREAD
    if step < 0:
        host = np.flatnonzero(on_host & np.isin(slices.kind, _HOST_KINDS))
        everything = np.concatenate((host, work))
        if not len(everything):
            return 0, 0, -1, -1
        begin_ns, host_end_ns = int(slices.start_ns[everything].min()), 0
        thread = -1
        if len(host):
            thread = int(slices.track[host[ends[host].argmax()]])
            host_end_ns = int(ends[host].max())
    else:
        work = work[slices.step[work] == step]
        begin_ns = int(steps.start_ns[step])
        host_end_ns = begin_ns + int(steps.duration_ns[step])
        ranges = np.flatnonzero(
            on_host & (slices.kind == SliceKind.STEP) & (slices.start_ns == begin_ns)
        )
        thread = int(slices.track[ranges[0]]) if len(ranges) else -1
    last = int(work[ends[work].argmax()]) if len(work) else -1
    if last < 0 or ends[last] < host_end_ns:
        return begin_ns, host_end_ns, thread, -1
    return begin_ns, int(ends[last]), thread, last


_HOST_KINDS = (SliceKind.OPERATOR, SliceKind.RUNTIME)


def _finished_stretches(threads: dict[int, Intervals]) -> tuple[list[int], list[int]]:
    """Ends of all threads' stretches of work in order, and the thread of each."""
    ends = np.concatenate([np.empty(0, np.int64), *(each.end_ns for each in threads.values())])
    owner = np.repeat(list(threads), [len(each) for each in threads.values()])
    order = np.argsort(ends, kind="stable")
    return ends[order].tolist(), owner[order].astype(np.int64).tolist()


def _blocking_calls(
    profile: Profile, work: DeviceOrder, within_ns: TimeRange
) -> dict[int, tuple[list[int], list[_Wait]]]:
    """By thread, the starts of calls that work made wait, and what they waited for."""
    slices = profile.trace.slices
    ends = slices.start_ns + slices.duration_ns
    rows = _synchronising_calls(profile, within_ns)
    awaited = work.awaited_by(profile, rows)
    copies = np.flatnonzero((work.call >= 0) & (slices.kind[work.row] == SliceKind.COPY))
    copies = copies[work.end_ns[copies] <= ends[work.call[copies]]]
    rows = np.append(rows[awaited >= 0], work.call[copies])
    awaited = np.append(awaited[awaited >= 0], copies)
    has_waited = work.end_ns[awaited] > slices.start_ns[rows]
    rows, awaited = rows[has_waited], awaited[has_waited]
    found: dict[int, tuple[list[int], list[_Wait]]] = {}
    order = np.argsort(slices.start_ns[rows], kind="stable")
    for row, index in zip(rows[order].tolist(), awaited[order].tolist(), strict=True):
        starts, waits = found.setdefault(int(slices.track[row]), ([], []))
        starts.append(int(slices.start_ns[row]))
        waits.append(_Wait(row, int(ends[row]), index))
    return found


def _synchronising_calls(profile: Profile, within_ns: TimeRange) -> Int64:
    slices, tracks = profile.trace.slices, profile.trace.tracks
    names = [row for row, name in enumerate(profile.strings) if _SYNCHRONISE.match(name)]
    is_stream = tracks.kind == TrackKind.STREAM
    is_call = (slices.kind == SliceKind.RUNTIME) & np.isin(slices.name, names)
    rows = np.flatnonzero(is_call & ~is_stream[slices.track])
    ends = slices.start_ns[rows] + slices.duration_ns[rows]
    return rows[(ends > within_ns[0]) & (slices.start_ns[rows] < within_ns[1])]
