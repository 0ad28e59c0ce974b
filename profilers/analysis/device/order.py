"""What each piece of device work waited for: earlier work, or its launch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from profilers.analysis.device.idle_time import KERNEL_WAIT_NS
from profilers.analysis.device.launches import launching_call
from profilers.analysis.device.work import TimeRange, parts_within, work_rows
from profilers.analysis.intervals import latest_end_so_far
from profilers.profile import Profile, SliceKind, TrackKind
from profilers.profile.table import Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class DeviceOrder(Table):
    """Device work in table order (by stream, then start); indices are rows of this table."""

    row: Int64 = column("i8")  # of the slice
    track: Int32 = column("i4")
    start_ns: Int64 = column("i8")
    end_ns: Int64 = column("i8")
    call: Int64 = column("i8")  # row of the launching call, -1 if none is recorded
    before: Int64 = column("i8")  # index of the work it waited for, -1 for its launch

    def index_of(self, row: int) -> int:
        """Index of a slice that is device work of the range."""
        return int(np.searchsorted(self.row, row))

    def chain(self, index: int, begin_ns: int) -> Int64:
        """The work itself, what it waited for, and so on back to a launch or a time."""
        before, starts = self._steps
        indices = [index]
        while starts[index] > begin_ns and before[index] >= 0:
            index = before[index]
            indices.append(index)
        return np.array(indices, np.int64)

    @cached_property
    def _steps(self) -> tuple[list[int], list[int]]:
        """`before` and `start_ns` as lists, along which single steps are quick."""
        return self.before.tolist(), self.start_ns.tolist()

    def awaited_by(self, profile: Profile, calls: Int64) -> Int64:
        """Index of the work that ended last before each call returned, -1 if there is none.

        Only on its own stream where a synchronisation record on a stream shares the correlation.
        """
        slices = profile.trace.slices
        returned_ns = slices.start_ns[calls] + slices.duration_ns[calls]
        streams = _recorded_streams(profile, slices.correlation[calls])
        found = np.full(len(calls), -1, np.int64)
        for stream in np.unique(streams).tolist():
            own = np.arange(len(self)) if stream < 0 else np.flatnonzero(self.track == stream)
            own = own[np.argsort(self.end_ns[own], kind="stable")]
            asking = np.flatnonzero(streams == stream)
            at = np.searchsorted(self.end_ns[own], returned_ns[asking], "right") - 1
            found[asking[at >= 0]] = own[at[at >= 0]]
        return found


def device_order(profile: Profile, within_ns: TimeRange) -> DeviceOrder:
    """All device work that runs within a time range."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    rows, _, _ = parts_within(profile, work_rows(profile), within_ns)
    if not len(rows):
        return DeviceOrder.empty()
    start, track = slices.start_ns[rows], slices.track[rows]
    end = start + slices.duration_ns[rows]
    before = np.append(-1, latest_end_so_far(track, end)[:-1])
    before[np.append(True, track[1:] != track[:-1])] = -1
    never = np.iinfo(np.int64).min // 2
    ended = np.where(before >= 0, end[before], never)
    call = launching_call(profile, rows)
    launched = np.where(call >= 0, slices.start_ns[call], never)
    before[launched > ended] = -1
    called = np.where(call >= 0, launched + slices.duration_ns[call], never)
    waiting = np.flatnonzero(start - np.maximum(ended, called) >= KERNEL_WAIT_NS)
    devices = np.stack((tracks.rank, tracks.device), 1)
    device_of_track = np.unique(devices, axis=0, return_inverse=True)[1].reshape(-1)
    other = _ended_right_before(waiting, start, end, device_of_track[track])
    latest = np.maximum(ended, launched)[waiting]
    known = (other >= 0) & (end[other] > latest) & (start[other] < start[waiting])
    before[waiting[known]] = other[known]
    return DeviceOrder.of(
        row=rows, track=track, start_ns=start, end_ns=end, call=call, before=before
    )


def _ended_right_before(waiting: Int64, start: Int64, end: Int64, owner: Int64) -> Int64:
    """For each given index the work of its device that ended last before its start.

    -1 where that lies `KERNEL_WAIT_NS` back or more.
    """
    found = np.full(len(waiting), -1, np.int64)
    for device in np.unique(owner[waiting]).tolist():
        own = np.flatnonzero(owner == device)
        own = own[np.argsort(end[own], kind="stable")]
        asking = np.flatnonzero(owner[waiting] == device)
        begins = start[waiting[asking]]
        at = np.searchsorted(end[own], begins, "right") - 1
        is_close = (at >= 0) & (begins - end[own[at]] < KERNEL_WAIT_NS)
        found[asking[is_close]] = own[at[is_close]]
    return found


def _recorded_streams(profile: Profile, correlation: Int64) -> Int64:
    """The stream track of the record with each correlation, -1 if there is none."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    on_stream = tracks.kind[slices.track] == TrackKind.STREAM
    records = np.flatnonzero(
        (slices.kind == SliceKind.RUNTIME) & (slices.correlation >= 0) & on_stream
    )
    streams = np.full(len(correlation), -1, np.int64)
    if len(records):
        records = records[np.argsort(slices.correlation[records], kind="stable")]
        ids = slices.correlation[records]
        at = np.minimum(np.searchsorted(ids, correlation), len(ids) - 1)
        is_known = ids[at] == correlation
        streams[is_known] = slices.track[records[at[is_known]]]
    return streams
