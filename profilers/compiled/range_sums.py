"""What of each slice lies within a time range, summed by an index."""

from typing import Any

from numba import int64, njit, void

from profilers.compiled.lane_raster import first_above
from profilers.compiled.signatures import I64, READ_I32, READ_I64


@njit(
    void(READ_I64, READ_I64, READ_I64, READ_I64, READ_I32, int64, int64, I64, I64),
    nogil=True,
    cache=True,
)
def sum_range(
    start_ns: Any, end_ns: Any, reach_ns: Any, bounds: Any, index: Any, begin: int, end: int,
    total_ns: Any, count: Any,
) -> None:  # fmt: skip
    """Add to ``total_ns[index]`` and ``count[index]``; slices lie in lanes, each ordered by time."""
    for lane in range(len(bounds) - 1):
        first = first_above(reach_ns, bounds[lane], bounds[lane + 1], begin)
        behind = first_above(start_ns, first, bounds[lane + 1], end - 1)
        for place in range(first, behind):
            inside = min(end_ns[place], end) - max(start_ns[place], begin)
            if inside > 0:
                total_ns[index[place]] += inside
                count[index[place]] += 1
