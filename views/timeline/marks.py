"""Marked time ranges: one that the next mark replaces, bookmarks, and what notes are written on."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from profilers.profile import Note, Pin, range_pin
from profilers.profile.trace import Slices
from views.notes import Notes

TimeRange = tuple[int, int]


@dataclass(frozen=True)
class Noted:
    """Where notes with text stand, what they are pinned to and what they say."""

    time_range: TimeRange
    pin: Pin
    texts: tuple[str, ...]


class Marks(QObject):
    """Ranges are profile times in ns, begin before end. Bookmarks are notes without text."""

    changed = Signal()

    def __init__(self, notes: Notes, slices: Slices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.passing: TimeRange | None = None
        self._notes = notes
        self._slices = slices
        notes.changed.connect(self.changed)

    @property
    def kept(self) -> list[TimeRange]:
        """Ranges that have a bookmark or a note."""
        ranges = (note.time_range_ns for note in self._notes.all)
        return list(dict.fromkeys(each for each in ranges if each is not None))

    @property
    def all(self) -> list[TimeRange]:
        kept, passing = self.kept, self.passing
        return kept if passing is None or passing in kept else [*kept, passing]

    @property
    def noted(self) -> list[Noted]:
        """One for each slice or range that notes with text are pinned to."""
        texts: dict[Pin, list[str]] = {}
        ranges: dict[Pin, TimeRange] = {}
        for note in self._notes.all:
            time_range = self._range_of(note)
            if time_range is not None and not note.is_bookmark:
                ranges[note.pin] = time_range
                author = f" — {note.author}" if note.author else ""
                texts.setdefault(note.pin, []).append(note.text.strip() + author)
        return [Noted(ranges[pin], pin, tuple(each)) for pin, each in texts.items()]

    def mark(self, time_range: TimeRange | None) -> None:
        """Mark until the next mark; None takes the mark away."""
        self.passing = time_range
        self.changed.emit()

    def toggle_kept(self, time_range: TimeRange) -> None:
        """Set a bookmark, or remove it where there is one already."""
        if self._bookmarks(time_range):
            self.remove(time_range)
        else:
            self.passing = None
            self._notes.pin(range_pin(*time_range), "")

    def remove(self, time_range: TimeRange) -> None:
        """Take a mark away; what was written stays."""
        if time_range == self.passing:
            self.passing = None
        for key in self._bookmarks(time_range):
            self._notes.remove(key)
        self.changed.emit()

    def clear(self) -> None:
        for time_range in self.all:
            self.remove(time_range)

    def _bookmarks(self, time_range: TimeRange) -> list[int]:
        here = self._notes.of_pin(range_pin(*time_range))
        return [key for key, note in here if note.is_bookmark]

    def _range_of(self, note: Note) -> TimeRange | None:
        if note.slice < 0:
            return note.time_range_ns
        begin_ns = int(self._slices.start_ns[note.slice])
        return begin_ns, begin_ns + int(self._slices.duration_ns[note.slice])
