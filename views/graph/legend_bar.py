"""What the colours of the graph stand for, in as many lines as it needs."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QRectF, QSize
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from views.graph.drawing.look import Legend
from views.theme import Theme

_SWATCH, _GAP, _BAR = 10, 6, 120
_BESIDE = 4  # between a swatch and its word
_Piece = tuple[int, Callable[[QPainter, int, int], None]]  # width; paints itself at x, baseline


class LegendBar(QWidget):
    """Swatches with their words, or a scale between its two ends."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._legend, self._note = Legend(()), ""
        self.setMinimumWidth(1)  # rather cut than widen the column
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_legend(self, legend: Legend, note: str = "") -> None:
        """`note` stands behind it."""
        self._legend, self._note = legend, note
        self.setAccessibleName(self.text())
        self.setToolTip(self.text())
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """What it says, in words."""
        words = " … " if self._legend.is_scale else ", "
        said = words.join(text for _, text in self._legend.entries)
        return f"{said}  {self._note}".rstrip()

    def sizeHint(self) -> QSize:
        return QSize(100, self.heightForWidth(self.width()))

    def heightForWidth(self, width: int) -> int:
        return _lines(self._pieces(), width)[1] * self._line_height

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics, height = self.fontMetrics(), self._line_height
        pieces = self._pieces()
        places, _ = _lines(pieces, self.width())
        for (_, paint), place in zip(pieces, places, strict=True):
            baseline = place.y() * height + (height + metrics.ascent() - metrics.descent()) // 2
            painter.setPen(self._theme.text)
            paint(painter, place.x(), baseline)

    @property
    def _line_height(self) -> int:
        return self.fontMetrics().height() + 6

    def _pieces(self) -> Sequence[_Piece]:
        entries = self._legend.entries
        pieces = [self._scale()] if self._legend.is_scale else [*map(self._swatch, entries)]
        if self._note:
            pieces.append((self._wide(self._note), self._paint_note))
        return pieces

    def _swatch(self, entry: tuple[QColor, str]) -> _Piece:
        colour, word = entry

        def paint(painter: QPainter, x: int, baseline: int) -> None:
            painter.fillRect(self._box(x, baseline, _SWATCH), colour)
            painter.drawText(x + _SWATCH + _BESIDE, baseline, word)

        return _SWATCH + _BESIDE + self._wide(word), paint

    def _scale(self) -> _Piece:
        (cold, low), (hot, high) = self._legend.entries
        to_bar = self._wide(low) + _GAP
        to_high = to_bar + _BAR + _GAP

        def paint(painter: QPainter, x: int, baseline: int) -> None:
            painter.drawText(x, baseline, low)
            painter.drawText(x + to_high, baseline, high)
            bar = self._box(x + to_bar, baseline, _BAR)
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            gradient.setColorAt(0.0, cold)
            gradient.setColorAt(1.0, hot)
            painter.fillRect(bar, gradient)
            painter.setPen(self._theme.grid)
            painter.drawRect(bar)

        return to_high + self._wide(high), paint

    def _paint_note(self, painter: QPainter, x: int, baseline: int) -> None:
        painter.setPen(self._theme.muted)
        painter.drawText(x, baseline, self._note)

    def _box(self, x: int, baseline: int, width: int) -> QRectF:
        """Beside the middle of a word."""
        metrics = self.fontMetrics()
        middle = baseline - (metrics.ascent() - metrics.descent()) / 2
        return QRectF(x, middle - _SWATCH / 2, width, _SWATCH)

    def _wide(self, word: str) -> int:
        return self.fontMetrics().horizontalAdvance(word)


def _lines(pieces: Sequence[_Piece], width: int) -> tuple[list[QPoint], int]:
    """Where each piece begins, y in lines, and how many lines there are."""
    places, x, line = [], _GAP, 0
    for wide, _ in pieces:
        if x > _GAP and x + wide > width:
            x, line = _GAP, line + 1
        places.append(QPoint(x, line))
        x += wide + 2 * _GAP
    return places, line + 1
