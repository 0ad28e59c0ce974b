"""Places of views on the board: what stands there until they are built, and their exchange."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSplitter, QWidget


class RowsArea(QScrollArea):
    """Leaves it to the window what Tab brings into sight."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def focusNextPrevChild(self, is_forward: bool) -> bool:
        return QWidget.focusNextPrevChild(self, is_forward)


class Placeholder(QLabel):
    """Stands where a view was not built yet."""

    def __init__(self) -> None:
        super().__init__()
        self.setText(self.tr("Preparing…"))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumWidth(120)


def holds(area: QWidget | None, widget: QWidget | None) -> bool:
    """Whether a widget is the area or lies in it."""
    return area is not None and widget is not None and (area is widget or area.isAncestorOf(widget))


def exchange(splitter: QSplitter, at: int, widget: QWidget) -> None:
    """Put a widget in another's place and width."""
    sizes = splitter.sizes()
    old = splitter.widget(at)
    splitter.insertWidget(at, widget)
    discard(old)
    widget.show()
    splitter.setSizes(sizes)


def discard(widget: QWidget | None) -> None:
    """Take a widget away at once, and free it later."""
    if widget is not None:
        widget.hide()
        widget.setParent(None)
        widget.deleteLater()
