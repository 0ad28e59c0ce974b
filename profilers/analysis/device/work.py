"""Which slices are work of a device, and what a time range leaves of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from profilers.analysis.once import once
from profilers.profile import WORK_KINDS, Profile, SliceKind, TrackKind
from profilers.profile.table import Int64

TimeRange = tuple[int, int]  # begin and end, ns since the profile's start


@dataclass(frozen=True, eq=False)
class DeviceWork:
    """Rows of slices that one device of one rank worked on, in table order."""

    rank: int
    device: int
    rows: Int64


@once
def work_rows(profile: Profile) -> Int64:
    """Kernels, collectives and copies on streams.

    Synchronisation records and annotations lie on streams too, but nothing runs for them.
    """
    slices, tracks = profile.trace.slices, profile.trace.tracks
    is_work = np.zeros(max(SliceKind) + 1, np.bool_)
    is_work[list(WORK_KINDS)] = True
    is_stream = tracks.kind == TrackKind.STREAM
    rows = np.flatnonzero(is_work[slices.kind] & is_stream[slices.track])
    rows.flags.writeable = False
    return rows


def work_by_device(profile: Profile) -> Iterator[DeviceWork]:
    """One entry for each device that has a stream, by rank and device; its work may be empty."""
    tracks = profile.trace.tracks
    rows = work_rows(profile)
    owner = np.stack((tracks.rank, tracks.device), 1)
    for rank, device in sorted(set(map(tuple, owner[tracks.kind == TrackKind.STREAM].tolist()))):
        on_device = (owner == (rank, device)).all(1)
        yield DeviceWork(rank, device, rows[on_device[profile.trace.slices.track[rows]]])


def parts_within(
    profile: Profile, rows: Int64, within_ns: TimeRange | None
) -> tuple[Int64, Int64, Int64]:
    """Rows that lie in a time range at least in part, and where those parts begin and end, in ns.

    Without a range all of them whole. A slice of no length counts where it lies inside.
    """
    slices = profile.trace.slices
    begin = slices.start_ns[rows]
    end = begin + slices.duration_ns[rows]
    if within_ns is None:
        return rows, begin, end
    begin, end = np.maximum(begin, within_ns[0]), np.minimum(end, within_ns[1])
    kept = (end > begin) | ((end == begin) & (slices.duration_ns[rows] == 0))
    return rows[kept], begin[kept], end[kept]
