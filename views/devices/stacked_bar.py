"""A horizontal bar of coloured shares."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from profilers.units import format_duration, format_percent
from views.theme import Theme

_MARGIN = 5  # px left free beside a text


@dataclass(frozen=True)
class Part:
    title: str
    duration_ns: int
    colour: QColor


class StackedBar(QWidget):
    """Each part is as wide as its share; texts show where they fit."""

    def __init__(self, theme: Theme, parts: Sequence[Part], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts = tuple(parts)
        self._total_ns = max(sum(part.duration_ns for part in parts), 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(", ".join(self._text(part) for part in parts))

    def sizeHint(self) -> QSize:
        return QSize(200, self.fontMetrics().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        left = 0.0
        for part in self._parts:
            width = self.width() * part.duration_ns / self._total_ns
            box = QRectF(left, 0, width, self.height())
            left += width
            painter.fillRect(box, part.colour)
            painter.setPen(self._theme.text_on(part.colour))
            for text in (self._text(part), format_percent(part.duration_ns / self._total_ns)):
                if self.fontMetrics().horizontalAdvance(text) + 2 * _MARGIN <= width:
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
                    break
        painter.setPen(self._theme.grid)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _text(self, part: Part) -> str:
        return f"{part.title} {format_duration(part.duration_ns)}"
