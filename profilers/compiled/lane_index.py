"""Slices sorted into lanes in one pass; see `views.timeline.lanes`."""

from typing import Any

from numba import boolean, njit, void

from profilers.compiled.signatures import I32, I64, READ_I16, READ_I32, READ_I64


@njit(void(READ_I32, READ_I16, READ_I64, I64), nogil=True, cache=True)
def count_lanes(track: Any, depth: Any, first_lane: Any, sizes: Any) -> None:
    for at in range(len(track)):
        sizes[first_lane[track[at]] + depth[at]] += 1


@njit(
    boolean(
        READ_I32, READ_I16, READ_I64, READ_I64, READ_I32, READ_I64, I64,
        I32, I64, I64, I64, I64, I32,
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def index_lanes(
    track: Any, depth: Any, start_ns: Any, duration_ns: Any, name: Any, first_lane: Any,
    place_of_lane: Any, row: Any, lane_start: Any, lane_end: Any, lane_reach: Any, lane_busy: Any,
    lane_name: Any,
) -> bool:  # fmt: skip
    """Fill the columns of the lanes; gives whether a lane's ends fall anywhere.

    `place_of_lane` holds where each lane begins, and afterwards where it ends.
    """
    for at in range(len(track)):
        lane = first_lane[track[at]] + depth[at]
        place = place_of_lane[lane]
        place_of_lane[lane] = place + 1
        row[place] = at
        lane_start[place] = start_ns[at]
        lane_end[place] = start_ns[at] + max(duration_ns[at], 1)
        lane_name[place] = name[at]
    falls, begin, busy = False, 0, 0
    for lane in range(len(place_of_lane)):
        reach = lane_end[begin] if place_of_lane[lane] > begin else 0
        for place in range(begin, place_of_lane[lane]):
            lane_busy[place] = busy
            busy += lane_end[place] - lane_start[place]
            if lane_end[place] < reach:
                falls = True
            else:
                reach = lane_end[place]
            lane_reach[place] = reach
        begin = place_of_lane[lane]
    lane_busy[len(track)] = busy
    return falls
