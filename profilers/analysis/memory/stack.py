"""Bytes alive over time, one level per group of blocks, at as many moments as a picture has columns."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from profilers.analysis.memory.curve import MemoryCurve, levels_of, memory_changes, memory_curve
from profilers.analysis.memory.groups import GroupBy, block_groups
from profilers.analysis.once import once
from profilers.profile import Profile
from profilers.profile.table import Float64, Int64

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class MemoryStack:
    """The curve of one device, split.

    Attributes
    ----------
    names : tuple of str
        Of the groups, the one drawn lowest first; only those that ever hold anything.
    groups : tuple of int
        Their numbers in `block_groups`.
    steps : sequence of (time_ns, bytes)
        Of each group, as in `MemoryCurve`.
    total : MemoryCurve
    """

    names: tuple[str, ...]
    groups: tuple[int, ...]
    steps: Sequence[tuple[Int64, Int64]]
    total: MemoryCurve

    def without(self, names: Collection[str]) -> "MemoryStack":
        """The stack of the other groups, with the curve of their own sum."""
        kept = [at for at, name in enumerate(self.names) if name not in names]
        if len(kept) == len(self.names):
            return self
        steps = [self.steps[at] for at in kept]
        times = np.unique(np.concatenate([_NONE, *(times for times, _ in steps)]))
        total = sum((levels_at(*each, times) for each in steps), np.zeros(len(times), np.int64))
        top = int(np.argmax(total)) if len(total) else 0
        peak = (int(times[top]), int(total[top])) if len(total) else (self.total.peak_ns, 0)
        return MemoryStack(
            tuple(self.names[at] for at in kept),
            tuple(self.groups[at] for at in kept),
            steps,
            MemoryCurve(self.total.device, times, total, *peak),
        )

    def levels(self, time_ns: Int64) -> Int64:
        """Bytes alive in each group at some moments, shape (groups, moments)."""
        found = [levels_at(times, levels, time_ns) for times, levels in self.steps]
        return np.array(found, np.int64).reshape(len(found), len(time_ns))


@once
def memory_stack(profile: Profile, device: int, by: GroupBy) -> MemoryStack:
    """The curve of a device, split into its `block_groups`."""
    groups, changes = block_groups(profile, by, device), memory_changes(profile, device)
    group = groups.of[changes.allocation]
    names, numbers, steps = [], [], []
    for number, name in enumerate(groups.names):
        rows = np.flatnonzero(group == number)
        if len(rows) and changes.bytes[rows].any():
            names.append(name)
            numbers.append(number)
            steps.append(levels_of(changes.time_ns[rows], changes.bytes[rows]))
    return MemoryStack(tuple(names), tuple(numbers), steps, memory_curve(profile, device))


def highest_moments(times_ns: Int64, levels: Int64, edges_ns: Float64) -> Int64:
    """When a stepwise curve is highest within each column, so that no peak is lost in a picture.

    Parameters
    ----------
    times_ns, levels : int64 arrays
        The level from each time on, times ascending; before the first it is 0.
    edges_ns : float64 array, shape (columns + 1,)
        Where columns begin, and where the last one ends.
    """
    edges = np.ceil(edges_ns).astype(np.int64)
    bounds = np.searchsorted(times_ns, edges)  # changes of a column lie from one to the next
    moments, counts = edges[:-1].copy(), np.diff(bounds)
    busy = np.flatnonzero(counts)
    if len(busy):
        part, starts = levels[bounds[0] : bounds[-1]], bounds[busy] - bounds[0]
        tops = np.maximum.reduceat(part, starts)
        is_top = np.flatnonzero(part == np.repeat(tops, counts[busy]))
        first_top = is_top[np.searchsorted(is_top, starts)] + bounds[0]
        before = bounds[busy] - 1
        brought = np.where(before >= 0, levels[before], 0)  # what the column begins with
        moments[busy] = np.where(tops >= brought, times_ns[first_top], moments[busy])
    return moments


def levels_at(times_ns: Int64, levels: Int64, moments_ns: Int64) -> Int64:
    """Levels of a stepwise curve at some moments; before the first time it is 0."""
    if not len(levels):
        return np.zeros(len(moments_ns), np.int64)
    at = np.searchsorted(times_ns, moments_ns, "right") - 1
    found: Int64 = np.where(at >= 0, levels[at], 0)
    return found
