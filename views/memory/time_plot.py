"""A plot whose horizontal axis is the time axis that columns share."""

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from profilers.units import format_bytes
from views.axes import TimeAxis
from views.focus_frame import FocusFrame
from views.theme import Theme
from views.timeline.time_scale import ticks

_ZOOM_STEP = 1.25
_DRAG_THRESHOLD = 4
_AXIS_WIDTH = 64
_TICK_WIDTH, _TICK_HEIGHT = 70, 28  # pixels between two of them at least


class TimePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is untyped
    """Wheel with Ctrl zooms, dragging pans, a click chooses a moment; W A S D and F as elsewhere."""

    moment_chosen = Signal(float)  # ns from the first step
    hovered = Signal(float, QPointF)  # ns from the first step, place on the screen
    left = Signal()

    def __init__(self, theme: Theme, time_axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            background=theme.panel,
            axisItems={"bottom": _DurationAxis("bottom"), "left": _BytesAxis("left")},
        )
        self._time_axis = time_axis
        self._press: QPointF | None = None
        self._pressed_range = (0.0, 0.0)
        self._is_dragging = False
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.showGrid(x=False, y=True, alpha=0.25)
        for name in ("bottom", "left"):
            axis = plot.getAxis(name)
            axis.setPen(pg.mkPen(theme.grid))
            axis.setTextPen(pg.mkPen(theme.text))
        plot.getAxis("left").setWidth(_AXIS_WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusFrame(self, theme.accent)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        time_axis.changed.connect(self.follow_time)

    def follow_time(self) -> None:
        """Show the range of the shared axis."""
        self.setXRange(self._time_axis.begin_ns, self._time_axis.end_ns, padding=0)

    def time_at(self, position: QPointF) -> float:
        """ns from the first step."""
        return float(self.getViewBox().mapSceneToView(self.mapToScene(position.toPoint())).x())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        factor = _ZOOM_STEP ** (event.angleDelta().y() / 120)
        self._time_axis.zoom(factor, self.time_at(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position()
            self._pressed_range = (self._time_axis.begin_ns, self._time_axis.end_ns)
            self._is_dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            self.hovered.emit(self.time_at(event.position()), event.globalPosition())
            return
        moved = event.position().x() - self._press.x()
        self._is_dragging = self._is_dragging or abs(moved) > _DRAG_THRESHOLD
        if self._is_dragging:
            begin, end = self._pressed_range
            shift = moved * (end - begin) / max(self.getViewBox().width(), 1.0)
            self._time_axis.show(begin - shift, end - shift)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None and not self._is_dragging:
            self.moment_chosen.emit(self.time_at(event.position()))
        self._press = None

    def leaveEvent(self, event: QEvent) -> None:
        self.left.emit()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not move_by_key(self._time_axis, event):
            event.ignore()


def move_by_key(axis: TimeAxis, event: QKeyEvent) -> bool:
    """Zoom and pan with W A S D, fit with F; whether the key was one of them."""
    middle = (axis.begin_ns + axis.end_ns) / 2
    actions = {
        Qt.Key.Key_W: lambda: axis.zoom(_ZOOM_STEP, middle),
        Qt.Key.Key_S: lambda: axis.zoom(1 / _ZOOM_STEP, middle),
        Qt.Key.Key_A: lambda: axis.pan(-0.1),
        Qt.Key.Key_D: lambda: axis.pan(0.1),
        Qt.Key.Key_F: axis.fit,
    }
    action = actions.get(Qt.Key(event.key()))
    if action is None:
        return False
    action()
    return True


class _DurationAxis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at round times, all in one unit."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        self._ticks = ticks(low, high, int(size), _TICK_WIDTH)
        return [(self._ticks.step_ns, list(self._ticks.times_ns))]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [self._ticks.text(value) for value in values]


class _BytesAxis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at binary steps."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        spacing = 2.0 ** np.ceil(np.log2(max(high - low, 1.0) / max(size / _TICK_HEIGHT, 1)))
        first = np.ceil(low / spacing) * spacing
        return [(spacing, np.arange(first, high, spacing).tolist())]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [format_bytes(value) for value in values]
