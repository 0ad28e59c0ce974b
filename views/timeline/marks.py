"""Marked time ranges: one that the next mark replaces, and those to be kept until removed."""

from PySide6.QtCore import QObject, Signal

TimeRange = tuple[int, int]


class Marks(QObject):
    """Ranges are profile times in ns, begin before end."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.passing: TimeRange | None = None
        self.kept: list[TimeRange] = []

    def mark(self, time_range: TimeRange | None) -> None:
        """Mark until the next mark; None takes the mark away."""
        self.passing = time_range
        self.changed.emit()

    def toggle_kept(self, time_range: TimeRange) -> None:
        """Keep a mark, or remove it where it is kept already."""
        if time_range in self.kept:
            self.kept.remove(time_range)
        else:
            self.kept.append(time_range)
            self.passing = None
        self.changed.emit()

    def remove(self, time_range: TimeRange) -> None:
        if time_range in self.kept:
            self.kept.remove(time_range)
        if time_range == self.passing:
            self.passing = None
        self.changed.emit()

    def clear(self) -> None:
        self.passing = None
        self.kept.clear()
        self.changed.emit()

    @property
    def all(self) -> list[TimeRange]:
        return self.kept if self.passing is None else [*self.kept, self.passing]
