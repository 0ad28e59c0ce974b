"""Finding slices by name: ``/`` opens the field, Enter and Shift+Enter step through what it found."""

import re
from functools import cached_property
from typing import Any

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from profilers.profile import Profile
from profilers.profile.table import Int64
from views.timeline.find_bar import FindBar

Flags = np.ndarray[Any, np.dtype[np.bool_]]


class NameIndex:
    """Finds slices by the words of their names; case does not matter.

    Names are searched as one text, slices are only counted until their rows are asked for: with ten
    million slices each letter typed takes milliseconds.
    """

    def __init__(self, profile: Profile) -> None:
        self._slices = profile.trace.slices
        names = [name.lower().replace("\n", " ") for name in profile.strings]
        self._text = "\n".join(names)
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        self._begin = np.concatenate(([0], np.cumsum(lengths + 1)))[:-1]
        self._count = np.bincount(self._slices.name, minlength=len(names))

    def matching(self, text: str) -> Flags:
        """For each name whether it holds every word."""
        words = text.lower().split()
        is_match = np.full(len(self._begin), bool(words))
        for word in words:
            found = re.finditer(re.escape(word), self._text)
            at = np.fromiter((each.start() for each in found), np.int64)
            holds = np.zeros(len(is_match), bool)
            holds[np.searchsorted(self._begin, at, "right") - 1] = True
            is_match &= holds
        return is_match

    def count(self, is_match: Flags) -> int:
        return int(self._count[is_match].sum())

    def rows(self, is_match: Flags) -> Int64:
        """The slices of these names in time order."""
        rows = np.flatnonzero(is_match[self._slices.name])
        return rows[np.argsort(self._slices.start_ns[rows], kind="stable")]


class SearchField(FindBar):
    """Emits `found` with a slice's row for each step, `closed` on Escape."""

    found = Signal(int)

    def __init__(self, profile: Profile, parent: QWidget | None = None) -> None:
        title = QCoreApplication.translate("SearchField", "Find slices by name")
        super().__init__(title, title, parent)
        self._profile = profile
        self._is_match: Flags = np.empty(0, bool)
        self._found = 0
        self._rows: Int64 | None = None  # of what was found, once they are stepped through
        self._at = -1
        self.field.textChanged.connect(self._search)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F3):
            self.step(_direction(event))
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
            self.closed.emit()
        event.accept()  # letters typed here are no commands of the timeline

    @cached_property
    def _index(self) -> NameIndex:
        return NameIndex(self._profile)

    def _search(self, text: str) -> None:
        self._is_match = self._index.matching(text)
        self._found = self._index.count(self._is_match)
        self._rows = None
        self._at = -1
        self._show_count()

    def step(self, direction: int) -> None:
        """To the next (1) or previous (-1) of what was found, around the ends."""
        if not self._found:
            return
        if self._rows is None:
            self._rows = self._index.rows(self._is_match)
        first = 0 if direction > 0 else self._found - 1
        self._at = first if self._at < 0 else (self._at + direction) % self._found
        self._show_count()
        self.found.emit(int(self._rows[self._at]))

    def _show_count(self) -> None:
        if not self.field.text().strip():
            self._count.setText("")
        elif not self._found:
            self._count.setText(self.tr("nothing found"))
        elif self._at < 0:
            self._count.setText(self.tr("{} found").format(f"{self._found:,}"))
        else:
            self._count.setText(self.tr("{} of {}").format(f"{self._at + 1:,}", f"{self._found:,}"))


def _direction(event: QKeyEvent) -> int:
    return -1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
