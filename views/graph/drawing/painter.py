"""Paints a scene: layers of boxes and lines in colours that tell something, and text on them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter

from profilers import compiled
from profilers.analysis.stage_figures import stage_figures
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent
from views.graph.drawing.fills import darker, number
from views.graph.drawing.flags import Flag, Flags
from views.graph.drawing.labels import READABLE, Labels
from views.graph.drawing.layers import ArrowLayer, BoxLayer, Layer, LineLayer, Viewport
from views.graph.drawing.look import Legend, Look
from views.graph.drawing.measures import MEASURES, item_figures
from views.graph.drawing.raster import Raster
from views.graph.drawing.vector import paint_layers
from views.graph.model import StageModel
from views.graph.scene import TRUNK, Scene, smoothed
from views.graph.structure.tree import ROOT
from views.theme import Theme

_BADGE_FROM = 0.01  # of the step
_RADIUS = 5.0
_DETAIL_FROM = 0.3  # scales: rings, stacks and curves
_ARROWS_FROM, _SHAPES_FROM = 0.4, 0.95
_MOST_MARKED_LINES = 2000
_THINNEST = 0.7  # pixels
_FLAG_SIZE = 14.0
_LONGEST_TIP, _MOST_SAID = 300, 5
_NO_NODE = np.iinfo(np.int64).max


class ScenePainter:
    """Draws on screens and into files. `picked` are nodes of the stage."""

    def __init__(self, theme: Theme, model: StageModel, font: QFont) -> None:
        self._theme = theme
        self._model = model
        self._time_ns = item_figures(model, MEASURES["time"])
        times = stage_figures(model.profile, 0).time_ns
        self._whole_ns = float(np.maximum(times, 0).sum())
        self._raster = Raster()
        self._labels = Labels(theme, model, font, self._badge)
        self._scene: Scene | None = None
        self._ring_of = self._rings()
        self.picked: frozenset[int] = frozenset()
        self._is_picked = np.zeros(model.hierarchy.tree.count, bool)
        self._is_around = np.zeros(model.hierarchy.tree.count, bool)
        self.is_found = np.zeros(model.hierarchy.tree.count, bool)
        self._flags: Flags | None = None
        self._flagged = np.full(model.hierarchy.tree.count, _NO_NODE)
        self.set_measure("family")

    def set_measure(self, measure: str) -> None:
        """What boxes are coloured by."""
        self._look = Look(self._theme, self._model, measure)
        self._scene = None

    def set_picked(self, nodes: Sequence[int]) -> None:
        """Nodes that are picked; boxes that hide one are marked too."""
        self.picked = frozenset(nodes)
        tree = self._model.hierarchy.tree
        self._is_picked[:] = False
        self._is_picked[list(nodes)] = True
        self._is_around = (tree.sums(self._is_picked.astype(np.int64)) > 0) & ~self._is_picked

    def set_found(self, nodes: Sequence[int]) -> None:
        """Nodes that a search or a walk found; boxes that hide one are marked too."""
        is_found = np.zeros(self._model.hierarchy.tree.count, np.int64)
        is_found[list(nodes)] = 1
        self.is_found = self._model.hierarchy.tree.sums(is_found) > 0

    def set_flags(self, flags: Flags) -> None:
        """Signs on nodes; a box shows that of the first node in it that has one."""
        tree = self._model.hierarchy.tree
        nodes = np.full(tree.count, _NO_NODE)
        marked = np.flatnonzero(flags.marked())
        nodes[marked] = marked
        self._flags, self._flagged = flags, tree.lowest(nodes)

    def _flag(self, item: int) -> Flag | None:
        node = int(self._flagged[item])
        return self._flags.of(node) if self._flags is not None and node != _NO_NODE else None

    def legend(self, scene: Scene) -> Legend:
        return self._look.legend(scene)

    def tip(self, item: int) -> str:
        """What a box is, in a few lines of plain text."""
        model = self._model
        lines = [model.titles.title(item), model.titles.subtitle(item)]
        time_ns = float(self._time_ns[item])
        if time_ns >= 0 and self._whole_ns:
            share = format_percent(time_ns / self._whole_ns)
            lines.append(f"{format_duration(time_ns)}  ·  {share}")
        measure = self._look.measure
        if measure is not None and measure.id != "time" and self._look.value(item) >= 0:
            lines.append(measure.describe(self._look.value(item)))
        flag = self._flag(item)
        if flag is not None:
            lines += flag.sentence.splitlines()[:_MOST_SAID]
        return "\n".join(line[:_LONGEST_TIP] for line in lines if line)

    def paint(self, painter: QPainter, scene: Scene, view: Viewport, ratio: float) -> None:
        """Onto a screen of `ratio` device pixels per pixel."""
        loops = compiled.loaded()
        layers = self.layers(scene, view)
        if loops is None:
            painter.fillRect(QRectF(0, 0, view.width, view.height), self._theme.panel)
            paint_layers(painter, layers, view)
        else:
            background = number(self._theme.panel)
            painter.drawImage(QPointF(), self._raster.draw(loops, layers, view, ratio, background))
        self._paint_text(painter, scene, view)

    def paint_to_file(self, painter: QPainter, scene: Scene, view: Viewport) -> None:
        """As shapes, whatever the size."""
        painter.fillRect(QRectF(0, 0, view.width, view.height), self._theme.panel)
        paint_layers(painter, self.layers(scene, view), view)
        self._paint_text(painter, scene, view)

    def layers(self, scene: Scene, view: Viewport) -> list[Layer]:
        """Boxes and lines in sight, from the back to the front."""
        self._keep_colours(scene)
        boxes, scale = scene.boxes, view.scale
        rows = boxes.touching(view.left, view.top, view.right, view.bottom)
        is_open = boxes.is_open[rows]
        opened, closed = rows[is_open], rows[~is_open]
        radius, border = _RADIUS * scale, min(max(scale, 0.6), 1.5)
        layers: list[Layer] = [BoxLayer(boxes, opened, radius, border, self._shades, self._frames)]
        picked_open = opened[self._is_picked[boxes.item[opened]]]
        layers.append(self._ring(scene, picked_open, self._theme.selection, 3.0, scale))
        layers += self._line_layers(scene, view)
        if scale > _DETAIL_FROM:
            stacked = closed[self._is_container[closed]]
            layers.append(
                BoxLayer(boxes, stacked, radius, border, self._fills, self._borders, shift=3.0)
            )
            ringed = closed[self._rings_on[closed]]
            layers.append(
                BoxLayer(boxes, ringed, radius * 1.6, 1.4 * border, self._ground, self._ring_colours,
                         grown=3.5)
            )  # fmt: skip
        items = boxes.item[closed]
        for is_marked, colour, width in (
            (self.is_found, self._theme.accent, 3.0),
            (self._is_around, self._theme.selection, 2.0),
            (self._is_picked, self._theme.selection, 4.0),
        ):
            layers.append(self._ring(scene, closed[is_marked[items]], colour, width, scale))
        layers.append(BoxLayer(boxes, closed, radius, border, self._fills, self._borders))
        return layers

    def _ring(
        self, scene: Scene, rows: Int64, colour: QColor, width: float, scale: float
    ) -> BoxLayer:
        """A frame around boxes that stays wide enough to be seen."""
        colours = np.full(len(scene.boxes), number(colour), np.uint32)
        grown = width * max(1.0, 0.6 / scale)
        is_open = bool(len(rows)) and bool(scene.boxes.is_open[rows[0]])
        fills = self._shades if is_open else colours
        return BoxLayer(
            scene.boxes, rows, (_RADIUS + grown) * scale, grown * scale, fills, colours, grown=grown
        )

    def _keep_colours(self, scene: Scene) -> None:
        """Colours of all boxes, once for each scene."""
        if scene is self._scene:
            return
        theme, boxes = self._theme, scene.boxes
        self._scene = scene
        self._fills = self._look.fills(scene)
        self._borders = darker(self._fills, 135)
        shades = np.array([number(theme.window), number(theme.raised)], np.uint32)
        self._shades = shades[boxes.depth % 2]
        self._frames = np.full(len(boxes), number(theme.grid), np.uint32)
        self._ground = np.full(len(boxes), number(theme.panel), np.uint32)
        rings = self._ring_of[boxes.item]
        self._rings_on = rings >= 0
        strong = QColor.lighter if theme.is_dark else QColor.darker
        hues = np.array(
            [number(strong(theme.hue_colour(hue), 140)) for hue in range(0, 360, 15)], np.uint32
        )
        self._ring_colours = hues[rings * 7 % len(hues)]
        tree = self._model.hierarchy.tree
        self._is_container = np.diff(tree.child_start)[1:][boxes.item] > 0
        self._labels.forget()

    def _rings(self) -> NDArray[np.int64]:
        """For each item the number of the fused kernel that it is part of, -1 for none."""
        model, profile = self._model, self._model.profile
        ring = np.full(model.hierarchy.tree.count, -1, np.int64)
        if model.is_authored:
            ring[profile.fusion.members.node] = profile.fusion.members.group
            return ring
        made, counts = np.unique(model.graph.origins.node, return_counts=True)
        ring[made[counts > 1]] = np.flatnonzero(counts > 1)
        return ring

    def _line_layers(self, scene: Scene, view: Viewport) -> list[Layer]:
        lines, scale = scene.lines, view.scale
        rows = lines.touching(view.left, view.top, view.right, view.bottom)
        x, y, start = lines.smooth if scale > _DETAIL_FROM else (lines.x, lines.y, lines.start)
        widths = np.maximum((1.0 + np.minimum(np.log2(lines.weight), 3.0) * 0.5) * scale, _THINNEST)
        layers: list[Layer] = [
            LineLayer(x, y, start, rows, widths, number(self._theme.muted)),
        ]
        marked = rows[self._touches_picked(scene, rows)][:_MOST_MARKED_LINES]
        if scale > _ARROWS_FROM:
            layers.append(self._arrows(scene, rows, scale, self._theme.muted))
        if len(marked):
            layers += self._marked_lines(scene, marked, scale)
        return layers

    def _touches_picked(self, scene: Scene, rows: Int64) -> NDArray[np.bool_]:
        """Lines at a picked box; all parts of an edge are there, but no shared trunk."""
        lines = scene.lines
        is_picked = np.append(self._is_picked, [False, False])  # of ROOT and TRUNK
        source, target = lines.source[rows], lines.target[rows]
        touches: NDArray[np.bool_] = (is_picked[source] | is_picked[target]) & (target != TRUNK)
        return touches

    def _marked_lines(self, scene: Scene, rows: Int64, scale: float) -> list[Layer]:
        """Edges of picked boxes over all others, from end to end."""
        routes = [scene.lines.route(row) for row in rows.tolist()]
        points = np.concatenate(routes)
        start = np.concatenate(([0], np.cumsum([len(route) for route in routes])))
        widths = np.full(len(routes), max(2.0 * scale, 1.4))
        colour = self._theme.selection
        x, y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
        if scale > _DETAIL_FROM:
            x, y, start = smoothed(x, y, start)
        every = np.arange(len(routes))
        layers: list[Layer] = [LineLayer(x, y, start, every, widths, number(colour))]
        if scale > _ARROWS_FROM:
            layers.append(self._arrows(scene, rows, scale, colour))
        return layers

    def _arrows(self, scene: Scene, rows: Int64, scale: float, colour: QColor) -> ArrowLayer:
        lines = scene.lines
        ending = rows[lines.target[rows] >= 0]
        x, y = lines.tips(ending)
        ways = np.where(lines.is_reversed[ending], -1.0, 1.0)
        size = min(scale, 1.5)
        return ArrowLayer(x, y, ways, 5 * size, 3 * size, number(colour))

    def _paint_text(self, painter: QPainter, scene: Scene, view: Viewport) -> None:
        if view.scale < READABLE:
            return
        rows = scene.boxes.touching(view.left, view.top, view.right, view.bottom)
        fills = np.where(scene.boxes.is_open, self._shades, self._fills)
        if view.scale > _SHAPES_FROM:
            self._labels.paint_shapes(painter, scene, self._shape_texts(scene, view), view)
        self._labels.paint(painter, scene, rows, fills, view)
        if self._flags is not None:
            self._paint_flags(painter, scene, rows, view)

    def _shape_texts(self, scene: Scene, view: Viewport) -> list[tuple[float, float, str]]:
        """Beside where an edge leaves its box; once where several leave together."""
        lines = scene.lines
        rows = lines.touching(view.left, view.top, view.right, view.bottom)
        texts: dict[tuple[float, float], set[str]] = {}
        known = rows[(lines.target[rows] != TRUNK) & (lines.source[rows] != ROOT)]
        for row in known.tolist():
            x, y = lines.route(row)[0].tolist()
            texts.setdefault((x, y), set()).add(self._model.shape_text(int(lines.shape[row])))
        return [
            (x, y, text)
            for (x, y), found in texts.items()
            if len(found) == 1 and (text := next(iter(found)))
        ]

    def _paint_flags(self, painter: QPainter, scene: Scene, rows: Int64, view: Viewport) -> None:
        boxes, size = scene.boxes, _FLAG_SIZE
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row in rows.tolist():
            flag = self._flag(int(boxes.item[row]))
            if flag is None or boxes.is_open[row]:
                continue
            x = (float(boxes.right[row]) - view.left) * view.scale - size * 0.7
            y = (float(boxes.top[row]) - view.top) * view.scale - size * 0.4
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(flag.colour)
            place = QRectF(x, y, size, size)
            painter.drawEllipse(place)
            painter.setPen(self._theme.text_on(flag.colour))
            font = painter.font()
            font.setPixelSize(10)
            font.setBold(True)
            painter.setFont(font)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, flag.sign)
        painter.restore()

    def _badge(self, item: int) -> str:
        """The figure that boxes are coloured by, else the share of the step's operator time."""
        measure = self._look.measure
        if measure is not None and measure.id != "time":
            value = self._look.value(item)
            return measure.describe(value) if value > 0 else ""
        share = float(self._time_ns[item]) / self._whole_ns if self._whole_ns else 0.0
        return format_percent(share) if share >= _BADGE_FROM else ""
