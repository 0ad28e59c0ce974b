"""All compiled loops, by name; importing this loads or compiles them."""

from numba import boolean, int64, njit, types, void

from profilers.compiled import pickle_walk, slice_order
from profilers.compiled.chrome_scan import scan
from profilers.compiled.graph_raster import raster_arrows, raster_boxes, raster_lines
from profilers.compiled.interning import fill_pair_slots, fill_slots
from profilers.compiled.lane_index import count_lanes, index_lanes
from profilers.compiled.lane_raster import raster_lanes
from profilers.compiled.member_numbers import member_numbers
from profilers.compiled.range_sums import sum_range
from profilers.compiled.signatures import I16, I32, I64, READ_I32, READ_I64, TEXT

__all__ = [
    "count_lanes",
    "fill_pair_slots",
    "fill_slots",
    "index_lanes",
    "longest_first",
    "member_numbers",
    "nest",
    "order_by_track",
    "pair_ends",
    "raster_arrows",
    "raster_boxes",
    "raster_lanes",
    "raster_lines",
    "scan",
    "sum_range",
    "walk",
]

nest = njit(void(READ_I32, READ_I64, READ_I64, I16, I32, I32, I32), nogil=True, cache=True)(
    slice_order.nest
)
order_by_track = njit(void(READ_I32, I64, I64), nogil=True, cache=True)(slice_order.order_by_track)
longest_first = njit(boolean(READ_I64, READ_I64, I64), nogil=True, cache=True)(
    slice_order.longest_first
)
pair_ends = njit(void(READ_I64, int64, READ_I64, I64, I64, I64), nogil=True, cache=True)(
    slice_order.pair_ends
)
walk = njit(types.UniTuple(int64, 3)(TEXT, int64, READ_I64, int64), nogil=True, cache=True)(
    pickle_walk.walk
)
