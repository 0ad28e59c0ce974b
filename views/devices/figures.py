"""What the view tells of each device, over the whole trace or a time range."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.communication import communication_overlap
from profilers.analysis.device.idle_time import IdleCause, idle_by_cause, idle_gaps
from profilers.analysis.device.kernel_breakdown import KernelStatistics, kernel_statistics
from profilers.analysis.device.launches import (
    LaunchSummary,
    QueueLength,
    launch_summary,
    launches,
    queue_length,
)
from profilers.analysis.device.time import device_time
from profilers.analysis.device.work import TimeRange
from profilers.analysis.once import once
from profilers.profile import Profile


@dataclass(frozen=True)
class DeviceFigures:
    """Times in ns. `hidden_share` is NaN where the device does not communicate.

    `gaps_ns` adds up the gaps of the streams that have any, `streams` in number, by `IdleCause`;
    `longest_queue` is that of one stream.
    """

    rank: int
    device: int
    span_ns: int
    busy_ns: int
    compute_ns: int
    communication_ns: int
    copy_ns: int
    exposed_communication_ns: int
    exposed_copy_ns: int
    idle_ns: int
    hidden_share: float
    gaps_ns: tuple[int, ...]
    streams: int
    launches: LaunchSummary
    longest_queue: int


@dataclass(frozen=True)
class RangeFigures:
    """All figures of the view for one time range, or for the whole trace where it is None."""

    within_ns: TimeRange | None
    devices: tuple[DeviceFigures, ...]
    kernels: KernelStatistics


@once
def range_figures(profile: Profile, within_ns: TimeRange | None = None) -> RangeFigures:
    """A second for ten million events, kept for the latest ranges."""
    return RangeFigures(
        within_ns,
        tuple(_device_figures(profile, within_ns)),
        kernel_statistics(profile, within_ns),
    )


def _device_figures(profile: Profile, within_ns: TimeRange | None) -> list[DeviceFigures]:
    """One entry for each device that has work."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    launched = launches(profile, within_ns)
    time = device_time(profile, within_ns)
    hidden = communication_overlap(time).share
    gaps_by_track = idle_by_cause(idle_gaps(profile), within_ns)
    queue = queue_length(slices, launches(profile))
    if within_ns is not None:
        queue = _queue_within(queue, within_ns)
    found = []
    for at in range(len(time)):
        rank, device = int(time.rank[at]), int(time.device[at])
        is_own = (tracks.rank == rank) & (tracks.device == device)
        own_gaps = [sums for track, sums in gaps_by_track.items() if is_own[track]]
        own_launches = launched.take(is_own[slices.track[launched.work]])
        found.append(
            DeviceFigures(
                rank,
                device,
                int(time.end_ns[at] - time.begin_ns[at]),
                int(time.busy_ns[at]),
                int(time.compute_ns[at]),
                int(time.communication_ns[at]),
                int(time.copy_ns[at]),
                int(time.exposed_communication_ns[at]),
                int(time.exposed_copy_ns[at]),
                int(time.idle_ns[at]),
                float(hidden[at]),
                tuple(_sums(own_gaps).tolist()),
                len(own_gaps),
                launch_summary(slices, own_launches),
                int(queue.length[is_own[queue.track]].max(initial=0)),
            )
        )
    return [each for each in found if each.span_ns]


def _queue_within(queue: QueueLength, within_ns: TimeRange) -> QueueLength:
    """The rows that hold at some time of a range: a row holds until the next of its stream."""
    if not len(queue):
        return queue
    is_last = np.append(queue.track[1:] != queue.track[:-1], True)
    until_ns = np.where(is_last, within_ns[1], np.append(queue.time_ns[1:], 0))
    return queue.take((until_ns > within_ns[0]) & (queue.time_ns < within_ns[1]))


def _sums(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum([np.zeros(len(IdleCause), np.int64), *parts], axis=0)
    return total
