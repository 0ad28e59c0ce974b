"""A column's title while the person writes another one."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from shiboken6 import isValid


class TitleField(QLineEdit):
    """Return takes the new title; Escape, or going elsewhere, leaves the old one. Hidden before and after."""

    renamed = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Title of the column"))
        self.setMaxLength(200)
        self.returnPressed.connect(self._take)
        self._before: QWidget | None = None  # had the keys
        self.hide()

    def begin(self, title: str) -> None:
        self._before = QApplication.focusWidget()
        self.setText(title)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._give_back()
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:  # its own menu
            self._leave()

    def _take(self) -> None:
        title = self.text().strip()
        self._give_back()
        self.renamed.emit(title)

    def _give_back(self) -> None:
        before, self._before = self._before, None
        self._leave()
        if before is not None and isValid(before) and before.isVisible():
            before.setFocus()

    def _leave(self) -> None:
        if not self.isHidden():
            self.hide()
            self.left.emit()
