"""Find as you type: a field, what was found, and steps through it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from profilers.errors import TwinscopeError
from views.theme import Theme

Search = Callable[[str], Sequence[int]]


class FindField(QWidget):
    """`found` carries all rows, `reached` the one that was stepped to.

    Enter and Shift+Enter step on and back, Escape leaves the field.
    """

    found = Signal(list)
    reached = Signal(int)
    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._search: Search = lambda text: ()
        self._rows: list[int] = []
        self._at = -1
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find: words, op:conv, time>5%  (Ctrl+F)"))
        self.field.setToolTip(
            self.tr(
                "Words match name, operator and scope. Filters: op:conv  name:…  scope:…  "
                "kind:input  dtype:float16  shape:64  time>5%  time>1ms  memory>10MB  flops>1G  "
                "has:note  fused:yes;  a leading - excludes."
            )
        )
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName(self.tr("Find nodes"))
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._look)
        self.count = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)

    def search_by(self, search: Search) -> None:
        """Ask this from now on, for the same text."""
        self._search = search
        self._look(self.field.text())

    def take_focus(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._step(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _look(self, text: str) -> None:
        error = ""
        try:
            self._rows = list(self._search(text)) if text.strip() else []
        except TwinscopeError as refused:
            self._rows, error = [], str(refused)
        self._at = -1
        self.count.setText(error or (f"{len(self._rows):,}" if text.strip() else ""))
        colour = self._theme.error if error else self._theme.text
        self.count.setStyleSheet(f"color: {colour.name()}")
        self.found.emit(self._rows)
        if self._rows:
            self._step(1)

    def _step(self, by: int) -> None:
        if not self._rows:
            return
        first = 0 if by > 0 else len(self._rows) - 1
        self._at = first if self._at < 0 else (self._at + by) % len(self._rows)
        self.count.setText(f"{self._at + 1:,} / {len(self._rows):,}")
        self.reached.emit(self._rows[self._at])
