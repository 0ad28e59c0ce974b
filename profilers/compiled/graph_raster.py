"""Boxes and lines of a graph to pixels, with smooth edges; see `views.graph.drawing.raster`."""

from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numba import float64, njit, types, uint32, void

from profilers.compiled.signatures import READ_U32

PIXELS = types.Array(types.uint32, 2, "C")
_READ_F64 = types.Array(types.float64, 1, "C", readonly=True)
_READ_I64 = types.Array(types.int64, 1, "C", readonly=True)
_RED_BLUE, _GREEN, _OPAQUE = np.uint32(0x00FF00FF), np.uint32(0x0000FF00), np.uint32(0xFF000000)

_SHARP = 1.0  # pixels of radius that are not worth rounding


@njit(inline="always", error_model="numpy")
def _mix(pixels: Any, y: int, x: int, colour: int, share: float) -> None:
    """Blend red and blue in one multiplication, green in another."""
    over, under = np.uint32(share * 256.0), pixels[y, x]
    left = np.uint32(256) - over
    red_blue = (under & _RED_BLUE) * left + (colour & _RED_BLUE) * over
    green = (under & _GREEN) * left + (colour & _GREEN) * over
    pixels[y, x] = (
        _OPAQUE | ((red_blue >> np.uint32(8)) & _RED_BLUE) | ((green >> np.uint32(8)) & _GREEN)
    )


@njit(inline="always", error_model="numpy")
def _span(pixels: Any, y: int, left: float, right: float, colour: int, share: float) -> None:
    """One row from `left` to `right`; pixels at the ends are covered in part."""
    left, right = max(left, 0.0), min(right, np.float64(pixels.shape[1]))
    if right <= left:
        return
    first, last = floor(left), ceil(right) - 1
    if first == last:
        _mix(pixels, y, first, colour, (right - left) * share)
        return
    _mix(pixels, y, first, colour, (first + 1 - left) * share)
    if share > 0.996:
        for x in range(first + 1, last):
            pixels[y, x] = colour
    else:
        for x in range(first + 1, last):
            _mix(pixels, y, x, colour, share)
    _mix(pixels, y, last, colour, (right - last) * share)


@njit(inline="always", error_model="numpy")
def _column(pixels: Any, x: int, top: float, bottom: float, colour: int, share: float) -> None:
    top, bottom = max(top, 0.0), min(bottom, np.float64(pixels.shape[0]))
    for y in range(floor(top), ceil(bottom)):
        _mix(pixels, y, x, colour, (min(bottom, y + 1.0) - max(top, np.float64(y))) * share)


@njit(error_model="numpy")
def _rounded(
    pixels: Any, left: float, top: float, right: float, bottom: float, radius: float, colour: int
) -> None:
    for y in range(max(floor(top), 0), min(ceil(bottom), pixels.shape[0])):
        share = min(bottom, y + 1.0) - max(top, np.float64(y))
        middle = y + 0.5
        bend = max(top + radius - middle, middle - bottom + radius)
        inset = 0.0
        if bend > 0 and radius > _SHARP:
            inset = radius - sqrt(max(radius * radius - bend * bend, 0.0))
        _span(pixels, y, left + inset, right - inset, colour, share)


@njit(
    void(
        PIXELS, float64, float64, float64, _READ_I64, _READ_F64, _READ_F64, _READ_F64, _READ_F64,
        float64, float64, READ_U32, READ_U32,
    ),
    nogil=True,
    cache=True,
    error_model="numpy",
)  # fmt: skip
def raster_boxes(
    pixels: Any, scale: float, dx: float, dy: float, rows: Any, left: Any, top: Any, right: Any,
    bottom: Any, radius: float, border: float, fills: Any, borders: Any,
) -> None:  # fmt: skip
    """Paint the boxes of `rows` in that order, each with a border inside of its edges.

    Boxes are in scene coordinates; `dx` and `dy` are where the scene's origin lies in the picture;
    `radius` and `border` are in pixels.
    """
    for at in range(len(rows)):
        row = rows[at]
        x0, y0 = left[row] * scale + dx, top[row] * scale + dy
        x1, y1 = right[row] * scale + dx, bottom[row] * scale + dy
        rounded = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
        if min(x1 - x0, y1 - y0) < 4 * border:
            _rounded(pixels, x0, y0, x1, y1, rounded, fills[row])
            continue
        _rounded(pixels, x0, y0, x1, y1, rounded, borders[row])
        _rounded(
            pixels, x0 + border, y0 + border, x1 - border, y1 - border,
            max(rounded - border, 0.0), fills[row],
        )  # fmt: skip


