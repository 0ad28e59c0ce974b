"""Bytes alive over time, stacked by group, on axes shared with other columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from profilers.analysis.memory.stack import MemoryStack, highest_moments, levels_at
from profilers.profile.table import Float64, Int64
from profilers.units import format_bytes
from views.axes import TimeAxis, ValueAxis
from views.memory.time_plot import TimePlot
from views.theme import Theme

_ROOM = 1.12  # above the highest value, for the peak's label
_SHADE = 50  # alpha of a picked time range
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Line:
    """A level from each time on, drawn above the areas."""

    time_ns: Int64  # since the profile's start
    bytes: Int64
    pen: object


class MemoryChart(TimePlot):
    """Draws as many steps as it has pixel columns; in each the highest total is the one shown."""

    def __init__(
        self,
        theme: Theme,
        time_axis: TimeAxis,
        bytes_axis: ValueAxis,
        origin_ns: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, time_axis, parent)
        self._theme = theme
        self._origin_ns = origin_ns
        self._bytes_axis = bytes_axis
        self._stack: MemoryStack | None = None
        self._lines: list[tuple[Line, pg.PlotCurveItem]] = []
        self.areas: list[pg.PlotCurveItem] = []
        self._end_ns = 0
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
        self._picked = Line(_NONE, _NONE, pg.mkPen(theme.selection, width=2))
        self._picked_item = self._new_line(self._picked)
        shade = QColor(theme.selection)
        shade.setAlpha(_SHADE)
        self.range_shade = pg.LinearRegionItem(movable=False, brush=shade, pen=pg.mkPen(None))
        self.range_shade.hide()
        for item in (self._picked_item, self._peak, self._marker, self.range_shade):
            item.setZValue(100)
            self.addItem(item)
        self.setAccessibleName(self.tr("Memory over time"))
        bytes_axis.changed.connect(self._follow_bytes)
        self.getViewBox().sigResized.connect(self._draw)

    @property
    def picked(self) -> Line:
        """The bytes that belong to the selection."""
        return self._picked

    def show_stack(
        self, stack: MemoryStack, colours: Sequence[QColor], end_ns: int, peak_text: str
    ) -> None:
        """Draw the groups, the first one lowest, to `end_ns` after the profile's start.

        `peak_text` has a place, ``{}``, for the bytes at the highest moment.
        """
        for item in self.areas:
            self.removeItem(item)
        self._stack, self._end_ns = stack, end_ns
        self.areas = [
            pg.PlotCurveItem(
                stepMode="right",
                fillLevel=0.0,
                brush=colour,
                pen=pg.mkPen(colour.darker(120)),
                skipFiniteCheck=True,
            )
            for colour in colours
        ]
        for depth, item in enumerate(self.areas):
            item.setZValue(-depth)  # each area reaches down to zero, behind those below it
            self.addItem(item)
        self._peak.setValue(stack.total.peak_ns - self._origin_ns)
        self._peak.label.setFormat(peak_text.format(format_bytes(stack.total.peak_bytes)))
        self.follow_time()
        self._hold_highest()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw what the allocator itself counted."""
        for _, item in self._lines:
            self.removeItem(item)
        self._lines = [(line, self._new_line(line)) for line in lines]
        for _, item in self._lines:
            self.addItem(item)
            item.setZValue(50)
        self._draw()
        self._hold_highest()

    def mark(self, time_ns: int) -> None:
        """Put the marker at a time since the profile's start."""
        self._marker.setValue(time_ns - self._origin_ns)

    def show_picked(self, time_ns: Int64, picked_bytes: Int64) -> None:
        """Draw the bytes that belong to the selection; empty arrays draw nothing."""
        self._picked = Line(time_ns, picked_bytes, self._picked.pen)
        self._draw()

    def shade_range(self, range_ns: tuple[int, int] | None) -> None:
        """Show a picked time range, in times since the profile's start."""
        self.range_shade.setVisible(range_ns is not None)
        if range_ns is not None:
            self.range_shade.setRegion([time_ns - self._origin_ns for time_ns in range_ns])

    def follow_time(self) -> None:
        super().follow_time()
        self._draw()

    def _new_line(self, line: Line) -> pg.PlotCurveItem:
        return pg.PlotCurveItem(pen=line.pen, stepMode="right", skipFiniteCheck=True)

    def _draw(self) -> None:
        """Fill the items for the visible range."""
        if self._stack is None:
            return
        edges = self._edges()
        total = self._stack.total
        moments = highest_moments(total.time_ns, total.total_bytes, edges + self._origin_ns)
        tops = np.cumsum(self._stack.levels(moments), axis=0, dtype=np.float64)
        for item, top in zip(self.areas, tops, strict=True):
            item.setData(edges, np.append(top, top[-1:]))
        for line, item in (*self._lines, (self._picked, self._picked_item)):
            _fill(item, line, edges, self._origin_ns)

    def _edges(self) -> Float64:
        """Where pixel columns begin, and where the last ends: no later than the trace."""
        axis = self._time_axis
        begin = max(axis.begin_ns, -self._origin_ns)
        end = max(min(axis.end_ns, self._end_ns - self._origin_ns), begin + 1)
        shown = (end - begin) / max(axis.end_ns - axis.begin_ns, 1.0)
        columns = max(int(self.getViewBox().width() * shown), 1)
        edges: NDArray[np.float64] = np.linspace(begin, end, columns + 1)
        return edges

    def _hold_highest(self) -> None:
        tops = [int(line.bytes.max(initial=0)) for line, _ in self._lines]
        if self._stack is not None:
            tops.append(self._stack.total.peak_bytes)
        self._bytes_axis.hold(self, float(max(tops, default=0)))
        self._follow_bytes()

    def _follow_bytes(self) -> None:
        self.setYRange(0, max(self._bytes_axis.maximum, 1.0) * _ROOM, padding=0)


def _fill(item: pg.PlotCurveItem, line: Line, edges: Float64, origin_ns: int) -> None:
    if not len(line.time_ns):
        item.setData([], [])
        return
    moments = highest_moments(line.time_ns, line.bytes, edges + origin_ns)
    levels = levels_at(line.time_ns, line.bytes, moments).astype(np.float64)
    item.setData(edges, np.append(levels, levels[-1:]))
