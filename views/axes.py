"""Axes that columns share: the same row in two columns moves together unless unlinked."""

from PySide6.QtCore import QObject, Signal

_SHORTEST_NS = 10.0


class TimeAxis(QObject):
    """The visible time range, in ns from the first step's start of each profile."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.begin_ns = 0.0
        self.end_ns = 1e9
        self._full = (0.0, 1e9)
        self._has_extent = False

    def include(self, begin_ns: float, end_ns: float) -> None:
        """Widen the full extent to hold another profile, and show all of it."""
        if self._has_extent:
            begin_ns, end_ns = min(begin_ns, self._full[0]), max(end_ns, self._full[1])
        self._has_extent = True
        self._full = (float(begin_ns), float(max(end_ns, begin_ns + _SHORTEST_NS)))
        self.fit()

    def fit(self) -> None:
        self.show(*self._full)

    def show(self, begin_ns: float, end_ns: float) -> None:
        """Show a range, kept within twice the full extent and above a shortest span."""
        span = min(max(end_ns - begin_ns, _SHORTEST_NS), 2 * (self._full[1] - self._full[0]))
        middle = min(max((begin_ns + end_ns) / 2, self._full[0]), self._full[1])
        begin, end = middle - span / 2, middle + span / 2
        if (begin, end) != (self.begin_ns, self.end_ns):
            self.begin_ns, self.end_ns = begin, end
            self.changed.emit()

    def zoom(self, factor: float, at_ns: float) -> None:
        """Zoom in for `factor` > 1, keeping `at_ns` where it is."""
        self.show(at_ns - (at_ns - self.begin_ns) / factor, at_ns + (self.end_ns - at_ns) / factor)

    def pan(self, share: float) -> None:
        """Move by a share of the visible span; positive shows later times."""
        span = self.end_ns - self.begin_ns
        self.show(self.begin_ns + share * span, self.end_ns + share * span)


class ValueAxis(QObject):
    """A shared upper bound, such as the memory scale of two curves."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.maximum = 0.0

    def include(self, value: float) -> None:
        if value > self.maximum:
            self.maximum = value
            self.changed.emit()
