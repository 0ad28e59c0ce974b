"""Operations per second over operations per byte, both on logarithmic axes, below the device's roof."""

import math

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from profilers.analysis.peaks import Peak
from profilers.analysis.roof_points import RoofPoints
from profilers.units import format_count, format_duration, format_percent
from views.focus_frame import FocusFrame
from views.theme import Theme

_LEFT, _RIGHT, _TOP, _BOTTOM = 14, 16, 10, 10  # px around the plot and the texts beside it
_LEAST_RADIUS, _MOST_RADIUS = 3.0, 14.0
_REACH = 6.0  # px beyond a point's edge that still hit it


class RoofPlot(QWidget):
    """Areas of points are shares of the device's time."""

    nodes_picked = Signal(object)

    def __init__(self, theme: Theme, peak: Peak, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._peak = peak
        self._points: RoofPoints | None = None
        self._ringed: set[int] = set()
        self._x = self._y = (0.0, 1.0)  # decades shown
        self.setMinimumHeight(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusFrame(self, theme.accent)
        self.setAccessibleName(self.tr("Roofline"))

    def show_points(self, points: RoofPoints) -> None:
        self._points = points
        tops = [top for _, top, _ in self._roofs()]
        ridges = [top / self._peak.bandwidth for top in tops]
        self._x = _decades(np.append(points.intensity, ridges))
        self._y = _decades(np.append(points.rate, tops))
        self.update()

    def ring(self, nodes: set[int]) -> None:
        self._ringed = nodes
        self.update()

    def place(self, number: int) -> QPointF:
        """Where a point is, in the widget."""
        points = self._points
        assert points is not None
        return self._at(float(points.intensity[number]), float(points.rate[number]))

    def point_at(self, position: QPointF) -> int:
        """The nearest point there, the smaller of two that cover each other; -1 for none."""
        if self._points is None:
            return -1
        found, least = -1, math.inf
        for number, radius in enumerate(self._radii().tolist()):
            gap = self.place(number) - position
            distance = math.hypot(gap.x(), gap.y()) - radius
            if distance <= _REACH and radius <= least:
                found, least = number, radius
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self._theme.panel)
        if self._points is None:
            return
        self._paint_grid(painter)
        self._paint_roof(painter)
        for number, radius in enumerate(self._radii().tolist()):
            fill = self._theme.family_colour(self._points.titles[number])
            fill.setAlpha(190)
            is_ringed = self._is_ringed(number)
            painter.setPen(
                QPen(
                    self._theme.selection if is_ringed else self._edge_of(fill),
                    3 if is_ringed else 1,
                )
            )
            painter.setBrush(fill)
            painter.drawEllipse(self.place(number), radius, radius)

    def _edge_of(self, fill: QColor) -> QColor:
        """Away from the ground, so that no point sinks into it."""
        return fill.lighter(190) if self._theme.is_dark else fill.darker(130)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrows go from one point to the next, from left to right."""
        by = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        points = self._points
        if by is None or points is None or not len(points):
            super().keyPressEvent(event)
            return
        order = np.lexsort((points.rate, points.intensity)).tolist()
        ringed = [at for at, each in enumerate(order) if self._is_ringed(each)]
        here = ringed[0] + by if ringed else 0
        self.nodes_picked.emit(list(points.nodes[order[min(max(here, 0), len(order) - 1)]]))

    def _is_ringed(self, number: int) -> bool:
        assert self._points is not None
        return bool(self._ringed & set(self._points.nodes[number]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self.point_at(event.position())
        if number >= 0 and self._points is not None:
            self.nodes_picked.emit(list(self._points.nodes[number]))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = self.point_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._told(number) if number >= 0 else "", self)
            return True
        return super().event(event)

    def _told(self, number: int) -> str:
        points = self._points
        assert points is not None
        reached = float(points.least_ns[number] / points.time_ns[number])
        lines = (
            points.titles[number] or self.tr("(the model)"),
            self.tr("{} per step, {} of its roof").format(
                format_duration(float(points.time_ns[number])), format_percent(min(reached, 1.0))
            ),
            self.tr("{}, {} FLOP per byte").format(
                format_count(float(points.rate[number]), "FLOP/s"),
                f"{points.intensity[number]:.3g}",
            ),
        )
        return "\n".join(lines)

    def _radii(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        points = self._points
        if points is None or not len(points):
            return np.empty(0)
        shares = points.time_ns / points.time_ns.max()
        radii: np.ndarray[tuple[int], np.dtype[np.float64]] = np.maximum(
            _MOST_RADIUS * np.sqrt(shares), _LEAST_RADIUS
        )
        return radii

    def _plot(self) -> QRectF:
        metrics = self.fontMetrics()
        left = _LEFT + metrics.horizontalAdvance("100 GFLOP/s")
        bottom = _BOTTOM + 2 * metrics.height()
        return QRectF(
            left,
            _TOP,
            max(self.width() - left - _RIGHT, 10),
            max(self.height() - _TOP - bottom, 10),
        )

    def _at(self, intensity: float, rate: float) -> QPointF:
        plot = self._plot()
        across = (math.log10(intensity) - self._x[0]) / (self._x[1] - self._x[0])
        up = (math.log10(rate) - self._y[0]) / (self._y[1] - self._y[0])
        return QPointF(plot.left() + across * plot.width(), plot.bottom() - up * plot.height())

    def _paint_grid(self, painter: QPainter) -> None:
        plot = self._plot()
        line = painter.fontMetrics().height()
        for decade in range(math.ceil(self._x[0]), math.floor(self._x[1]) + 1):
            x = self._at(10.0**decade, 10.0 ** self._y[0]).x()
            painter.setPen(self._theme.grid)
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(self._theme.muted)
            box = QRectF(x - 40, plot.bottom() + 6, 80, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, f"{10.0**decade:g}")
        title = QRectF(plot.left(), plot.bottom() + 6 + line, plot.width(), line)
        painter.drawText(title, Qt.AlignmentFlag.AlignHCenter, self.tr("FLOP per byte"))
        for decade in range(math.ceil(self._y[0]), math.floor(self._y[1]) + 1):
            y = self._at(10.0 ** self._x[0], 10.0**decade).y()
            painter.setPen(self._theme.grid)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(self._theme.muted)
            box = QRectF(0, y - line / 2, plot.left() - 6, line)
            text = format_count(10.0**decade, "FLOP/s")
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _roofs(self) -> list[tuple[str, float, Qt.PenStyle]]:
        """What each is called, operations per second, and how it is drawn."""
        float32 = (self.tr("float32"), self._peak.float32, Qt.PenStyle.SolidLine)
        if self._peak.float16 is None:
            return [float32]
        return [(self.tr("16 bits"), self._peak.float16, Qt.PenStyle.DashLine), float32]

    def _paint_roof(self, painter: QPainter) -> None:
        plot, peak = self._plot(), self._peak
        left, right = 10.0 ** self._x[0], 10.0 ** self._x[1]
        painter.save()
        painter.setClipRect(plot)
        for name, top, style in self._roofs():
            ridge = top / peak.bandwidth
            painter.setPen(QPen(self._theme.accent, 2, style))
            painter.drawLine(self._at(left, left * peak.bandwidth), self._at(ridge, top))
            painter.drawLine(self._at(ridge, top), self._at(right, top))
            end = self._at(right, top)
            box = QRectF(end.x() - 204, end.y() + 2, 200, painter.fontMetrics().height())
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, name)
        painter.restore()


def _decades(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    """Whole decades around positive values."""
    return math.floor(math.log10(values.min())), math.ceil(math.log10(values.max()) + 0.05)
