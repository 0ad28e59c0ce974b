"""A plot whose horizontal axis is the time axis that columns share."""

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from profilers.units import format_bytes
from views.axes import TimeAxis
from views.focus_frame import FocusFrame
from views.memory.keys import KEYS
from views.theme import Theme
from views.time_drag import TimeDrag
from views.timeline.time_scale import ticks

_ZOOM_STEP = 1.25
_PAN_SHARE = 0.1
_WIDEST_TICK = "1023.5 MiB"  # wider ones would not be drawn at all
_AXIS_MARGIN = 12
_TICK_WIDTH, _TICK_HEIGHT = 70, 28  # pixels between two of them at least
_MOST_TICKS = 12


class TimePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is untyped
    """Wheel and mouse as on the timeline; a click or a key chooses a moment; W A S D and F as elsewhere."""

    moment_chosen = Signal(float)  # ns from the first step
    range_measured = Signal(float, float)  # ns from the first step
    hovered = Signal(float, QPointF)  # ns from the first step, place on the screen
    left = Signal()

    def __init__(self, theme: Theme, time_axis: TimeAxis, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            background=theme.panel,
            axisItems={"bottom": _DurationAxis("bottom"), "left": _BytesAxis("left")},
        )
        self._time_axis = time_axis
        self.drag = TimeDrag(time_axis, self._time_across, self)
        self.drag.measured.connect(self.range_measured)
        plot = self.getPlotItem()
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.showGrid(x=False, y=True, alpha=0.25)
        for name in ("bottom", "left"):
            axis = plot.getAxis(name)
            axis.setPen(pg.mkPen(theme.grid))
            axis.setTextPen(pg.mkPen(theme.text))
        widest = self.fontMetrics().horizontalAdvance(_WIDEST_TICK)
        plot.getAxis("left").setWidth(widest + _AXIS_MARGIN)
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
        self.drag.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.drag.is_pressed:
            self.drag.move(event)
        else:
            self.hovered.emit(self.time_at(event.position()), event.globalPosition())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.drag.release():
            self.moment_chosen.emit(self.time_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self.left.emit()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not move_by_key(self._time_axis, event):
            event.ignore()

    def _time_across(self, x: float) -> float:
        return self.time_at(QPointF(x, 0))


def move_by_key(axis: TimeAxis, event: QKeyEvent) -> bool:
    """Do what the table of keys says; whether the key was one of it."""
    middle = (axis.begin_ns + axis.end_ns) / 2
    actions: dict[str, Callable[[], object]] = {
        "zoom_in": lambda: axis.zoom(_ZOOM_STEP, middle),
        "zoom_out": lambda: axis.zoom(1 / _ZOOM_STEP, middle),
        "pan_left": lambda: axis.pan(-_PAN_SHARE),
        "pan_right": lambda: axis.pan(_PAN_SHARE),
        "fit": axis.fit,
        "undo_zoom": axis.undo_zoom,
    }
    action = actions.get(KEYS.action_of(event) or "")
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
        count = min(max(size / _TICK_HEIGHT, 1), _MOST_TICKS)
        spacing = 2.0 ** np.ceil(np.log2(max(high - low, 1.0) / count))
        first = np.ceil(low / spacing) * spacing
        return [(spacing, np.arange(first, high, spacing).tolist())]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [format_bytes(value) for value in values]
