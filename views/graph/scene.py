"""Where every shown box and line lies, from the hierarchy and what is unfolded. No Qt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Float64, Int32, Int64
from views.graph.group_edges import Ties
from views.graph.hierarchy import Hierarchy
from views.graph.layering import Layout, layered
from views.graph.tree import ROOT

TITLE_HEIGHT = 24.0
PADDING = 12.0
TRUNK = -2  # the target of a line that several edges share on their way down
_PORT = (4.0, 0.0, 2.0, 2.0)
_MOST_KEPT = 4096  # layouts
_STRAIGHT = 0.5
_CURVE_STEPS = 8

SizesOf = Callable[[Int32], tuple[Float64, Float64]]


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
        """Points and starts of the same lines, with an S in steps wherever they change their x.

        The S is a cubic Bezier curve that leaves and arrives vertically.
        """
        ends = np.zeros(len(self.x), bool)
        ends[self.start[1:] - 1] = True
        here = np.flatnonzero(~ends)
        bends = np.abs(self.x[here + 1] - self.x[here]) > _STRAIGHT
        steps = np.ones(len(self.x), np.int64)  # points that each point brings with it
        steps[here[bends]] = _CURVE_STEPS
        start = np.concatenate(([0], np.cumsum(steps)))
        x, y = np.repeat(self.x, steps), np.repeat(self.y, steps)
        share = np.arange(1, _CURVE_STEPS) / _CURVE_STEPS
        across = share * share * (3 - 2 * share)
        down = (share**3 + 1.5 * share * (1 - share))[None, :]
        inner = start[here[bends]][:, None] + np.arange(1, _CURVE_STEPS)
        before, after = here[bends], here[bends] + 1
        x[inner] = self.x[before, None] + (self.x[after] - self.x[before])[:, None] * across
        y[inner] = self.y[before, None] + (self.y[after] - self.y[before])[:, None] * down
        return x, y, start[self.start]

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
        tip = np.where(self.is_reversed[rows], np.where(self.shared[rows] > 0, along, self.start[rows]), last)
        return self.x[tip], self.y[tip]


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
        boxes = Boxes(whole, *[nothing] * 4, whole, np.empty(0, bool))
        start = np.zeros(1, np.int64)
        lines = Lines(
            nothing, nothing, start, whole, whole, whole, numbers, whole, numbers, numbers,
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


@dataclass(frozen=True, eq=False)
class _Container:
    """An unfolded box: its layout, its block, and whether the first block in it is a port."""

    layout: Layout
    block: tuple[float, float, float, float]
    enters: bool
    widths: Float64
    heights: Float64

    @property
    def left(self) -> float:
        """From its side to its content."""
        return (self.block[0] - self.layout.width) / 2


class SceneBuilder:
    """Builds scenes of one graph; what did not change since the last one is not laid out again.

    Layouts are kept by their input, so blocks of equal structure are laid out once.
    """

    def __init__(self, hierarchy: Hierarchy, sizes_of: SizesOf) -> None:
        self._hierarchy = hierarchy
        self._tree = hierarchy.tree
        self._sizes_of = sizes_of
        self._known: dict[object, Layout] = {}
        self._sizes: dict[int, tuple[Float64, Float64]] = {}

    def forget_sizes(self) -> None:
        """Boxes have other sizes from now on."""
        self._sizes.clear()

    def build(self, opened: frozenset[int]) -> Scene:
        """The scene with these containers unfolded."""
        shown = self._outermost_first(opened)
        containers: dict[int, _Container] = {}
        for item in reversed(shown):
            containers[item] = self._laid_out(item, containers)
        corners = self._corners(shown, containers)
        root = containers[ROOT].layout
        return Scene(
            self._boxes(shown, containers, corners),
            self._lines(shown, containers, corners),
            root.width,
            root.height,
        )

    def shown_children(self, opened: frozenset[int]) -> tuple[int, int]:
        """Boxes in the largest unfolded container, and in all: what a scene will cost."""
        counts = [self._tree.child_count(each) for each in self._outermost_first(opened)]
        return max(counts), sum(counts)

    def _outermost_first(self, opened: frozenset[int]) -> list[int]:
        shown = [ROOT]
        for container in shown:
            shown += [each for each in self._tree.children(container).tolist() if each in opened]
        return shown

    def _laid_out(self, item: int, containers: Mapping[int, _Container]) -> _Container:
        children = self._tree.children(item)
        source, target = self._hierarchy.edges.of(item)[:2]
        enters, leaves = bool((source == ROOT).any()), bool((target == ROOT).any())
        blocks = np.empty((len(children) + enters + leaves, 4))
        blocks[0] = blocks[-1] = _PORT
        own = blocks[int(enters) : int(enters) + len(children)]
        width, height = self._child_sizes(item)
        own[:, 0], own[:, 1] = width, height
        own[:, 2] = own[:, 3] = width / 2
        for at, child in enumerate(children.tolist()):
            if child in containers:
                own[at] = containers[child].block
        is_head = [self._hierarchy.is_input(child) for child in children.tolist()]
        heads = np.flatnonzero([True] * enters + is_head + [False] * leaves)
        layout = self._layout(blocks, self._numbered(source, target, enters, len(blocks)), heads)
        widths, heights = own[:, 0].copy(), own[:, 1].copy()
        if item == ROOT:
            block = (layout.width, layout.height, 0.0, 0.0)
            return _Container(layout, block, enters, widths, heights)
        least = float(self._sizes_of(np.array([item], np.int32))[0][0])
        whole = max(layout.width + 2 * PADDING, least)
        margin = (whole - layout.width) / 2 + _PORT[2]
        enter = margin + float(layout.corners[0, 0]) if enters else whole / 2
        leave = margin + float(layout.corners[-1, 0]) if leaves else whole / 2
        block = (whole, layout.height + TITLE_HEIGHT + PADDING, enter, leave)
        return _Container(layout, block, enters, widths, heights)

    def _layout(self, blocks: Float64, edges: Int64, heads: Int64) -> Layout:
        key = (blocks.tobytes(), edges.tobytes(), heads.tobytes())
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[key] = layered(blocks, edges, heads)
        return known

    def _child_sizes(self, item: int) -> tuple[Float64, Float64]:
        known = self._sizes.get(item)
        if known is None:
            known = self._sizes[item] = self._sizes_of(self._tree.children(item))
        return known

    def _numbered(self, source: Int32, target: Int32, enters: bool, count: int) -> Int64:
        """Edges (n, 2) by blocks: a port where data enters is the first, where it leaves the last."""
        place = self._tree.place
        return np.stack(
            (
                np.where(source == ROOT, 0, place[source] + enters),
                np.where(target == ROOT, count - 1, place[target] + enters),
            ),
            1,
        ).astype(np.int64)

    def _corners(
        self, shown: list[int], containers: Mapping[int, _Container]
    ) -> dict[int, tuple[float, float, int]]:
        """Where the content of each unfolded box begins, and how many lie around it."""
        corners = {ROOT: (0.0, 0.0, 0)}
        for item in shown:
            left, top, depth = corners[item]
            container = containers[item]
            for child in self._tree.children(item).tolist():
                inner = containers.get(child)
                if inner is not None:
                    at = int(self._tree.place[child]) + container.enters
                    x, y = container.layout.corners[at]
                    corners[child] = (left + x + inner.left, top + y + TITLE_HEIGHT, depth + 1)
        return corners

    def _boxes(
        self,
        shown: list[int],
        containers: Mapping[int, _Container],
        corners: Mapping[int, tuple[float, float, int]],
    ) -> Boxes:
        parts = []
        for item in shown:
            children = self._tree.children(item)
            is_open = np.array([child in containers for child in children.tolist()], bool)
            parts.append(
                _container_boxes(containers[item], children, is_open, corners[item])
            )
        return _joined_boxes(parts)

    def _lines(
        self,
        shown: list[int],
        containers: Mapping[int, _Container],
        corners: Mapping[int, tuple[float, float, int]],
    ) -> Lines:
        parts, count = [], 0
        for item in shown:
            part = _container_lines(
                item, containers[item], self._hierarchy.edges.of(item), self._tree.children(item)
            )
            left, top, _ = corners[item]
            trunk = np.where(part.trunk >= 0, part.trunk + count, -1)
            parts.append((part.x + left, part.y + top, trunk, part))
            count += len(part)
        lengths = np.concatenate([np.diff(part.start) for *_, part in parts])
        return Lines(
            np.concatenate([x for x, *_ in parts]),
            np.concatenate([y for _, y, *_ in parts]),
            np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
            np.concatenate([part.source for *_, part in parts]),
            np.concatenate([part.target for *_, part in parts]),
            np.concatenate([part.container for *_, part in parts]),
            np.concatenate([part.weight for *_, part in parts]),
            np.concatenate([part.shape for *_, part in parts]),
            np.concatenate([trunk for _, _, trunk, _ in parts]),
            np.concatenate([part.shared for *_, part in parts]),
            np.concatenate([part.is_reversed for *_, part in parts]),
        )


def _container_boxes(
    container: _Container,
    children: Int32,
    is_open: NDArray[np.bool_],
    corner: tuple[float, float, int],
) -> Boxes:
    begin = int(container.enters)
    own = container.layout.corners[begin : begin + len(children)]
    left, top = own[:, 0] + corner[0], own[:, 1] + corner[1]
    return Boxes(
        children,
        left,
        top,
        left + container.widths,
        top + container.heights,
        np.full(len(children), corner[2], np.int32),
        is_open,
    )


def _joined_boxes(parts: list[Boxes]) -> Boxes:
    return Boxes(
        *(np.concatenate([getattr(part, spec.name) for part in parts]) for spec in fields(Boxes))
    )


def _container_lines(
    item: int, container: _Container, ties: Ties, children: Int32
) -> Lines:
    """The trunks that are used, then the edges, as they lie in the container's layout."""
    layout = container.layout
    counts = np.diff(layout.trunk_start)
    trunks = np.flatnonzero(counts)
    items = np.full(len(layout.corners), ROOT, np.int32)
    items[int(container.enters) : int(container.enters) + len(children)] = children
    number = np.full(len(layout.corners), -1, np.int64)
    number[trunks] = np.arange(len(trunks))
    points = np.concatenate((layout.trunk_points, layout.tail_points))
    leaving = (ties.target == ROOT) & ~layout.is_reversed  # on to the border of the box
    ends = len(layout.trunk_points) + layout.tail_start[1:] - 1
    points[ends[leaving], 1] += PADDING
    lengths = np.concatenate((counts[trunks], np.diff(layout.tail_start)))
    nothing = np.zeros(len(trunks), np.int64)
    return Lines(
        np.ascontiguousarray(points[:, 0]),
        np.ascontiguousarray(points[:, 1]),
        np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        np.concatenate((items[trunks], ties.source)),
        np.concatenate((np.full(len(trunks), TRUNK, np.int32), ties.target)),
        np.full(len(lengths), item, np.int32),
        np.concatenate((nothing + 1, ties.weight)),
        np.concatenate((np.full(len(trunks), -1, np.int32), ties.shape)),
        np.concatenate((nothing - 1, number[layout.trunk])),
        np.concatenate((nothing, layout.shared)),
        np.concatenate((np.zeros(len(trunks), bool), layout.is_reversed)),
    )
