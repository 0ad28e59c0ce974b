"""Time ruler with the steps of the run; dragging on it measures a range."""

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from profilers.units import format_duration
from views.timeline.painting import paint_range
from views.timeline.scene import Scene
from views.timeline.time_scale import TimeScale, ticks

_DRAG_PIXELS = 3


class TimeRuler(QWidget):
    """Times count from the first step. A click on a step picks its time range."""

    range_measured = Signal(float, float)  # profile times in ns

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._pressed_x: float | None = None
        self._measured: tuple[float, float] | None = None
        heights = scene.heights
        self.setFixedHeight(heights.ticks + heights.steps)
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setAccessibleName(self.tr("Time ruler"))
        self.setToolTip(self.tr("Drag to measure a time range; click a step to choose it"))
        scene.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, scale = self._scene.context.theme, self._scene.scale(self.width())
        painter.fillRect(self.rect(), theme.window)
        self._paint_ticks(painter, scale)
        self._paint_steps(painter, scale)
        picked = self._measured or self._scene.context.selection.picked.time_range_ns
        if picked is not None:
            paint_range(painter, scale, picked, self.height(), theme.selection)
            self._paint_length(painter, scale, picked)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_x = event.position().x()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_x is None:
            return
        x = event.position().x()
        if self._measured is not None or abs(x - self._pressed_x) > _DRAG_PIXELS:
            scale = self._scene.scale(self.width())
            low, high = sorted((self._pressed_x, x))
            self._measured = (scale.time_at(low), scale.time_at(high))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        measured, self._measured = self._measured, None
        if self._pressed_x is not None and measured is None:
            measured = self._step_at(self._pressed_x)
        self._pressed_x = None
        if measured is not None:
            self.range_measured.emit(*measured)
        self.update()

    def _step_at(self, x: float) -> tuple[float, float] | None:
        steps = self._scene.context.profile.steps
        time_ns = self._scene.scale(self.width()).time_at(x)
        ends = steps.start_ns + steps.duration_ns
        found = np.flatnonzero((steps.start_ns <= time_ns) & (ends > time_ns))
        if not len(found):
            return None
        return float(steps.start_ns[found[0]]), float(ends[found[0]])

    def _paint_ticks(self, painter: QPainter, scale: TimeScale) -> None:
        theme, origin_ns = self._scene.context.theme, self._scene.context.origin_ns
        bottom = self._scene.heights.ticks
        marks = ticks(scale.begin_ns - origin_ns, scale.end_ns - origin_ns, scale.width)
        for time_ns in marks.times_ns:
            x = scale.x_of(time_ns + origin_ns)
            painter.setPen(theme.muted)
            painter.drawLine(round(x), bottom - 8, round(x), bottom - 1)
            painter.setPen(theme.text)
            painter.drawText(
                QRectF(x + 4, 0, self.width(), bottom),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                marks.text(time_ns),
            )
        painter.setPen(theme.grid)
        painter.drawLine(0, bottom, self.width(), bottom)

    def _paint_steps(self, painter: QPainter, scale: TimeScale) -> None:
        theme, steps = self._scene.context.theme, self._scene.context.profile.steps
        ends = steps.start_ns + steps.duration_ns
        shown = np.flatnonzero((ends > scale.begin_ns) & (steps.start_ns < scale.end_ns))
        top, covered = self._scene.heights.ticks + 1, -1.0
        for step in shown.tolist():
            left = max(scale.x_of(int(steps.start_ns[step])), -2.0)
            right = min(scale.x_of(int(ends[step])), self.width() + 2.0)
            if right <= covered:
                continue  # the pixel holds another step's mark already
            covered = max(right, left + 1.0)
            box = QRectF(left, top, max(right - left - 1, 1.0), self._scene.heights.steps - 2)
            painter.fillRect(box, theme.grid if step % 2 else theme.raised)
            text = self.tr("step {}").format(int(steps.number[step]))
            inside = box.intersected(QRectF(self.rect())).adjusted(4, 0, -2, 0)
            if painter.fontMetrics().horizontalAdvance(text) <= inside.width():
                painter.setPen(theme.text)
                painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_length(
        self, painter: QPainter, scale: TimeScale, picked: tuple[float, float]
    ) -> None:
        text = format_duration(round(picked[1] - picked[0]))
        theme, metrics = self._scene.context.theme, painter.fontMetrics()
        middle = (scale.x_of(picked[0]) + scale.x_of(picked[1])) / 2
        width = metrics.horizontalAdvance(text) + 10
        left = min(max(middle - width / 2, 0.0), max(self.width() - width, 0.0))
        box = QRectF(left, 2, width, metrics.height())
        painter.fillRect(box, QColor(theme.selection))
        painter.setPen(QPen(theme.text_on(theme.selection)))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
