"""Builds scenes from the hierarchy and what is unfolded. No Qt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Float64, Int32, Int64
from views.graph.layering import Layout, layered
from views.graph.scene import TRUNK, Boxes, Lines, Scene
from views.graph.structure.group_edges import Ties
from views.graph.structure.hierarchy import Hierarchy
from views.graph.structure.tree import ROOT

TITLE_HEIGHT = 24.0
PADDING = 12.0
_PORT = (4.0, 0.0, 2.0, 2.0)
_MOST_KEPT = 4096  # layouts

SizesOf = Callable[[Int32], tuple[Float64, Float64]]


@dataclass(frozen=True, eq=False)
class _Container:
    """An unfolded box as a block, and what lies in it, around the corner of its content."""

    block: tuple[float, float, float, float]
    width: float
    height: float
    boxes: Boxes
    lines: Lines

    @property
    def left(self) -> float:
        """From its side to its content."""
        return (self.block[0] - self.width) / 2


class SceneBuilder:
    """Builds scenes of one graph; what did not change since the last one is not laid out again.

    Layouts are kept by their input, so blocks of equal structure are laid out once.
    """

    def __init__(self, hierarchy: Hierarchy, sizes_of: SizesOf) -> None:
        self._hierarchy = hierarchy
        self._tree = hierarchy.tree
        self._sizes_of = sizes_of
        self._known: dict[object, Layout] = {}
        self.forget_sizes()

    def forget_sizes(self) -> None:
        """Boxes have other sizes from now on."""
        self._width = np.full(self._tree.count, np.nan)
        self._height = np.full(self._tree.count, np.nan)
        self._last: tuple[frozenset[int], dict[int, _Container]] = frozenset(), {}

    def build(self, opened: frozenset[int]) -> Scene:
        """The scene with these containers unfolded. Several threads may build at once."""
        shown = self._outermost_first(opened)
        self._measure(shown)
        containers = self._unchanged(opened)
        for item in reversed(shown):
            if item not in containers:
                containers[item] = self._laid_out(item, containers)
        self._last = opened, containers
        root = containers[ROOT]
        corners = _corners(shown, containers)
        return Scene(
            _joined_boxes([containers[item].boxes for item in shown], corners),
            _joined_lines([containers[item].lines for item in shown], corners),
            root.width,
            root.height,
        )

    def cost(self, opened: frozenset[int]) -> int:
        """How many boxes lie in containers that are not laid out yet."""
        shown = self._outermost_first(opened)
        known = self._unchanged(opened)
        return sum(self._tree.child_count(each) for each in shown if each not in known)

    def _outermost_first(self, opened: frozenset[int]) -> list[int]:
        shown = [ROOT]
        for container in shown:
            shown += [each for each in self._tree.children(container).tolist() if each in opened]
        return shown

    def _unchanged(self, opened: frozenset[int]) -> dict[int, _Container]:
        """Containers that are as in the last scene: nothing in them was folded or unfolded."""
        before, containers = self._last
        changed = before ^ opened
        touched = {ROOT} if changed else set()
        for item in changed:
            while item != ROOT and item not in touched:
                touched.add(item)
                item = int(self._tree.parent[item])
        return {item: each for item, each in containers.items() if item not in touched}

    def _laid_out(self, item: int, containers: Mapping[int, _Container]) -> _Container:
        children, ties = self._tree.children(item), self._hierarchy.edges.of(item)
        source, target = ties.source, ties.target
        enters, leaves = bool((source == ROOT).any()), bool((target == ROOT).any())
        blocks = np.empty((len(children) + enters + leaves, 4))
        blocks[0] = blocks[-1] = _PORT
        own = blocks[int(enters) : int(enters) + len(children)]
        own[:, 0], own[:, 1] = self._width[children], self._height[children]
        own[:, 2] = own[:, 3] = own[:, 0] / 2
        is_open, is_head = np.zeros(len(children), bool), np.zeros(len(blocks), bool)
        is_head[0] = enters
        for at, child in enumerate(children.tolist()):
            is_head[at + enters] |= self._hierarchy.is_input(child)
            if child in containers:
                own[at] = containers[child].block
                is_open[at] = True
        edges = self._numbered(source, target, enters, len(blocks))
        layout = self._layout(blocks, edges, np.flatnonzero(is_head))
        boxes = _container_boxes(layout, children, own, is_open, enters)
        lines = _container_lines(layout, item, ties, children, enters)
        if item == ROOT:
            whole = (layout.width, layout.height, 0.0, 0.0)
            return _Container(whole, layout.width, layout.height, boxes, lines)
        width = max(layout.width + 2 * PADDING, float(self._width[item]))
        margin = (width - layout.width) / 2 + _PORT[2]
        enter = margin + float(layout.corners[0, 0]) if enters else width / 2
        leave = margin + float(layout.corners[-1, 0]) if leaves else width / 2
        block = (width, layout.height + TITLE_HEIGHT + PADDING, enter, leave)
        return _Container(block, layout.width, layout.height, boxes, lines)

    def _layout(self, blocks: Float64, edges: Int64, heads: Int64) -> Layout:
        key = (blocks.tobytes(), edges.tobytes(), heads.tobytes())
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[key] = layered(blocks, edges, heads)
        return known

    def _measure(self, containers: list[int]) -> None:
        """Know the sizes of these and of all that lies in them."""
        items = np.concatenate(
            [np.array(containers[1:], np.int32), *map(self._tree.children, containers)]
        )
        new = np.unique(items[np.isnan(self._width[items])])
        self._width[new], self._height[new] = self._sizes_of(new)

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


def _corners(shown: list[int], containers: Mapping[int, _Container]) -> Float64:
    """Where the content of each unfolded box begins, and how many lie around it (n, 3)."""
    at = {ROOT: (0.0, 0.0, 0)}
    for item in shown:
        left, top, depth = at[item]
        boxes = containers[item].boxes
        for row in np.flatnonzero(boxes.is_open).tolist():
            child = int(boxes.item[row])
            x = left + float(boxes.left[row]) + containers[child].left
            at[child] = x, top + float(boxes.top[row]) + TITLE_HEIGHT, depth + 1
    return np.array([at[item] for item in shown])


def _container_boxes(
    layout: Layout, children: Int32, blocks: Float64, is_open: NDArray[np.bool_], enters: bool
) -> Boxes:
    left, top = layout.corners[int(enters) : int(enters) + len(children)].T.copy()
    right, bottom = left + blocks[:, 0], top + blocks[:, 1]
    return Boxes(children, left, top, right, bottom, np.zeros(len(children), np.int32), is_open)


def _container_lines(layout: Layout, item: int, ties: Ties, children: Int32, enters: bool) -> Lines:
    """The trunks that are used, then the edges, as they lie in the container's layout."""
    counts = np.diff(layout.trunk_start)
    trunks = np.flatnonzero(counts)
    items = np.full(len(layout.corners), ROOT, np.int32)
    items[int(enters) : int(enters) + len(children)] = children
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


def _joined_boxes(parts: list[Boxes], corners: Float64) -> Boxes:
    left, top, depth = (np.repeat(column, [len(part) for part in parts]) for column in corners.T)
    return Boxes(
        np.concatenate([part.item for part in parts]),
        np.concatenate([part.left for part in parts]) + left,
        np.concatenate([part.top for part in parts]) + top,
        np.concatenate([part.right for part in parts]) + left,
        np.concatenate([part.bottom for part in parts]) + top,
        depth.astype(np.int32),
        np.concatenate([part.is_open for part in parts]),
    )


def _joined_lines(parts: list[Lines], corners: Float64) -> Lines:
    left, top = (np.repeat(column, [len(part.x) for part in parts]) for column in corners.T[:2])
    lengths = np.concatenate([np.diff(part.start) for part in parts])
    counts = np.array([len(part) for part in parts])
    trunk = np.concatenate([part.trunk for part in parts])
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return Lines(
        np.concatenate([part.x for part in parts]) + left,
        np.concatenate([part.y for part in parts]) + top,
        np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.container for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.shape for part in parts]),
        np.where(trunk >= 0, trunk + before, -1),
        np.concatenate([part.shared for part in parts]),
        np.concatenate([part.is_reversed for part in parts]),
    )
