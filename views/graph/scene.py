"""Where every shown box and edge lies, from the hierarchy and what is unfolded. No Qt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from views.graph.hierarchy import ROOT, Hierarchy, lifted_edges
from views.graph.layout import Layout, Point, layered
from views.graph.placing import Block

TITLE_HEIGHT = 24.0
PADDING = 12.0
_PORT = Block(4.0, 0.0, 2.0, 2.0)

Size = tuple[float, float]
_Bounds = NDArray[np.float64]  # left, top, right, bottom
_LiftedEdges = Mapping[tuple[int, int], list[int]]


@dataclass(frozen=True)
class Box:
    """One item as drawn; `depth` counts the open boxes around it."""

    item: int
    x: float
    y: float
    width: float
    height: float
    depth: int
    is_open: bool


@dataclass(frozen=True)
class Line:
    """One or more edges between the same two boxes; `source` or `target` is ROOT at a port."""

    points: tuple[Point, ...]
    source: int
    target: int
    edges: tuple[int, ...]


@dataclass
class Scene:
    """Boxes from the outside in; nothing changes once it is built."""

    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def box_of(self) -> dict[int, Box]:
        return {box.item: box for box in self.boxes}

    def boxes_in(self, left: float, top: float, right: float, bottom: float) -> list[Box]:
        """Boxes that a rectangle touches, from the outside in."""
        return [self.boxes[at] for at in _touching(self._box_bounds, left, top, right, bottom)]

    def lines_in(self, left: float, top: float, right: float, bottom: float) -> list[int]:
        """Places in `lines` of those that a rectangle touches."""
        return _touching(self._line_bounds, left, top, right, bottom)

    @cached_property
    def _box_bounds(self) -> _Bounds:
        bounds = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in self.boxes]
        return np.array(bounds).reshape(-1, 4)

    @cached_property
    def _line_bounds(self) -> _Bounds:
        bounds = []
        for line in self.lines:
            xs, ys = zip(*line.points, strict=True)
            bounds.append((min(xs), min(ys), max(xs), max(ys)))
        return np.array(bounds).reshape(-1, 4)


@dataclass(frozen=True)
class _Container:
    """An unfolded box: what lies in it (`ROOT` for a port), where, and itself as a block."""

    order: tuple[int, ...]
    layout: Layout
    block: Block

    @property
    def left(self) -> float:
        """From its side to its content."""
        return (self.block.width - self.layout.width) / 2


class SceneBuilder:
    """Builds scenes of one graph; what did not change since the last one is not laid out again."""

    def __init__(self, hierarchy: Hierarchy, size_of: Callable[[int], Size]) -> None:
        self._hierarchy = hierarchy
        self._size_of = size_of
        self._known: dict[object, Layout] = {}

    def build(self, opened: frozenset[int]) -> Scene:
        """The scene with these containers unfolded."""
        hierarchy = self._hierarchy
        lifted = lifted_edges(hierarchy, hierarchy.representatives(opened))
        containers: dict[int, _Container] = {}
        for item in self._innermost_first(opened):
            containers[item] = self._laid_out(item, lifted.get(item, {}), containers)
        scene = Scene()
        scene.width, scene.height = containers[ROOT].layout.width, containers[ROOT].layout.height
        waiting = [(ROOT, 0.0, 0.0, 0)]
        while waiting:
            item, left, top, depth = waiting.pop()
            container = containers[item]
            for child, (x, y) in zip(container.order, container.layout.corners, strict=True):
                if child == ROOT:
                    continue
                inner = containers.get(child)
                width, height = inner.block[:2] if inner else self._size_of(child)
                x, y = left + x, top + y
                scene.boxes.append(Box(child, x, y, width, height, depth, inner is not None))
                if inner is not None:
                    waiting.append((child, x + inner.left, y + TITLE_HEIGHT, depth + 1))
            scene.lines += _lines(container, lifted.get(item, {}), left, top)
        return scene

    def shown_children(self, opened: frozenset[int]) -> tuple[int, int]:
        """Boxes in the largest unfolded container, and in all: what a scene will cost."""
        counts = [len(self._hierarchy.children[each]) for each in self._innermost_first(opened)]
        return max(counts), sum(counts)

    def _innermost_first(self, opened: frozenset[int]) -> list[int]:
        shown, waiting = [], [ROOT]
        while waiting:
            container = waiting.pop()
            shown.append(container)
            waiting += [each for each in self._hierarchy.children[container] if each in opened]
        return shown[::-1]

    def _is_head(self, child: int, at: int) -> bool:
        """Whether data comes in here: at the port, or at an input of the graph or body."""
        return (child == ROOT and at == 0) or self._hierarchy.is_input(child)

    def _laid_out(
        self, item: int, edges: _LiftedEdges, containers: Mapping[int, _Container]
    ) -> _Container:
        enters = any(source == ROOT for source, _ in edges)
        leaves = any(target == ROOT for _, target in edges)
        children = self._hierarchy.children[item]
        order = (*([ROOT] if enters else ()), *children, *([ROOT] if leaves else ()))
        blocks = tuple(
            containers[child].block
            if child in containers
            else _PORT
            if child == ROOT
            else _block(*self._size_of(child))
            for child in order
        )
        pairs = tuple(sorted(pair for pair, _ in _numbered(order, edges)))
        heads = tuple(at for at, child in enumerate(order) if self._is_head(child, at))
        key = (blocks, pairs, heads)
        if key not in self._known:
            self._known[key] = layered(*key)
        layout = self._known[key]
        if item == ROOT:
            return _Container(order, layout, _block(layout.width, layout.height))
        width = max(layout.width + 2 * PADDING, self._size_of(item)[0])
        height = layout.height + TITLE_HEIGHT + PADDING
        margin = (width - layout.width) / 2 + _PORT.enter
        enter = margin + layout.corners[0][0] if enters else width / 2
        leave = margin + layout.corners[-1][0] if leaves else width / 2
        return _Container(order, layout, Block(width, height, enter, leave))


def _touching(bounds: _Bounds, left: float, top: float, right: float, bottom: float) -> list[int]:
    apart = (bounds[:, 2] < left) | (bounds[:, 0] > right)
    apart |= (bounds[:, 3] < top) | (bounds[:, 1] > bottom)
    found: list[int] = np.flatnonzero(~apart).tolist()
    return found


def _block(width: float, height: float) -> Block:
    return Block(width, height, width / 2, width / 2)


def _numbered(
    order: tuple[int, ...], edges: _LiftedEdges
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Each edge by its places in `order`: a port where data enters is first, where it leaves last."""
    number = {child: at for at, child in enumerate(order) if child != ROOT}
    return [
        (
            (
                0 if source == ROOT else number[source],
                len(order) - 1 if target == ROOT else number[target],
            ),
            (source, target),
        )
        for source, target in edges
    ]


def _lines(container: _Container, edges: _LiftedEdges, left: float, top: float) -> list[Line]:
    lines = []
    for pair, (source, target) in _numbered(container.order, edges):
        points = [(x + left, y + top) for x, y in container.layout.routes[pair]]
        if target == ROOT:  # on to the border of the box
            points.append((points[-1][0], points[-1][1] + PADDING))
        lines.append(Line(tuple(points), source, target, tuple(edges[source, target])))
    return lines
