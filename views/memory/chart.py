"""Bytes alive over time, stacked by category, on axes shared with other columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from profilers.units import format_bytes, format_duration
from views.axes import TimeAxis, ValueAxis
from views.theme import Theme

_ZOOM_STEP = 1.25
_DRAG_THRESHOLD = 4


@dataclass(frozen=True, eq=False)
class Area:
    """One category of a stacked curve; `bytes` has one value per time."""

    name: str
    colour: QColor
    bytes: NDArray[np.int64]


class MemoryChart(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is untyped
    """Wheel with Ctrl zooms, dragging pans, a click chooses a moment; W A S D and F as elsewhere."""

    moment_chosen = Signal(float)  # ns from the first step

    def __init__(
        self,
        theme: Theme,
        time_axis: TimeAxis,
        bytes_axis: ValueAxis,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            parent,
            background=theme.panel,
            axisItems={"bottom": _DurationAxis("bottom"), "left": _BytesAxis("left")},
        )
        self._theme = theme
        self._time_axis = time_axis
        self._bytes_axis = bytes_axis
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
        plot.getAxis("left").setWidth(72)
        self._marker = pg.InfiniteLine(angle=90, movable=False, pen=pg.mkPen(theme.accent, width=1))
        self._peak = pg.InfiniteLine(
            angle=90,
            movable=False,
            pen=pg.mkPen(theme.error, width=1, style=Qt.PenStyle.DashLine),
            label="",
            labelOpts={
                "position": 0.94,
                "color": theme.text,
                "fill": theme.panel,
                "movable": False,
            },
        )
        self._picked_curve = pg.PlotDataItem(
            pen=pg.mkPen(theme.selection, width=2), stepMode="right"
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Memory over time"))
        time_axis.changed.connect(self._follow_time)
        bytes_axis.changed.connect(self._follow_bytes)

    def show_curve(
        self, time_ns: NDArray[Any], areas: Sequence[Area], peak_ns: float, peak_bytes: int
    ) -> None:
        """Draw areas bottom to top; `time_ns` counts from the first step and is ascending."""
        top = np.cumsum([area.bytes for area in areas], axis=0)
        for at in range(len(areas) - 1, -1, -1):
            curve = pg.PlotDataItem(
                np.asarray(time_ns, float),
                top[at].astype(float),
                stepMode="right",
                fillLevel=0.0,
                brush=areas[at].colour,
                pen=pg.mkPen(areas[at].colour.darker(120)),
                name=areas[at].name,
                skipFiniteCheck=True,
            )
            self.addItem(curve)
            curve.setDownsampling(auto=True, method="peak")
            curve.setClipToView(
                True
            )  # only once the plot holds it: pyqtgraph looks for its view box
        self._peak.setValue(peak_ns)
        self._peak.label.setFormat(self.tr("peak {}").format(format_bytes(peak_bytes)))
        self.addItem(self._picked_curve)
        self.addItem(self._peak)
        self.addItem(self._marker)
        self.mark(peak_ns)
        self._bytes_axis.include(float(peak_bytes))
        self._follow_time()
        self._follow_bytes()

    def show_reserved(self, time_ns: NDArray[Any], reserved_bytes: NDArray[Any]) -> None:
        """A dashed line for what the allocator held, in use or not."""
        line = pg.PlotDataItem(
            np.asarray(time_ns, float),
            np.asarray(reserved_bytes, float),
            stepMode="right",
            pen=pg.mkPen(self._theme.text, width=1, style=Qt.PenStyle.DashLine),
            skipFiniteCheck=True,
        )
        self.addItem(line)
        line.setDownsampling(auto=True, method="peak")
        line.setClipToView(True)
        self._bytes_axis.include(float(reserved_bytes.max(initial=0)))
        self._follow_bytes()

    def mark(self, moment_ns: float) -> None:
        """Put the marker at a moment, counted from the first step."""
        self._marker.setValue(moment_ns)

    def show_picked(self, time_ns: NDArray[Any], picked_bytes: NDArray[Any]) -> None:
        """Draw the bytes that belong to the selection; empty arrays draw nothing."""
        self._picked_curve.setData(np.asarray(time_ns, float), np.asarray(picked_bytes, float))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        factor = _ZOOM_STEP ** (event.angleDelta().y() / 120)
        self._time_axis.zoom(factor, self._time_at(event.position()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position()
            self._pressed_range = (self._time_axis.begin_ns, self._time_axis.end_ns)
            self._is_dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        moved = event.position().x() - self._press.x()
        self._is_dragging = self._is_dragging or abs(moved) > _DRAG_THRESHOLD
        if self._is_dragging:
            begin, end = self._pressed_range
            shift = moved * (end - begin) / max(self.getViewBox().width(), 1.0)
            self._time_axis.show(begin - shift, end - shift)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None and not self._is_dragging:
            moment_ns = self._time_at(event.position())
            self.mark(moment_ns)
            self.moment_chosen.emit(moment_ns)
        self._press = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        axis = self._time_axis
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
            event.ignore()
        else:
            action()

    def _time_at(self, position: QPointF) -> float:
        return float(self.getViewBox().mapSceneToView(self.mapToScene(position.toPoint())).x())

    def _follow_time(self) -> None:
        self.setXRange(self._time_axis.begin_ns, self._time_axis.end_ns, padding=0)

    def _follow_bytes(self) -> None:
        self.setYRange(0, max(self._bytes_axis.maximum, 1.0) * 1.12, padding=0)


class _DurationAxis(pg.AxisItem):  # type: ignore[misc]
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [format_duration(value) for value in values]


class _BytesAxis(pg.AxisItem):  # type: ignore[misc]
    """Ticks at binary steps."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        spacing = 2.0 ** np.ceil(np.log2(max(high - low, 1.0) / max(size / 45, 1)))
        first = np.ceil(low / spacing) * spacing
        return [(spacing, np.arange(first, high, spacing).tolist())]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [format_bytes(value) for value in values]
