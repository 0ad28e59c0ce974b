"""Finding slices by name: ``/`` opens the field, Enter and Shift+Enter step through what it found."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from profilers.profile import Profile
from profilers.profile.table import Int64


def find_slices(profile: Profile, text: str) -> Int64:
    """Rows of slices whose names hold every word, in time order; case does not matter."""
    words = text.lower().split()
    if not words:
        return np.empty(0, np.int64)
    slices = profile.trace.slices
    is_match = np.array(
        [all(word in name.lower() for word in words) for name in profile.strings], bool
    )
    rows = np.flatnonzero(is_match[slices.name])
    return rows[np.argsort(slices.start_ns[rows], kind="stable")]


class SearchField(QWidget):
    """Emits `found` with a slice's row for each step, `closed` on Escape."""

    found = Signal(int)
    closed = Signal()

    def __init__(self, profile: Profile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._profile = profile
        self._rows: Int64 = np.empty(0, np.int64)
        self._at = -1
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find slices by name"))
        self.field.setAccessibleName(self.tr("Find slices by name"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._search)
        self._count = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._count)

    @property
    def count_text(self) -> str:
        return self._count.text()

    def open(self) -> None:
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            goes_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._step(-1 if goes_back else 1)
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
            self.closed.emit()
        event.accept()  # letters typed here are no commands of the timeline

    def _search(self, text: str) -> None:
        self._rows = find_slices(self._profile, text)
        self._at = -1
        self._show_count()

    def _step(self, direction: int) -> None:
        if not len(self._rows):
            return
        first = 0 if direction > 0 else len(self._rows) - 1
        self._at = first if self._at < 0 else (self._at + direction) % len(self._rows)
        self._show_count()
        self.found.emit(int(self._rows[self._at]))

    def _show_count(self) -> None:
        if not self.field.text().strip():
            self._count.setText("")
        elif not len(self._rows):
            self._count.setText(self.tr("nothing found"))
        elif self._at < 0:
            self._count.setText(self.tr("{} found").format(len(self._rows)))
        else:
            self._count.setText(self.tr("{} of {}").format(self._at + 1, len(self._rows)))
