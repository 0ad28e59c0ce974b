"""What the colours of the graph stand for, in one line."""

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from views.graph.drawing.look import Legend
from views.theme import Theme

_SWATCH, _GAP, _BAR = 10, 6, 120


class LegendBar(QWidget):
    """Swatches with their words, or a scale between its two ends."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._legend = Legend(())
        self.setMinimumWidth(1)  # rather cut than widen the column

    def show_legend(self, legend: Legend, note: str = "") -> None:
        """`note` stands behind it."""
        self._legend, self._note = legend, note
        self.setAccessibleName(self.text())
        self.setToolTip(self.text())
        self.update()

    def text(self) -> str:
        """What it says, in words."""
        words = " … " if self._legend.is_scale else ", "
        said = words.join(text for _, text in self._legend.entries)
        return f"{said}  {self._note}".rstrip()

    def sizeHint(self) -> QSize:
        return QSize(100, self.fontMetrics().height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._theme.text)
        if self._legend.is_scale:
            self._paint_scale(painter)
        else:
            self._paint_swatches(painter)

    def _paint_scale(self, painter: QPainter) -> None:
        (cold, low), (hot, high) = self._legend.entries
        x = self._paint_word(painter, _GAP, low)
        bar = QRectF(x, (self.height() - _SWATCH) / 2, _BAR, _SWATCH)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        gradient.setColorAt(0.0, cold)
        gradient.setColorAt(1.0, hot)
        painter.fillRect(bar, gradient)
        painter.setPen(self._theme.grid)
        painter.drawRect(bar)
        painter.setPen(self._theme.text)
        x = self._paint_word(painter, x + _BAR + _GAP, high)
        painter.setPen(self._theme.muted)
        self._paint_word(painter, x + _GAP, self._note)

    def _paint_swatches(self, painter: QPainter) -> None:
        x = float(_GAP)
        for colour, word in self._legend.entries:
            box = QRectF(x, (self.height() - _SWATCH) / 2, _SWATCH, _SWATCH)
            painter.fillRect(box, colour)
            x = self._paint_word(painter, x + _SWATCH + 4, word) + _GAP
        painter.setPen(self._theme.muted)
        self._paint_word(painter, x, self._note)

    def _paint_word(self, painter: QPainter, x: float, word: str) -> float:
        """Gives where the next one begins."""
        metrics = painter.fontMetrics()
        baseline = (self.height() + metrics.ascent() - metrics.descent()) / 2
        painter.drawText(int(x), int(baseline), word)
        return x + metrics.horizontalAdvance(word) + _GAP
