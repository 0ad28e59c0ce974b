"""What persons write about one column's profile, while they write it."""

import getpass
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from profilers.profile import Note, Pin, node_pin

Entry = tuple[int, Note]


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
        return sorted({note.node for note in self._notes.values() if note.node >= 0})

    @property
    def is_changed(self) -> bool:
        """Whether there is something that no saved file holds."""
        return self.all != self._saved

    def entries(self) -> list[Entry]:
        """Keys and notes."""
        return list(self._notes.items())

    def of_node(self, node: int) -> list[Entry]:
        return [(key, note) for key, note in self._notes.items() if note.node == node]

    def of_pin(self, pin: Pin) -> list[Entry]:
        """Each note before its answers."""
        return threaded([(key, note) for key, note in self._notes.items() if note.pin == pin])

    def add(self, node: int, text: str) -> int:
        """The key of the new note on a node."""
        return self.pin(node_pin(node), text)

    def pin(self, pin: Pin, text: str) -> int:
        """The key of the new note on whatever can be noted; a bookmark without text."""
        node, row, begin_ns, end_ns = pin
        note = Note(node, text, self.author, time.time_ns(), row, begin_ns, end_ns, _new_id())
        return self.take(note)

    def answer(self, key: int, text: str) -> int:
        """The key of the new note that answers another."""
        asked = self._notes[key]
        if not asked.id:  # written by a version that did not answer
            asked = self._notes[key] = replace(asked, id=_new_id())
        answer = replace(asked, text=text, author=self.author, id=_new_id(), answer_to=asked.id)
        return self.take(replace(answer, written_unix_ns=time.time_ns()))

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

    def mark_saved(self, saved: Iterable[Note] | None = None) -> None:
        """A file now holds these, or all of them."""
        self._saved = self.all if saved is None else tuple(saved)


def threaded(entries: Iterable[Entry]) -> list[Entry]:
    """The same notes in their order, but each followed by its answers."""
    entries = list(entries)
    ids = {note.id for _, note in entries if note.id}
    answers: dict[str, list[Entry]] = {}
    opened: list[Entry] = []
    for entry in entries:
        asked = entry[1].answer_to
        answers.setdefault(asked, []).append(entry) if asked in ids else opened.append(entry)
    found: list[Entry] = []
    waiting = opened[::-1]
    while waiting:
        entry = waiting.pop()
        found.append(entry)
        waiting += answers.pop(entry[1].id, [])[::-1] if entry[1].id else []
    return found + [entry for circle in answers.values() for entry in circle]


def _new_id() -> str:
    return uuid.uuid4().hex


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # such as in a container without user names
        return ""
