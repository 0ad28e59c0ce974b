"""Where the figures come from, in the room that is left."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from views.theme import Theme

_WIDEST = 170


class SourceLabel(QWidget):
    """Cut off where it does not fit; the whole text shows under the pointer."""

    def __init__(self, text: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text[:1].upper() + text[1:]
        self._theme = theme
        self.setToolTip(self._text)
        self.setAccessibleName(self._text)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(min(metrics.horizontalAdvance(self._text) + 8, _WIDEST), metrics.height() + 6)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._theme.muted)
        box = self.rect().adjusted(4, 0, -4, 0)
        text = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
