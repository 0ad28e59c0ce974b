"""What shows, while files are dragged over the window, that letting go opens them."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget

from profilers.visible_text import visible

_NAMES = 4
_EDGE = 4  # pixels
_VEIL = 230  # alpha, of 255


class DropMark(QWidget):
    """Lies over all of `window`; drags and clicks reach what is below it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._window = window
        self.text = ""
        self.hide()

    def show_files(self, files: Sequence[Path]) -> None:
        names = [visible(path.name) for path in files[:_NAMES]]
        if len(files) > _NAMES:
            names.append(self.tr("and %n more", "", len(files) - _NAMES))
        self.text = "\n".join([self.tr("Drop to open"), "", *names])
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self.palette()
        veil = QColor(palette.color(QPalette.ColorRole.Window))
        veil.setAlpha(_VEIL)
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), veil)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), _EDGE))
            half = _EDGE / 2
            painter.drawRect(QRectF(self.rect()).adjusted(half, half, -half, -half))
            font = self.font()
            font.setPointSizeF(font.pointSizeF() * 1.6)
            painter.setFont(font)
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text)
