"""Puts notes on disk soon after they are written, so that a crash loses none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.autosave import Autosave
from app.document import Document
from app.jobs import Job

_WAIT_MS = 1500  # after the last letter typed

Start = Callable[[Job, Callable[[Any], object]], None]


class NoteKeeper(QObject):
    """Autosaves one document with its notes, in the background."""

    def __init__(
        self, document: Document, autosave: Autosave, start: Start, is_open: Callable[[], bool]
    ) -> None:
        super().__init__(document)
        self._document = document
        self._autosave = autosave
        self._start = start
        self._is_open = is_open
        self._timer = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._timer.timeout.connect(self._store)
        document.notes_changed.connect(self._timer.start)

    def _store(self) -> None:
        document, autosave = self._document, self._autosave
        if not self._is_open() or not document.notes.is_changed:
            return
        if document.is_busy:  # writing would falsify what is being measured
            self._timer.start()
            return
        profile, stored = document.profile, document.profile_with_notes()

        def keep(path: Path) -> None:
            is_wanted = (
                self._is_open() and document.profile is profile and document.notes.is_changed
            )
            if is_wanted:
                document.keep_unsaved(path)
            else:
                path.unlink(missing_ok=True)

        self._start(Job(lambda job: autosave.store(stored)), keep)
