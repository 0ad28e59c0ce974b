"""Lanes to pixels, one walk along each lane; see `views.timeline.raster` for what a pixel shows."""

from typing import Any

import numpy as np
from numba import float64, int64, njit, uint32

from profilers.compiled.signatures import F64, I32, I64, READ_I32, READ_I64, READ_U32, U32


@njit(inline="always")
def first_above(values: Any, low: int, high: int, limit: int) -> int:
    """The first place in ``low:high`` whose value is above a limit, by steps that double."""
    step = 1
    while low + step < high and values[low + step] <= limit:
        low += step
        step += step
    high = min(low + step, high)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] <= limit:
            low = middle + 1
        else:
            high = middle
    return low


@njit(inline="always")
def _near(values: Any, low: int, high: int, limit: int, guess: int) -> int:
    """As `first_above`, beginning at a guess: most pixels hold as many slices as the one before."""
    if guess <= low or guess >= high or values[guess - 1] > limit:
        return first_above(values, low, high, limit)
    return first_above(values, guess, high, limit)


@njit(inline="always")
def _blended(colour: int, background: int, strength: float) -> int:
    mixed = np.uint32(0xFF000000)
    for shift in (16, 8, 0):
        under = np.float64((background >> shift) & 255)
        over = np.float64((colour >> shift) & 255)
        mixed |= np.uint32(np.uint32(under + (over - under) * strength) << np.uint32(shift))
    return mixed


@njit(
    int64(
        READ_I64, READ_I64, READ_I64, READ_I64, READ_I64, READ_I64, F64, READ_I32, READ_U32,
        uint32, float64, float64, float64, float64, float64, U32, I32, I64,
    ),
    nogil=True,
    cache=True,
)  # fmt: skip
def raster_lanes(
    start_ns: Any, end_ns: Any, reach_ns: Any, busy_ns: Any, bounds: Any, lanes: Any,
    edges: Any, index: Any, palette: Any, background: int, dim: float, faintest: float,
    border: float, bordered_pixels: float, shortest_ns: float, pixels: Any, wide_lane: Any,
    wide_place: Any,
) -> int:  # fmt: skip
    """Fill ``pixels[lane * width + column]``; 0 where a lane is idle.

    Gives how many slices of at least `shortest_ns` are in sight; as many as there is room for are
    listed in `wide_lane` (which of `lanes`) and `wide_place`.
    """
    width, wide = len(edges) - 1, 0
    for at in range(len(lanes)):
        begin, end = bounds[lanes[at]], bounds[lanes[at] + 1]
        first, behind, listed = begin, begin, np.int64(-1)
        for column in range(width):
            left, right = edges[column], edges[column + 1]
            held = behind - first
            first = _near(reach_ns, first, end, np.int64(np.floor(left)), behind - 1)
            behind = max(behind, first)
            limit = np.int64(np.ceil(right)) - 1
            behind = _near(start_ns, behind, end, limit, behind + held - (held >> 3) - 1)
            if behind <= first:
                pixels[at * width + column] = 0
                continue
            last = behind - 1
            in_first = min(end_ns[first], right) - max(start_ns[first], left)
            chosen, busy = first, in_first
            if last > first:
                in_last = min(end_ns[last], right) - max(start_ns[last], left)
                if in_last > in_first:
                    chosen = last
                busy += in_last
                if last > first + 1:
                    busy += busy_ns[last] - busy_ns[first + 1]
            size = right - left
            strength = min(max(busy / size, faintest), 1.0)
            length = end_ns[chosen] - start_ns[chosen]
            if start_ns[chosen] >= left and length >= bordered_pixels * size:
                strength = min(strength, border)
            colour = palette[index[chosen]]
            pixels[at * width + column] = _blended(colour, background, strength * dim)
            if length >= shortest_ns and chosen != listed:
                listed = chosen
                if wide < len(wide_lane):
                    wide_lane[wide], wide_place[wide] = at, chosen
                wide += 1
    return wide
