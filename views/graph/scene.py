"""Where every shown box and line lies. No Qt."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Float64, Int32, Int64

TRUNK = -2  # the target of a line that several edges share on their way down
_STRAIGHT = 0.5
_CURVE_STEPS = 10


@dataclass(frozen=True, eq=False)
class Boxes:
    """Shown items from the outside in; `depth` counts the open boxes around each."""

    item: Int32
    left: Float64
    top: Float64
    right: Float64
    bottom: Float64
    depth: Int32
    is_open: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.item)

    def touching(self, left: float, top: float, right: float, bottom: float) -> Int64:
        """Rows of boxes that a rectangle touches, from the outside in."""
        across = (self.right >= left) & (self.left <= right)
        return np.flatnonzero(across & (self.bottom >= top) & (self.top <= bottom))


@dataclass(frozen=True, eq=False)
class Lines:
    """Edges between shown boxes as polylines: line i has points ``start[i]:start[i + 1]``.

    A line from `ROOT` begins where data enters its container, one to `ROOT` ends where it leaves.
    One to `TRUNK` is the part that edges of its source share; the others name that line in `trunk`
    (-1 for none) and how many of its points they go along. Points lead downwards; a reversed line
    ends at its first one. `weight` and `shape` are those of `Ties`.
    """

    x: Float64
    y: Float64
    start: Int64
    source: Int32
    target: Int32
    container: Int32
    weight: Int64
    shape: Int32
    trunk: Int64
    shared: Int64
    is_reversed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def bounds(self) -> tuple[Float64, Float64, Float64, Float64]:
        """Left, top, right and bottom of each line."""
        if not len(self):
            nothing = np.empty(0)
            return nothing, nothing, nothing, nothing
        first = self.start[:-1]
        return (
            np.minimum.reduceat(self.x, first),
            np.minimum.reduceat(self.y, first),
            np.maximum.reduceat(self.x, first),
            np.maximum.reduceat(self.y, first),
        )

    @cached_property
    def smooth(self) -> tuple[Float64, Float64, Int64]:
        """Points and starts of the same lines as curves."""
        return smoothed(self.x, self.y, self.start)

    def touching(self, left: float, top: float, right: float, bottom: float) -> Int64:
        """Lines whose bounds a rectangle touches."""
        lefts, tops, rights, bottoms = self.bounds
        across = (rights >= left) & (lefts <= right)
        return np.flatnonzero(across & (bottoms >= top) & (tops <= bottom))

    def route(self, line: int) -> Float64:
        """All points (k, 2) of an edge from box to box, its part of the trunk included."""
        own = slice(int(self.start[line]), int(self.start[line + 1]))
        parts = [np.stack((self.x[own], self.y[own]), 1)]
        trunk = int(self.trunk[line])
        if trunk >= 0:
            begin = int(self.start[trunk])
            shared = slice(begin, begin + int(self.shared[line]))
            parts.insert(0, np.stack((self.x[shared], self.y[shared]), 1))
        points = np.concatenate(parts)
        return points[::-1] if self.is_reversed[line] else points

    def tips(self, rows: Int64) -> tuple[Float64, Float64]:
        """Where lines end."""
        last = self.start[rows + 1] - 1
        along = np.where(self.trunk[rows] >= 0, self.start[self.trunk[rows]], self.start[rows])
        tip = np.where(
            self.is_reversed[rows], np.where(self.shared[rows] > 0, along, self.start[rows]), last
        )
        return self.x[tip], self.y[tip]


def smoothed(x: Float64, y: Float64, start: Int64) -> tuple[Float64, Float64, Int64]:
    """Points and starts of polylines with an S in steps wherever they change their x.

    The S is a cubic Bezier curve that leaves and arrives vertically.
    """
    ends = np.zeros(len(x), bool)
    ends[start[1:] - 1] = True
    here = np.flatnonzero(~ends)
    bends = np.abs(x[here + 1] - x[here]) > _STRAIGHT
    steps = np.ones(len(x), np.int64)  # points that each point brings with it
    steps[here[bends]] = _CURVE_STEPS
    begin = np.concatenate(([0], np.cumsum(steps)))
    fine_x, fine_y = np.repeat(x, steps), np.repeat(y, steps)
    share = np.arange(1, _CURVE_STEPS) / _CURVE_STEPS
    across = share * share * (3 - 2 * share)
    down = (share**3 + 1.5 * share * (1 - share))[None, :]
    inner = begin[here[bends]][:, None] + np.arange(1, _CURVE_STEPS)
    before, after = here[bends], here[bends] + 1
    fine_x[inner] = x[before, None] + (x[after] - x[before])[:, None] * across
    fine_y[inner] = y[before, None] + (y[after] - y[before])[:, None] * down
    return fine_x, fine_y, begin[start]


@dataclass(frozen=True, eq=False)
class Scene:
    """Nothing changes once it is built."""

    boxes: Boxes
    lines: Lines
    width: float
    height: float

    @classmethod
    def empty(cls) -> "Scene":
        nothing, whole, numbers = np.empty(0), np.empty(0, np.int32), np.empty(0, np.int64)
        boxes = Boxes(whole, nothing, nothing, nothing, nothing, whole, np.empty(0, bool))
        start = np.zeros(1, np.int64)
        lines = Lines(
            nothing,
            nothing,
            start,
            whole,
            whole,
            whole,
            numbers,
            whole,
            numbers,
            numbers,
            np.empty(0, bool),
        )
        return cls(boxes, lines, 0.0, 0.0)

    @cached_property
    def _row_of(self) -> Mapping[int, int]:
        return {item: row for row, item in enumerate(self.boxes.item.tolist())}

    def row_of(self, item: int) -> int:
        """The box of an item, -1 if it is not shown."""
        return self._row_of.get(item, -1)

    def innermost(self, x: float, y: float) -> int:
        """The innermost box at a place, -1 for none."""
        rows = self.boxes.touching(x, y, x, y)
        return int(rows[np.argmax(self.boxes.depth[rows])]) if len(rows) else -1
