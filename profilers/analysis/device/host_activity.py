"""What host threads were at: stretches of recorded work, and the innermost slice at each moment."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.device.launches import launching_call
from profilers.analysis.device.work import TimeRange, work_rows
from profilers.analysis.intervals import Intervals, union
from profilers.profile import Profile, SliceKind, Slices, TrackKind
from profilers.profile.table import Int64

_WORK = (SliceKind.OPERATOR, SliceKind.RUNTIME, SliceKind.KERNEL)


@dataclass(frozen=True, eq=False)
class InnermostSlices:
    """From ``begin_ns[i]`` to the next begin, ``row[i]`` is the innermost slice, -1 if there is none.

    The last entry ends where the asked-for range does.
    """

    begin_ns: Int64
    row: Int64


def working_threads(profile: Profile, within_ns: TimeRange) -> dict[int, Intervals]:
    """When each thread was in an operator or call, for threads that run operators or launch.

    Threads that merely ask for events (a watchdog's) drive nothing and are left out.
    """
    slices, tracks = profile.trace.slices, profile.trace.tracks
    calls = launching_call(profile, work_rows(profile))
    launching = np.unique(slices.track[calls[calls >= 0]])
    found = {}
    for track in np.flatnonzero(tracks.kind == TrackKind.THREAD).tolist():
        rows = _rows_of(slices, track, within_ns)
        kinds = slices.kind[rows]
        if track in launching or np.isin(kinds, (SliceKind.OPERATOR, SliceKind.STEP)).any():
            rows = rows[np.isin(kinds, _WORK)]
            begin = slices.start_ns[rows]
            found[track] = union(begin, begin + slices.duration_ns[rows])
    return found


def innermost_slices(slices: Slices, track: int, within_ns: TimeRange) -> InnermostSlices:
    """The deepest slice of one track that covers each moment of a time range."""
    rows = _rows_of(slices, track, within_ns)
    starts, ends = slices.start_ns[rows], slices.start_ns[rows] + slices.duration_ns[rows]
    moments = np.sort(np.concatenate(([within_ns[0]], starts, ends)))
    is_new = np.append(True, moments[1:] > moments[:-1])  # np.unique takes ten times as long
    moments = moments[is_new & (moments >= within_ns[0]) & (moments < within_ns[1])]
    at = np.searchsorted(starts, moments, "right") - 1
    row = np.where(at >= 0, rows[at], -1) if len(rows) else np.full(len(moments), -1)
    while True:  # a slice that is over gives way to the one around it
        over = row >= 0
        over[over] = (slices.start_ns[row[over]] + slices.duration_ns[row[over]]) <= moments[over]
        if not over.any():
            return InnermostSlices(moments, row)
        row[over] = slices.parent[row[over]]


def _rows_of(slices: Slices, track: int, within_ns: TimeRange) -> Int64:
    """Rows of one track that overlap a time range, by start."""
    first, last = np.searchsorted(slices.track, [track, track + 1])
    starts = slices.start_ns[first:last]
    last = first + np.searchsorted(starts, within_ns[1])
    rows: Int64 = np.arange(first, last)
    ends = slices.start_ns[rows] + slices.duration_ns[rows]
    return rows[ends > within_ns[0]]
