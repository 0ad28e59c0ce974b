"""Figures of a drawing, by the same count for every program that drew it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_INSET = 2.0  # pixels by which a line may touch a box


@dataclass(frozen=True, eq=False)
class Drawn:
    """Boxes as left, top, width and height; for each edge a polyline from end to end."""

    boxes: NDArray[np.float64]
    routes: list[NDArray[np.float64]]


@dataclass(frozen=True)
class Quality:
    """Crossings are pairs of edges' straight parts, of edges that have no box in common.

    Hits are edges that run through a box that is not theirs. Lengths are in pixels.
    """

    crossings: int
    hits: int
    width: float
    height: float
    length: float


def quality_of(drawn: Drawn, edges: NDArray[np.int64]) -> Quality:
    parts = np.concatenate([np.hstack([route[:-1], route[1:]]) for route in drawn.routes])
    owner = np.repeat(np.arange(len(edges)), [len(route) - 1 for route in drawn.routes])
    turned = parts[:, 1] > parts[:, 3]
    parts[turned] = parts[turned][:, [2, 3, 0, 1]]
    order = np.argsort(parts[:, 1], kind="stable")
    parts, owner = parts[order], owner[order]
    corners, ends = drawn.boxes[:, :2], drawn.boxes[:, :2] + drawn.boxes[:, 2:]
    low = np.minimum(corners.min(axis=0), parts.reshape(-1, 2).min(axis=0))
    high = np.maximum(ends.max(axis=0), parts.reshape(-1, 2).max(axis=0))
    width, height = high - low
    bounds = np.hstack([corners + _INSET, ends - _INSET])
    by_top = np.argsort(bounds[:, 1], kind="stable")
    is_hit = np.zeros(len(edges), np.bool_)
    _mark_hits(parts, owner, edges, bounds, by_top, drawn.boxes[:, 3].max(), is_hit)
    length = np.hypot(parts[:, 2] - parts[:, 0], parts[:, 3] - parts[:, 1]).sum()
    return Quality(
        _crossings(parts, owner, edges), int(is_hit.sum()), float(width), float(height), length
    )


@njit
def _side(part: Any, x: float, y: float) -> float:
    return (part[2] - part[0]) * (y - part[1]) - (part[3] - part[1]) * (x - part[0])


@njit
def _crossings(parts: Any, owner: Any, edges: Any) -> int:
    """By a line that sweeps downwards; parts are sorted by their upper ends."""
    alive = np.empty(len(parts), np.int64)
    living, found = 0, 0
    for at in range(len(parts)):
        one, left = parts[at], 0
        source, target = edges[owner[at]]
        for place in range(living):
            other = parts[alive[place]]
            if other[3] <= one[1]:
                continue
            alive[left] = alive[place]
            left += 1
            if max(one[0], one[2]) < min(other[0], other[2]):
                continue
            if max(other[0], other[2]) < min(one[0], one[2]):
                continue
            near = edges[owner[alive[place]]]
            if source in (near[0], near[1]) or target in (near[0], near[1]):
                continue
            apart = _side(one, other[0], other[1]) * _side(one, other[2], other[3])
            if apart < 0 and _side(other, one[0], one[1]) * _side(other, one[2], one[3]) < 0:
                found += 1
        alive[left] = at
        living = left + 1
    return found


@njit
def _mark_hits(
    parts: Any, owner: Any, edges: Any, bounds: Any, by_top: Any, tallest: float, is_hit: Any
) -> None:
    tops = bounds[by_top, 1]
    for at in range(len(parts)):
        x, y, to_x, to_y = parts[at]
        place = np.searchsorted(tops, y - tallest)
        while place < len(tops) and tops[place] <= to_y:
            box = by_top[place]
            place += 1
            if box == edges[owner[at], 0] or box == edges[owner[at], 1]:
                continue
            left, top, right, bottom = bounds[box]
            enters, leaves = 0.0, 1.0
            for step, begin, low, high in ((to_x - x, x, left, right), (to_y - y, y, top, bottom)):
                if step == 0.0:
                    if not low < begin < high:
                        leaves = -1.0
                    continue
                first, second = (low - begin) / step, (high - begin) / step
                enters, leaves = (
                    max(enters, min(first, second)),
                    min(leaves, max(first, second)),
                )
            if enters < leaves:
                is_hit[owner[at]] = True
