"""Find as you type: a field that completes filters, what was found, and steps through it."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QStringListModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLabel, QLineEdit, QWidget

from profilers.analysis.nodes.query import QueryError, parse
from profilers.analysis.nodes.search import NodeSearch
from views.theme import Theme


class FindField(QWidget):
    """`found` carries all nodes of the stage, `reached` the one that was stepped to.

    Enter and Shift+Enter step on and back, Escape leaves the field.
    """

    found = Signal(list)
    reached = Signal(int)
    left = Signal()

    def __init__(
        self, theme: Theme, noted: Callable[[], Sequence[int]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._noted = noted
        self._search: NodeSearch | None = None
        self._rows: list[int] = []
        self._at = -1
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Find: words, op:conv, time>5%  (Ctrl+F)"))
        self.field.setToolTip(
            self.tr(
                "Words match name, operator and scope. Filters: op:conv  name:…  scope:…  "
                "kind:input  dtype:float16  shape:64  device:…  source:model.py  time>5%  time>1ms  "
                "memory>10MB  flops>1G  params>1M  calls>10  has:note  fused:yes;  "
                "a leading - excludes, or stands between alternatives."
            )
        )
        self.field.setClearButtonEnabled(True)
        self.field.setAccessibleName(self.tr("Find nodes"))
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._look)
        self.field.textEdited.connect(self._offer)
        self._offers = QStringListModel(self)
        self._completer = QCompleter(self._offers, self)
        self._completer.setWidget(self.field)
        self._completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self._completer.activated[str].connect(self._complete)  # type: ignore[index]
        self.count = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.count)

    def search_in(self, search: NodeSearch) -> None:
        """Look there from now on, for the same text."""
        self._search = search
        self._look(self.field.text())

    def take_focus(self) -> None:
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.step(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _look(self, text: str) -> None:
        error = ""
        self._rows = []
        try:
            if self._search is not None and text.strip():
                self._rows = self._search.rows(parse(text), self._noted()).tolist()
        except QueryError as refused:
            error = refused.sentence
        self._at = -1
        self.count.setText(error or (f"{len(self._rows):,}" if text.strip() else ""))
        palette = QPalette(self.palette())
        colour = self._theme.error if error else self._theme.text
        palette.setColor(QPalette.ColorRole.WindowText, colour)
        self.count.setPalette(palette)
        self.found.emit(self._rows)
        if self._rows:
            self.step(1)

    def step(self, by: int) -> None:
        """To the next (1) or previous (-1) of what was found, around the ends."""
        if not self._rows:
            return
        first = 0 if by > 0 else len(self._rows) - 1
        self._at = first if self._at < 0 else (self._at + by) % len(self._rows)
        self.count.setText(f"{self._at + 1:,} / {len(self._rows):,}")
        self.reached.emit(self._rows[self._at])

    def _offer(self, text: str) -> None:
        """Completions of the filter that is being typed."""
        cursor = self.field.cursorPosition()
        typed = text[:cursor].rpartition(" ")[2].removeprefix("-")
        offers = self._search.completions(text, cursor) if self._search and typed else []
        if ":" not in typed and all(not offer.startswith(typed) for offer in offers):
            offers = []
        self._offers.setStringList([each for each in offers if each != typed])
        if offers:
            self._completer.setCompletionPrefix("")
            self._completer.complete()
        elif (popup := self._completer.popup()) is not None:
            popup.hide()

    def _complete(self, offer: str) -> None:
        text, cursor = self.field.text(), self.field.cursorPosition()
        begin = text[:cursor].rfind(" ") + 1
        self.field.setText(text[:begin] + offer + text[cursor:])
        self.field.setCursorPosition(begin + len(offer))
