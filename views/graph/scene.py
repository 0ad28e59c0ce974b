"""Where every shown box and edge lies, from the hierarchy and what is unfolded. No Qt."""

from collections.abc import Callable
from dataclasses import dataclass, field

from views.graph.hierarchy import ROOT, Hierarchy, lifted_edges
from views.graph.layout import Layout, Point, Size, layered

TITLE_HEIGHT = 24.0
PADDING = 12.0
_PORT: Size = (4.0, 0.0)


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
    """Boxes from the outside in."""

    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0

    def box_of(self) -> dict[int, Box]:
        return {box.item: box for box in self.boxes}


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
        layouts: dict[int, tuple[list[int], Layout]] = {}
        sizes: dict[int, Size] = {}
        for container in self._innermost_first(opened):
            layouts[container] = self._laid_out(container, lifted.get(container, {}), sizes)
            layout = layouts[container][1]
            sizes[container] = (
                max(layout.width + 2 * PADDING, self._size_of(container)[0]),
                layout.height + TITLE_HEIGHT + PADDING,
            )
        scene = Scene()
        self._emit(scene, layouts, lifted, sizes)
        return scene

    def shown_children(self, opened: frozenset[int]) -> int:
        """How many boxes the largest unfolded container holds: what its layout will cost."""
        return max(len(self._hierarchy.children[each]) for each in (ROOT, *opened))

    def _innermost_first(self, opened: frozenset[int]) -> list[int]:
        shown, waiting = [], [ROOT]
        while waiting:
            container = waiting.pop()
            shown.append(container)
            waiting += [each for each in self._hierarchy.children[container] if each in opened]
        return shown[::-1]

    def _laid_out(
        self,
        container: int,
        edges: dict[tuple[int, int], list[int]],
        sizes: dict[int, Size],
    ) -> tuple[list[int], Layout]:
        """Children in the order of their numbers in the layout (ROOT stands for a port)."""
        children = self._hierarchy.children[container]
        enters = any(source == ROOT for source, _ in edges)
        leaves = any(target == ROOT for _, target in edges)
        order = [*([ROOT] if enters else []), *children, *([ROOT] if leaves else [])]
        number = {child: at + enters for at, child in enumerate(children)}
        pairs = tuple(
            sorted(
                (
                    0 if source == ROOT else number[source],
                    len(order) - 1 if target == ROOT else number[target],
                )
                for source, target in edges
            )
        )
        boxes = tuple(
            _PORT if child == ROOT else sizes.get(child) or self._size_of(child) for child in order
        )
        key = (boxes, pairs)
        if key not in self._known:
            self._known[key] = layered(boxes, pairs)
        return order, self._known[key]

    def _emit(
        self,
        scene: Scene,
        layouts: dict[int, tuple[list[int], Layout]],
        lifted: dict[int, dict[tuple[int, int], list[int]]],
        sizes: dict[int, Size],
    ) -> None:
        root = layouts[ROOT][1]
        scene.width, scene.height = root.width, root.height
        waiting = [(ROOT, 0.0, 0.0, 0)]
        while waiting:
            container, left, top, depth = waiting.pop()
            order, layout = layouts[container]
            if container != ROOT:
                left += (sizes[container][0] - layout.width) / 2
                top += TITLE_HEIGHT
            for child, (x, y) in zip(order, layout.corners, strict=True):
                if child == ROOT:
                    continue
                size = sizes.get(child) or self._size_of(child)
                scene.boxes.append(
                    Box(child, left + x, top + y, size[0], size[1], depth, child in layouts)
                )
                if child in layouts:
                    waiting.append((child, left + x, top + y, depth + 1))
            self._emit_lines(scene, container, (left, top), order, layout, lifted)

    def _emit_lines(
        self,
        scene: Scene,
        container: int,
        corner: Point,
        order: list[int],
        layout: Layout,
        lifted: dict[int, dict[tuple[int, int], list[int]]],
    ) -> None:
        edges = lifted.get(container, {})
        enters = bool(order) and order[0] == ROOT
        number = {child: at for at, child in enumerate(order) if child != ROOT}
        for (source, target), rows in edges.items():
            pair = (
                0 if source == ROOT and enters else number.get(source, 0),
                len(order) - 1 if target == ROOT else number[target],
            )
            points = layout.routes.get(pair, ())
            moved = [(x + corner[0], y + corner[1]) for x, y in points]
            if moved and target == ROOT:  # on to the border of the box
                moved.append((moved[-1][0], moved[-1][1] + PADDING))
            if moved:
                scene.lines.append(Line(tuple(moved), source, target, tuple(rows)))
