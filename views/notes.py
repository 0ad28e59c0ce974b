"""What persons write about nodes of one column's graph, while they write it."""

import getpass
import time
from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from profilers.profile import Note


class Notes(QObject):
    """The notes of one column, each under a key that it keeps until it is removed.

    The profile itself stays as it was read; `all` goes into the next snapshot. `author` signs what
    is added: at first the name that the person logged in with.
    """

    changed = Signal()

    def __init__(self, notes: Iterable[Note] = (), parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notes: dict[int, Note] = dict(enumerate(notes))
        self._next_key = len(self._notes)
        self._saved = self.all
        self.author = _login_name()

    @property
    def all(self) -> tuple[Note, ...]:
        """In the order in which they were added."""
        return tuple(self._notes.values())

    @property
    def nodes(self) -> list[int]:
        """The nodes with notes, rising."""
        return sorted({note.node for note in self._notes.values()})

    @property
    def is_changed(self) -> bool:
        """Whether there is something that no saved file holds."""
        return self.all != self._saved

    def entries(self) -> list[tuple[int, Note]]:
        """Keys and notes."""
        return list(self._notes.items())

    def of_node(self, node: int) -> list[tuple[int, Note]]:
        return [(key, note) for key, note in self._notes.items() if note.node == node]

    def add(self, node: int, text: str) -> int:
        """The key of the new note."""
        return self.take(Note(node, text, self.author, time.time_ns()))

    def take(self, note: Note) -> int:
        """Add a note as it is, such as one from another file; its key."""
        key = self._next_key
        self._next_key += 1
        self._notes[key] = note
        self.changed.emit()
        return key

    def edit(self, key: int, text: str) -> None:
        note = self._notes[key]
        if text != note.text:
            self._notes[key] = replace(note, text=text, written_unix_ns=time.time_ns())
            self.changed.emit()

    def remove(self, key: int) -> None:
        del self._notes[key]
        self.changed.emit()

    def mark_saved(self) -> None:
        """A file now holds them all."""
        self._saved = self.all


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # such as in a container without user names
        return ""
