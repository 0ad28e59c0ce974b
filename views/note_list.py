"""A list of notes, each item under the key of its note."""

from collections.abc import Iterable

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from profilers.profile import Note
from views.plain_tooltip import plain_tooltip

_KEY_ROLE = Qt.ItemDataRole.UserRole


class NoteList(QListWidget):
    """Filled without telling anybody; its lines are rather cut than wider than the column."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(1)
        self.delete_key = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self)
        self.delete_key.setContext(Qt.ShortcutContext.WidgetShortcut)

    def fill(self, lines: Iterable[tuple[int, str]], current: int | None) -> None:
        """Exchange the items; the one of the key `current` becomes the current one."""
        self.blockSignals(True)
        self.clear()
        for key, text in lines:
            item = QListWidgetItem(text)
            item.setData(_KEY_ROLE, key)
            item.setToolTip(plain_tooltip(text))
            self.addItem(item)
            if key == current:
                self.setCurrentItem(item)
        self.blockSignals(False)

    @property
    def current_key(self) -> int | None:
        item = self.currentItem()
        return None if item is None else key_of(item)


def key_of(item: QListWidgetItem) -> int:
    return int(item.data(_KEY_ROLE))


def first_line(note: Note) -> str:
    return "★" if note.is_bookmark else note.text.strip().partition("\n")[0]


def signed(note: Note) -> str:
    """Its first line, who wrote it and when."""
    when = ""
    if note.written_unix_ns > 0:
        moment = QDateTime.fromMSecsSinceEpoch(note.written_unix_ns // 1_000_000)
        when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
    signature = ", ".join(part for part in (note.author, when) if part)
    return f"{first_line(note)}\n{signature}" if signature else first_line(note)


def indent(note: Note, ids: set[str]) -> str:
    """What stands before an answer to one of the notes that go by these ids."""
    return "↳ " if note.answer_to and note.answer_to in ids else ""