@njit(error_model="numpy")
def _segment(
    pixels: Any, x0: float, y0: float, x1: float, y1: float, width: float, colour: int
) -> None:
    """A stroke of even width: along rows where it is steep, along columns where it is flat."""
    height, wide = pixels.shape
    slope = sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
    if slope == 0:
        return
    if abs(y1 - y0) >= abs(x1 - x0):
        if y1 < y0:
            x0, y0, x1, y1 = x1, y1, x0, y0
        half, lean = width / 2 * slope / (y1 - y0), (x1 - x0) / (y1 - y0)
        for y in range(max(floor(y0), 0), min(ceil(y1), height)):
            share = min(y1, y + 1.0) - max(y0, np.float64(y))
            x = x0 + (min(max(y + 0.5, y0), y1) - y0) * lean
            _span(pixels, y, x - half, x + half, colour, share)
        return
    if x1 < x0:
        x0, y0, x1, y1 = x1, y1, x0, y0
    half, lean = width / 2 * slope / (x1 - x0), (y1 - y0) / (x1 - x0)
    for x in range(max(floor(x0), 0), min(ceil(x1), wide)):
        share = min(x1, x + 1.0) - max(x0, np.float64(x))
        y = y0 + (min(max(x + 0.5, x0), x1) - x0) * lean
        _column(pixels, x, y - half, y + half, colour, share)


@njit(
    void(
        PIXELS, float64, float64, float64, _READ_I64, _READ_F64, _READ_F64, _READ_I64, _READ_F64,
        uint32,
    ),
    nogil=True,
    cache=True,
    error_model="numpy",
)  # fmt: skip
def raster_lines(
    pixels: Any, scale: float, dx: float, dy: float, rows: Any, xs: Any, ys: Any, start: Any,
    widths: Any, colour: int,
) -> None:  # fmt: skip
    """Paint the polylines of `rows`: line i goes through points ``start[i]:start[i + 1]``.

    Points are in scene coordinates, widths in pixels.
    """
    for at in range(len(rows)):
        row = rows[at]
        for point in range(start[row], start[row + 1] - 1):
            _segment(
                pixels,
                xs[point] * scale + dx,
                ys[point] * scale + dy,
                xs[point + 1] * scale + dx,
                ys[point + 1] * scale + dy,
                widths[row],
                colour,
            )


@njit(
    void(
        PIXELS, float64, float64, float64, _READ_F64, _READ_F64, _READ_F64, float64, float64, uint32
    ),
    nogil=True,
    cache=True,
    error_model="numpy",
)
def raster_arrows(
    pixels: Any, scale: float, dx: float, dy: float, xs: Any, ys: Any, ways: Any, length: float,
    half: float, colour: int,
) -> None:  # fmt: skip
    """Arrow heads: `ways` is 1 for a tip that points down, -1 for one that points up."""
    for at in range(len(xs)):
        x, tip = xs[at] * scale + dx, ys[at] * scale + dy
        low, high = min(tip - length * ways[at], tip), max(tip - length * ways[at], tip)
        for y in range(max(floor(low), 0), min(ceil(high), pixels.shape[0])):
            share = min(high, y + 1.0) - max(low, np.float64(y))
            reach = abs(tip - min(max(y + 0.5, low), high)) / length * half
            _span(pixels, y, x - reach, x + reach, colour, share)
