"""Paints a scene: boxes and badges; only what is in sight, text only where it can be read."""

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from profilers.units import format_percent
from views.graph.figures import NodeFigures
from views.graph.line_painter import LinePainter
from views.graph.model import StageModel
from views.graph.scene import TITLE_HEIGHT, Box, Scene
from views.theme import Theme

_READABLE = 0.55  # scale below which text is left out
_BADGE_FROM = 0.01
_RADIUS = 5.0


class ScenePainter:
    """`measure` is "family" or one of `NodeFigures`; `picked` are nodes of the stage."""

    def __init__(self, theme: Theme, model: StageModel, figures: NodeFigures) -> None:
        self._theme = theme
        self._model = model
        self._figures = figures
        self._totals: dict[tuple[str, int], float] = {}
        self.measure = "family"
        self.picked: frozenset[int] = frozenset()
        self._holding: frozenset[int] = frozenset()
        self._lines = LinePainter(theme, model.shape_text)
        self._whole_ns = float(np.maximum(figures.time_ns, 0).sum())

    def set_picked(self, nodes: list[int]) -> None:
        """Nodes that are picked; boxes that hide one are marked too."""
        self.picked = frozenset(nodes)
        self._holding = frozenset(
            each for node in nodes for each in self._model.hierarchy.ancestors(node)
        )

    def highest(self) -> float:
        """The figure at the bright end of the scale."""
        scale = self._figures.scale(self.measure)
        return float(scale.max(initial=0.0)) if scale is not None else 0.0

    def paint(self, painter: QPainter, scene: Scene, sight: QRectF, scale: float) -> None:
        boxes = scene.boxes_in(sight.left(), sight.top(), sight.right(), sight.bottom())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for box in boxes:
            if box.is_open:
                self._paint_open(painter, box, scale)
        self._lines.paint(painter, scene, sight, scale, self.picked)
        for box in boxes:
            if not box.is_open:
                self._paint_closed(painter, box, scale)

    def _paint_open(self, painter: QPainter, box: Box, scale: float) -> None:
        theme, rect = self._theme, _rect(box)
        shade = QColor(theme.raised)
        shade.setAlpha(120 if box.depth % 2 else 70)
        painter.setBrush(shade)
        is_picked = box.item in self.picked
        painter.setPen(QPen(theme.selection, 3.0) if is_picked else QPen(theme.grid, 1.0))
        painter.drawRoundedRect(rect, _RADIUS, _RADIUS)
        if scale > _READABLE * 0.7:
            painter.setPen(theme.text)
            text = painter.fontMetrics().elidedText(
                f"▾ {self._model.open_title(box.item)}",
                Qt.TextElideMode.ElideRight,
                int(box.width - 16),
            )
            painter.drawText(
                QRectF(box.x + 8, box.y, box.width - 16, TITLE_HEIGHT),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                text,
            )

    def _paint_closed(self, painter: QPainter, box: Box, scale: float) -> None:
        theme, rect = self._theme, _rect(box)
        fill = self._fill(box.item)
        painter.setBrush(fill)
        is_container = self._model.hierarchy.is_container(box.item)
        if is_container and scale > 0.3:
            painter.setPen(QPen(fill.darker(140), 1))
            painter.drawRoundedRect(rect.translated(3, 3), _RADIUS, _RADIUS)
        painter.setPen(self._outline(box.item, fill.darker(135)))
        painter.drawRoundedRect(rect, _RADIUS, _RADIUS)
        if self._model.is_fused(box.item):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.accent, 1.6, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(rect.adjusted(-3, -3, 3, 3), _RADIUS + 2, _RADIUS + 2)
        if scale > _READABLE:
            self._paint_text(painter, box, fill, is_container)

    def _paint_text(self, painter: QPainter, box: Box, fill: QColor, is_container: bool) -> None:
        metrics = painter.fontMetrics()
        left, width = box.x + 8, box.width - 16
        painter.setPen(self._theme.text_on(fill))
        mark = "▸ " if is_container else ""
        badge = self._badge(box.item)
        if badge:
            painter.drawText(
                QRectF(left, box.y + 2, width, box.height / 2 - 1),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                badge,
            )
            width -= metrics.horizontalAdvance(badge) + 4
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(
            QRectF(left, box.y + 2, width, box.height / 2 - 1),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            painter.fontMetrics().elidedText(
                mark + self._model.title(box.item), Qt.TextElideMode.ElideMiddle, int(width)
            ),
        )
        font.setBold(False)
        painter.setFont(font)
        width = box.width - 16
        painter.drawText(
            QRectF(left, box.y + box.height / 2 - 1, width, box.height / 2),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            metrics.elidedText(
                self._model.subtitle(box.item), Qt.TextElideMode.ElideMiddle, int(width)
            ),
        )

    def _outline(self, item: int, otherwise: QColor) -> QPen:
        if item in self.picked:
            return QPen(self._theme.selection, 3.0)
        if item in self._holding:
            return QPen(self._theme.selection, 2.0, Qt.PenStyle.DashLine)
        return QPen(otherwise, 1.0)

    def _fill(self, item: int) -> QColor:
        if self.measure == "family":
            if item >= self._model.hierarchy.node_count:
                return self._theme.raised
            return self._theme.family_colour(self._model.operator(item))
        highest = self.highest()
        total = self.total(self.measure, item)
        if total < 0 or not highest:
            return self._theme.raised
        share = min(total / highest, 1.0) ** 0.6
        cold, hot = self._theme.panel, self._theme.selection
        return QColor(
            *(
                round(a + (b - a) * share)
                for a, b in zip(cold.getRgb()[:3], hot.getRgb()[:3], strict=True)  # type: ignore[index]
            )
        )

    def total(self, measure: str, item: int) -> float:
        """The sum over the nodes in an item (the largest for memory), -1 if none is known."""
        key = (measure, item)
        if key not in self._totals:
            scale = self._figures.scale(measure)
            rows = self._model.authored(self._model.hierarchy.nodes_in(item))
            values = scale[rows] if scale is not None and rows else np.empty(0)
            values = values[values >= 0]
            combined = values.max() if measure == "memory" and len(values) else values.sum()
            self._totals[key] = float(combined) if len(values) else -1.0
        return self._totals[key]

    def _badge(self, item: int) -> str:
        """The share of the whole step's operator time, where it is worth a word."""
        share = self.total("time", item) / self._whole_ns if self._whole_ns else 0.0
        return format_percent(share) if share >= _BADGE_FROM else ""


def _rect(box: Box) -> QRectF:
    return QRectF(box.x, box.y, box.width, box.height)
