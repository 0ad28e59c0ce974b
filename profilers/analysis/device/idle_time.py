"""Gaps between the work on each stream, and why nothing ran.

The causes and their order are those of HolisticTraceAnalysis: the host is to blame where it
started to launch the next work only after the work before had ended; of the other gaps, those
below a limit are the device's own pause between kernels; what is left waits for something else,
such as an event of another stream. Its limit is 30 in the trace's unit, which is microseconds.
Gaps count from the latest end of all earlier work on the stream, so that partly overlapping work
(which there gives negative gaps) leaves none, and no gap is counted twice.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from profilers.analysis.device.launches import launching_call
from profilers.analysis.device.work import TimeRange, work_rows
from profilers.analysis.intervals import latest_end_so_far
from profilers.analysis.once import once
from profilers.profile import Profile
from profilers.profile.table import Int8, Int32, Int64, Table, column

KERNEL_WAIT_NS = 30_000


class IdleCause(IntEnum):
    HOST_WAIT = 0  # the next work was not launched yet
    KERNEL_WAIT = 1  # the usual pause between two kernels
    OTHER = 2


@dataclass(frozen=True, eq=False)
class IdleGaps(Table):
    """One row per gap, by track and time: where it lies and what ran around it."""

    track: Int32 = column("i4")
    begin_ns: Int64 = column("i8")
    end_ns: Int64 = column("i8")  # > begin_ns
    before: Int64 = column("i8")  # row of the slice that ended last
    after: Int64 = column("i8")  # row of the slice that starts next
    cause: Int8 = column("i1")  # IdleCause


@once
def idle_gaps(profile: Profile, kernel_wait_ns: int = KERNEL_WAIT_NS) -> IdleGaps:
    """Gaps between a stream's first and last work."""
    slices = profile.trace.slices
    rows = work_rows(profile)
    if not len(rows):
        return IdleGaps.empty()
    track, start = slices.track[rows], slices.start_ns[rows]
    last = latest_end_so_far(track, start + slices.duration_ns[rows])
    ended = start[last[:-1]] + slices.duration_ns[rows[last[:-1]]]
    at = np.flatnonzero((track[1:] == track[:-1]) & (start[1:] > ended)) + 1
    ended = ended[at - 1]
    call = launching_call(profile, rows[at])
    is_late = (call >= 0) & (slices.start_ns[call] > ended)
    is_short = start[at] - ended < kernel_wait_ns
    cause = np.where(
        is_late,
        IdleCause.HOST_WAIT,
        np.where(is_short, IdleCause.KERNEL_WAIT, IdleCause.OTHER),
    )
    return IdleGaps(track[at], ended, start[at], rows[last[at - 1]], rows[at], cause)


def idle_by_cause(gaps: IdleGaps, within_ns: TimeRange | None = None) -> dict[int, Int64]:
    """Idle ns of each track that has gaps, by `IdleCause`; of a time range, the part inside."""
    begin, end = gaps.begin_ns, gaps.end_ns
    if within_ns is not None:
        begin, end = np.maximum(begin, within_ns[0]), np.minimum(end, within_ns[1])
    tracks, group = np.unique(gaps.track, return_inverse=True)
    sums = np.zeros((len(tracks), len(IdleCause)), np.int64)
    np.add.at(sums, (group, gaps.cause), np.maximum(end - begin, 0))
    return dict(zip(tracks.tolist(), sums, strict=True))
