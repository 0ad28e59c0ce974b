"""Bytes alive over time, and who held them at a moment."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.profile import Allocations, MemoryCategory, Profile
from profilers.profile.table import Int64

_CATEGORIES = len(MemoryCategory)


@dataclass(frozen=True, eq=False)
class MemoryCurve:
    """Steps of the sum of live blocks on one device.

    Attributes
    ----------
    device : int
        String row of the device, -1 where nothing was allocated.
    time_ns : int64 array, shape (n,)
        When the sums change, ascending, since the profile's start.
    bytes : int64 array, shape (categories, n)
        Bytes alive from each time on; the row is the `MemoryCategory`.
    peak_ns, peak_bytes : int
        The first moment of the highest total.
    """

    device: int
    time_ns: Int64
    bytes: Int64
    peak_ns: int
    peak_bytes: int


@once
def memory_curve(profile: Profile, device: int | None = None) -> MemoryCurve:
    """The curve of one device; without `device`, of the one with the highest peak."""
    allocations = profile.memory.allocations
    if device is None:
        devices = np.unique(allocations.device).tolist()
        curves = [_curve(allocations, each) for each in devices]
        return max(curves, key=lambda curve: curve.peak_bytes, default=_EMPTY)
    return _curve(allocations, device)


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
    time_ns, changes, _ = _changes(allocations)
    times, levels = _merged(time_ns, np.cumsum(changes)[None])
    return times, levels[0]


def _curve(allocations: Allocations, device: int) -> MemoryCurve:
    time_ns, changes, category = _changes(allocations.take(allocations.device == device))
    if not len(time_ns):
        return _EMPTY
    sums = np.zeros((_CATEGORIES, len(time_ns)), np.int64)
    sums[category, np.arange(len(time_ns))] = changes
    times, levels = _merged(time_ns, np.cumsum(sums, axis=1))
    total = levels.sum(axis=0)
    top = int(np.argmax(total))
    return MemoryCurve(device, times, levels, int(times[top]), int(total[top]))


def _changes(allocations: Allocations) -> tuple[Int64, Int64, NDArray[np.int8]]:
    """Sorted times with signed bytes and category; at equal times blocks are freed first."""
    lived = allocations.take(allocations.freed_ns > allocations.allocated_ns)
    time_ns = np.concatenate((lived.freed_ns, lived.allocated_ns))
    changes = np.concatenate((-lived.bytes, lived.bytes))
    category = np.tile(lived.category, 2)
    within = np.flatnonzero(time_ns < np.iinfo(np.int64).max)
    order = within[np.argsort(time_ns[within], kind="stable")]
    return time_ns[order], changes[order], category[order]


def _merged(time_ns: Int64, levels: Int64) -> tuple[Int64, Int64]:
    """One column per distinct time: the level after all changes of that time."""
    last = np.flatnonzero(np.diff(time_ns, append=-1))
    return time_ns[last], levels[:, last]


_EMPTY = MemoryCurve(-1, np.empty(0, np.int64), np.empty((_CATEGORIES, 0), np.int64), 0, 0)
