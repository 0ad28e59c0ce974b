"""What ran within a time range, summed by name or by whatever else slices are told apart by."""

from dataclasses import dataclass

import numpy as np

from profilers import compiled
from profilers.profile.table import Int32, Int64
from views.timeline.lanes import Lanes


@dataclass(frozen=True, eq=False)
class RangeSums:
    """One row per entry; `total_ns` counts only the part of each slice inside the range.

    Slices that enclose each other count each for itself; an instant counts as 1 ns.
    """

    entry: Int32
    total_ns: Int64
    count: Int64


def range_sums(lanes: Lanes, index: Int32, begin_ns: int, end_ns: int) -> RangeSums:
    """Sum the slices of all lanes by ``index[place]``; -1 is left out.

    6.6 million slices take 20 ms with the compiled loop, 400 ms without.
    """
    size = int(index.max(initial=-1)) + 2  # the last one is for -1
    loops = compiled.loaded()
    if loops is None:
        is_inside = (lanes.start_ns < end_ns) & (lanes.end_ns > begin_ns)
        places = np.flatnonzero(is_inside)
        ends, starts = lanes.end_ns[places], lanes.start_ns[places]
        inside_ns = np.minimum(ends, end_ns) - np.maximum(starts, begin_ns)
        entries = np.where(index[places] < 0, size - 1, index[places])
        count = np.bincount(entries, minlength=size)
        total_ns = np.bincount(entries, inside_ns, minlength=size).astype(np.int64)
    else:
        total_ns, count = np.zeros(size, np.int64), np.zeros(size, np.int64)
        loops.sum_range(
            lanes.start_ns, lanes.end_ns, lanes.reach_ns, lanes.bounds, index, begin_ns, end_ns,
            total_ns, count,
        )  # fmt: skip
    entries = np.flatnonzero(count[:-1]).astype(np.int32)
    return RangeSums(entries, total_ns[entries], count[entries])
