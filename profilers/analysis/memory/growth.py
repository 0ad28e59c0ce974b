"""Whether memory grows from step to step, and where what stays behind is allocated."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.sites import sites_among
from profilers.analysis.once import once
from profilers.profile import Profile
from profilers.profile.table import Int64

_LEAST_STEPS = 3
_MOST_EXCEPTIONS = 0.2  # share of steps that may end lower than the one before
_SHARE = 0.001  # of the peak that a step must add at least


@dataclass(frozen=True, eq=False)
class Growth:
    """Attributes
    ----------
    end_bytes : int64 array
        Bytes alive when each step ends.
    bytes_per_step : int
        How much more there is at the end of a step than of the one before, the median of all; 0 where
        nothing grows.
    places : int64 array
        One block of each site that makes what stays, the one with most bytes first.
    place_bytes_per_step : int64 array
    """

    end_bytes: Int64
    bytes_per_step: int
    places: Int64
    place_bytes_per_step: Int64


@once
def memory_growth(profile: Profile, device: int) -> Growth:
    """What grows on a device over the steps.

    The first step may keep what later ones reuse. A site is told where its blocks outlive the step
    after the one that made them.
    """
    steps, allocations = profile.steps, profile.memory.allocations
    ends = np.sort(steps.start_ns + steps.duration_ns)
    curve = memory_curve(profile, device)
    at = np.searchsorted(curve.time_ns, ends, "right")
    end_bytes = np.concatenate(([0], curve.total_bytes))[at]
    gains = np.diff(end_bytes)
    none = Growth(end_bytes, 0, np.empty(0, np.int64), np.empty(0, np.int64))
    if len(ends) < _LEAST_STEPS or curve.device < 0:
        return none
    per_step = int(np.median(gains))
    if per_step <= _SHARE * curve.peak_bytes or (gains <= 0).mean() > _MOST_EXCEPTIONS:
        return none
    stays = np.flatnonzero(
        (allocations.device == device)
        & (allocations.allocated_ns > ends[0])
        & (allocations.allocated_ns <= ends[-2])
        & (allocations.freed_ns > ends[-1])
    )
    sites = sites_among(profile, stays)
    sums = np.zeros(len(sites.first), np.int64)
    np.add.at(sums, sites.of, allocations.bytes[stays])
    order = np.argsort(-sums, kind="stable")
    return Growth(end_bytes, per_step, sites.first[order], sums[order] // (len(ends) - 2))
