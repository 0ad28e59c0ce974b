"""What ran within a time range, summed by name."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import Slices
from profilers.profile.table import Int32, Int64


@dataclass(frozen=True, eq=False)
class RangeSums:
    """One row per name; `total_ns` counts only the part of each slice inside the range."""

    name: Int32
    total_ns: Int64
    count: Int64


def sums_by_name(slices: Slices, begin_ns: int, end_ns: int) -> RangeSums:
    ends = slices.start_ns + slices.duration_ns
    rows = np.flatnonzero((slices.start_ns < end_ns) & (ends > begin_ns))
    inside = np.minimum(ends[rows], end_ns) - np.maximum(slices.start_ns[rows], begin_ns)
    count = np.bincount(slices.name[rows])
    total_ns = np.bincount(slices.name[rows], inside)
    names = np.flatnonzero(count)
    return RangeSums(names.astype(np.int32), total_ns[names].astype(np.int64), count[names])
