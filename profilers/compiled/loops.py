"""All compiled loops, by name; importing this loads or compiles them."""

from numba import boolean, float64, int64, njit, types, void

from profilers.compiled import (
    graph_flow,
    graph_order,
    graph_places,
    graph_ranks,
    graph_routes,
    pickle_walk,
    slice_order,
)
from profilers.compiled.chrome_scan import scan
from profilers.compiled.graph_raster import raster_arrows, raster_boxes, raster_lines
from profilers.compiled.interning import fill_pair_slots, fill_slots
from profilers.compiled.lane_index import count_lanes, index_lanes
from profilers.compiled.lane_raster import raster_lanes
from profilers.compiled.member_numbers import member_numbers
from profilers.compiled.range_sums import sum_range
from profilers.compiled.signatures import B1, F64, I16, I32, I64, READ_I32, READ_I64, TEXT

__all__ = [
    "count_crossings",
    "count_lanes",
    "fill_groups",
    "fill_heights",
    "fill_pair_slots",
    "fill_ranks",
    "fill_slots",
    "flow_order",
    "follow_longest",
    "index_lanes",
    "longest_first",
    "member_numbers",
    "nest",
    "order_by_track",
    "pair_ends",
    "pull_rows",
    "raster_arrows",
    "raster_boxes",
    "raster_lanes",
    "raster_lines",
    "route_tails",
    "route_trunks",
    "scan",
    "sort_rows",
    "straighten",
    "sum_range",
    "swap_neighbours",
    "walk",
    "walk_rows",
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

flow_order = njit(void(I64, I64, I64, B1, I64, I64), nogil=True, cache=True)(graph_flow.flow_order)
fill_groups = njit(void(I64, I64, I64, I64), nogil=True, cache=True)(graph_flow.fill_groups)
fill_heights = njit(void(I64, I64, I64, I64), nogil=True, cache=True)(graph_ranks.fill_heights)
follow_longest = njit(void(I64, I64, I64, int64, I64), nogil=True, cache=True)(
    graph_ranks.follow_longest
)
fill_ranks = njit(void(I64, I64, I64, I64, int64, B1, I64), nogil=True, cache=True)(
    graph_ranks.fill_ranks
)
walk_rows = njit(void(I64, I64, I64, I64, boolean, I64, B1, I64, I64), nogil=True, cache=True)(
    graph_order.walk_rows
)
count_crossings = njit(int64(I64, I64, I64, I64, I64, I64), nogil=True, cache=True)(
    graph_order.count_crossings
)
sort_rows = njit(
    void(I64, I64, I64, I64, I64, I64, I64, boolean, boolean, I64, F64, I64),
    nogil=True,
    cache=True,
)(graph_order.sort_rows)
swap_neighbours = njit(int64(I64, I64, I64, I64, I64, I64, I64, I64), nogil=True, cache=True)(
    graph_order.swap_neighbours
)
pull_rows = njit(
    void(
        I64, I64, I64, I64, I64, I64, int64, F64, F64, F64, F64, float64, boolean, boolean,
        F64, F64, F64, F64, I64,
    ),
    nogil=True,
    cache=True,
)(graph_places.pull_rows)  # fmt: skip
straighten = njit(
    void(I64, I64, I64, I64, I64, I64, F64, F64, F64, F64, float64, F64), nogil=True, cache=True
)(graph_places.straighten)
route_trunks = njit(
    void(I64, I64, I64, F64, F64, F64, F64, F64, float64, I64, I64, F64, F64),
    nogil=True,
    cache=True,
)(graph_routes.route_trunks)
route_tails = njit(
    void(
        I64, I64, I64, I64, F64, F64, F64, F64, F64, F64, F64, F64, float64, I64, I64, I64,
        F64, F64,
    ),
    nogil=True,
    cache=True,
)(graph_routes.route_tails)  # fmt: skip
