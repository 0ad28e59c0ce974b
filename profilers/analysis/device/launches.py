"""From the host's launching call to the work on the device: delays and queue lengths.

A call and the work it launches share a correlation. The delay is the time from the end of the call
to the start of the work, and 0 where the work starts earlier, as in HolisticTraceAnalysis's launch
statistics. A call that launches a whole graph (cudaGraphLaunch) counts as the launch of each of its
kernels.
"""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.device.work import TimeRange, parts_within, work_rows
from profilers.analysis.once import once
from profilers.profile import Profile, SliceKind, Slices, TrackKind
from profilers.profile.table import Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class Launches(Table):
    """One row per device slice that was launched by a recorded call, in table order."""

    work: Int64 = column("i8")  # row of the device slice
    call: Int64 = column("i8")  # row of the launching call
    delay_ns: Int64 = column("i8")  # >= 0


@dataclass(frozen=True)
class LaunchSummary:
    """Durations in ns, 0 without launches."""

    count: int
    median_delay_ns: int
    p95_delay_ns: int
    longest_delay_ns: int
    short_work: int  # takes less time on the device than its call on the host


@dataclass(frozen=True, eq=False)
class QueueLength(Table):
    """How much work is launched and not yet started on a stream; holds until the next row.

    Ordered by track and time. At the same time launches come before starts.
    """

    track: Int32 = column("i4")
    time_ns: Int64 = column("i8")
    length: Int64 = column("i8")


def launching_call(profile: Profile, work: Int64) -> Int64:
    """Row of the call that launched each given device slice, -1 where none is recorded."""
    ids, calls = _calls_by_correlation(profile)
    if not len(calls) or not len(work):
        return np.full(len(work), -1, np.int64)
    wanted = profile.trace.slices.correlation[work]
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where((ids[at] == wanted) & (wanted >= 0), calls[at], -1)


@once
def launches(profile: Profile, within_ns: TimeRange | None = None) -> Launches:
    """Launched device work; of a time range, that which runs in it at least in part."""
    slices = profile.trace.slices
    work, _, _ = parts_within(profile, work_rows(profile), within_ns)
    call = launching_call(profile, work)
    work, call = work[call >= 0], call[call >= 0]
    ends = slices.start_ns[call] + slices.duration_ns[call]
    return Launches(work, call, np.maximum(slices.start_ns[work] - ends, 0))


def launch_summary(slices: Slices, table: Launches) -> LaunchSummary:
    """Figures over some launches."""
    if not len(table):
        return LaunchSummary(0, 0, 0, 0, 0)
    call_ns, work_ns = slices.duration_ns[table.call], slices.duration_ns[table.work]
    return LaunchSummary(
        len(table),
        int(np.median(table.delay_ns)),
        int(np.percentile(table.delay_ns, 95)),
        int(table.delay_ns.max()),
        int((work_ns < call_ns).sum()),
    )


@once
def queue_length(slices: Slices, table: Launches) -> QueueLength:
    """Work waiting on each stream: one more when a call starts, one less when its work starts."""
    count = len(table)
    track = slices.track[table.work]
    tracks = np.concatenate((track, track))
    times = np.concatenate((slices.start_ns[table.call], slices.start_ns[table.work]))
    changes = np.repeat(np.array([1, -1]), count)
    by_time = np.argsort(times, kind="stable")
    order = by_time[np.argsort(tracks[by_time], kind="stable")]
    # Each launch is taken back by its own start, so every stream ends at 0 and one sum serves all.
    return QueueLength(tracks[order], times[order], np.cumsum(changes[order]))


@once
def _calls_by_correlation(profile: Profile) -> tuple[Int64, Int64]:
    """Correlations of the host's calls in order, and the rows of the calls."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    on_host = tracks.kind != TrackKind.STREAM
    calls = np.flatnonzero(slices.kind == SliceKind.RUNTIME)
    calls = calls[(slices.correlation[calls] >= 0) & on_host[slices.track[calls]]]
    ids = slices.correlation[calls]
    order = np.argsort(ids, kind="stable")
    return ids[order], calls[order]
