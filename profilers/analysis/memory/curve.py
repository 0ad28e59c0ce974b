"""Bytes alive over time, and who held them at a moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.profile import NEVER_NS, Allocations, Profile
from profilers.profile.table import Int64


@dataclass(frozen=True, eq=False)
class MemoryCurve:
    """Steps of the sum of live blocks on one device.

    Attributes
    ----------
    device : int
        String row of the device, -1 where nothing was allocated.
    time_ns : int64 array, shape (n,)
        When the sum changes, ascending, since the profile's start.
    total_bytes : int64 array, shape (n,)
        Bytes alive from each time on.
    peak_ns, peak_bytes : int
        The first moment of the highest total.
    """

    device: int
    time_ns: Int64
    total_bytes: Int64
    peak_ns: int
    peak_bytes: int


@dataclass(frozen=True, eq=False)
class MemoryChanges:
    """Beginnings and ends of one device's blocks in order of time.

    Attributes
    ----------
    time_ns, bytes : int64 arrays
        Bytes are below zero where a block ends.
    allocation : int64 array
        The block, a row of ``memory.allocations``.
    """

    time_ns: Int64
    bytes: Int64
    allocation: Int64


@once
def memory_curve(profile: Profile, device: int | None = None) -> MemoryCurve:
    """The curve of one device; without `device`, of the one with the highest peak."""
    if device is None:
        devices = np.unique(profile.memory.allocations.device).tolist()
        curves = [memory_curve(profile, each) for each in devices]
        return max(curves, key=lambda curve: curve.peak_bytes, default=_EMPTY)
    changes = memory_changes(profile, device)
    if not len(changes.time_ns):
        return _EMPTY
    time_ns, total = levels_of(changes.time_ns, changes.bytes)
    top = int(np.argmax(total))
    return MemoryCurve(device, time_ns, total, int(time_ns[top]), int(total[top]))


@once
def memory_changes(profile: Profile, device: int) -> MemoryChanges:
    """What changes the bytes alive on a device; blocks that end when they begin change nothing."""
    allocations = profile.memory.allocations
    rows = np.flatnonzero(
        (allocations.device == device) & (allocations.freed_ns > allocations.allocated_ns)
    )
    return _changes(allocations, rows)


def alive_at(profile: Profile, device: int, time_ns: int) -> NDArray[np.intp]:
    """Allocations alive at a moment, largest first."""
    allocations = profile.memory.allocations
    rows = np.flatnonzero(
        (allocations.device == device)
        & (allocations.allocated_ns <= time_ns)
        & (allocations.freed_ns > time_ns)
    )
    return rows[np.argsort(-allocations.bytes[rows], kind="stable")]


def curve_of(allocations: Allocations) -> tuple[Int64, Int64]:
    """Times and total bytes of the given allocations alone."""
    lived = np.flatnonzero(allocations.freed_ns > allocations.allocated_ns)
    changes = _changes(allocations, lived)
    return levels_of(changes.time_ns, changes.bytes)


def levels_of(time_ns: Int64, changes: Int64) -> tuple[Int64, Int64]:
    """Each distinct time with the sum of all changes up to and at it; times must ascend."""
    last = np.flatnonzero(np.diff(time_ns, append=-1))
    return time_ns[last], np.cumsum(changes)[last]


def _changes(allocations: Allocations, rows: NDArray[np.intp]) -> MemoryChanges:
    freed = rows[allocations.freed_ns[rows] < NEVER_NS]
    time_ns = np.concatenate((allocations.freed_ns[freed], allocations.allocated_ns[rows]))
    changes = np.concatenate((-allocations.bytes[freed], allocations.bytes[rows]))
    order = np.argsort(time_ns)
    return MemoryChanges(time_ns[order], changes[order], np.concatenate((freed, rows))[order])


_EMPTY = MemoryCurve(-1, np.empty(0, np.int64), np.empty(0, np.int64), 0, 0)
