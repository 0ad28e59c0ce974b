"""A drawing and its side pane, which keeps its share of the width until the person moves it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

_SHARE, _MOST_SHARE, _MOST_FOR_TABS = 0.3, 0.45, 0.55
_NARROWEST, _WIDEST = 230, 260


class SideSplit(QSplitter):
    """Beside another column a pane as wide as its content would leave no room for the drawing.

    The titles of its tabs are whole where half of the width is enough for them.
    """

    def __init__(self, drawing: QWidget, side: QTabWidget, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        side.setMinimumWidth(1)  # else its tabs ask for more than the share
        self.addWidget(drawing)
        self.addWidget(side)
        self._side = side
        self.setStretchFactor(0, 1)
        self._was_moved = False
        self.splitterMoved.connect(self._keep)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._was_moved:
            side = min(max(round(_SHARE * self.width()), _NARROWEST), _WIDEST)
            side = min(side, round(_MOST_SHARE * self.width()))
            titles = self._side.tabBar().sizeHint().width()
            side = max(side, min(titles, round(_MOST_FOR_TABS * self.width())))
            self.setSizes([self.width() - side, side])

    def _keep(self) -> None:
        self._was_moved = True
