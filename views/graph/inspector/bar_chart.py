"""A small chart of bars with its scale below."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from views.graph.inspector.section import Bars
from views.theme import Theme

_HEIGHT, _GAP = 34, 1.0


class BarChart(QWidget):
    """Bars grow from zero; the highest fills the chart."""

    def __init__(self, bars: Bars, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars = bars
        self._theme = theme
        self.setToolTip(bars.tip)
        self.setAccessibleName(bars.tip)
        self.setMinimumHeight(self.sizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(80, _HEIGHT + self.fontMetrics().height() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        values = self._bars.values
        highest = max(values, default=0.0) or 1.0
        step = self.width() / max(len(values), 1)
        gap = _GAP if step > 3 * _GAP else 0.0
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, value in enumerate(values):
            height = value / highest * (_HEIGHT - 2)
            if value > 0:
                height = max(height, 1.0)  # what is there must be seen
            bar = QRectF(at * step, _HEIGHT - height, step - gap, height)
            painter.fillRect(bar, self._theme.accent)
        painter.setPen(self._theme.grid)
        painter.drawLine(0, _HEIGHT, self.width(), _HEIGHT)
        painter.setPen(self._theme.muted)
        metrics = painter.fontMetrics()
        baseline = _HEIGHT + metrics.ascent() + 1
        painter.drawText(0, baseline, self._bars.low)
        right = self.width() - metrics.horizontalAdvance(self._bars.high)
        painter.drawText(right, baseline, self._bars.high)
