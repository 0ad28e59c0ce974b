"""How a step changes with the size of the inputs: a small chart and the numbers."""

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from profilers.analysis.sweep import sweep_rows
from profilers.profile import Profile
from profilers.units import format_bytes, format_duration
from views.theme import Theme

_CHART_WIDTH, _CHART_HEIGHT = 250, 110
_TITLE, _FOOT, _SIDE, _DOT = 18, 18, 26, 3.0
_LATENCY_HUE, _THROUGHPUT_HUE = 212, 140


class SweepSection(QWidget):
    """For each axis two charts and a table."""

    def __init__(self, profile: Profile, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        self.rows = sweep_rows(profile)
        for axis in dict.fromkeys(row["axis"] for row in self.rows):
            rows = [row for row in self.rows if row["axis"] == axis]
            heading = QLabel(self._title(axis))
            font = heading.font()
            font.setBold(True)
            heading.setFont(font)
            layout.addWidget(heading)
            line = QHBoxLayout()
            line.addWidget(self._latency(rows, theme))
            line.addWidget(self._throughput(rows, theme))
            line.addLayout(self._table(rows, theme))
            line.addStretch()
            layout.addLayout(line)

    def _title(self, axis: str) -> str:
        known = {"batch": self.tr("Batch size"), "sequence": self.tr("Sequence length")}
        return self.tr("{}: steps without the profiler").format(known.get(axis, axis))

    def _latency(self, rows: Sequence[dict[str, Any]], theme: Theme) -> "LineChart":
        points = [(str(row["size"]), row["median_ns"]) for row in rows]
        colour = theme.hue_colour(_LATENCY_HUE)
        return LineChart(self.tr("Step time"), points, format_duration, colour, theme)

    def _throughput(self, rows: Sequence[dict[str, Any]], theme: Theme) -> "LineChart":
        points = [(str(row["size"]), row["per_second"]) for row in rows]
        colour = theme.hue_colour(_THROUGHPUT_HUE)
        return LineChart(self.tr("Samples per second"), points, _per_second, colour, theme)

    def _table(self, rows: Sequence[dict[str, Any]], theme: Theme) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(1)
        headings = (
            self.tr("Size"), self.tr("Step, median"), self.tr("p95"),
            self.tr("Samples per second"), self.tr("Peak memory"),
        )  # fmt: skip
        for column, text in enumerate(headings):
            grid.addWidget(_cell(text, theme.muted), 0, column)
        for line, row in enumerate(rows, 1):
            grid.addWidget(_cell(f"{row['size']:,}", theme.text), line, 0)
            if row["problem"]:
                problem = _cell(f"⚠ {row['problem']}", theme.warning)
                problem.setAlignment(Qt.AlignmentFlag.AlignLeft)
                grid.addWidget(problem, line, 1, 1, len(headings) - 1)
                continue
            for column, text in enumerate(_texts(row), 1):
                grid.addWidget(_cell(text, theme.text), line, column)
        grid.setRowStretch(len(rows) + 1, 1)
        return grid


class LineChart(QWidget):
    """Values over evenly spaced sizes, from zero; a size without a value leaves a gap."""

    def __init__(
        self,
        title: str,
        points: Sequence[tuple[str, float | None]],
        format_value: Any,
        colour: QColor,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._title = title
        self._points = points
        self._format = format_value
        self._colour = colour
        self._theme = theme
        self.setFixedSize(_CHART_WIDTH, _CHART_HEIGHT)
        told = ", ".join(f"{size}: {format_value(value)}" for size, value in points if value)
        self.setAccessibleName(f"{title}: {told}")
        self.setToolTip(told)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(_SIDE, _TITLE, -_SIDE, -_FOOT)
        highest = max((value for _, value in self._points if value), default=0.0)
        painter.setPen(self._theme.muted)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.9)
        painter.setFont(font)
        told = self.tr("{}, up to {}").format(self._title, self._format(highest))
        title = told if highest else self._title
        painter.drawText(QPointF(2, _TITLE - 6), title)
        painter.setPen(self._theme.grid)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.topLeft(), area.topRight())
        if highest:
            self._draw_line(painter, area, highest)

    def _draw_line(self, painter: QPainter, area: QRectF, highest: float) -> None:
        last: QPointF | None = None
        for at, (size, value) in enumerate(self._points):
            x = area.left() + area.width() * (at / max(len(self._points) - 1, 1))
            painter.setPen(self._theme.muted)
            box = QRectF(x - _SIDE, area.bottom() + 2, 2 * _SIDE, _FOOT)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, size)
            place = (
                None
                if value is None
                else QPointF(x, area.bottom() - area.height() * value / highest)
            )
            painter.setPen(QPen(self._colour, 2))
            if place is not None and last is not None:
                painter.drawLine(last, place)
            if place is not None:
                painter.setBrush(self._colour)
                painter.drawEllipse(place, _DOT, _DOT)
            last = place


def _texts(row: dict[str, Any]) -> tuple[str, ...]:
    per_second, peak = row["per_second"], row["peak_bytes"]
    return (
        format_duration(row["median_ns"]),
        format_duration(row["p95_ns"]),
        "" if per_second is None else _per_second(per_second),
        "" if peak is None else format_bytes(peak),
    )


def _per_second(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _cell(text: str, colour: QColor) -> QLabel:
    label = QLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), colour)
    label.setPalette(palette)
    return label
