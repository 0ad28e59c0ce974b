"""Axes that columns share: the same row in two columns moves together unless unlinked."""

from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

_SHORTEST_NS = 10.0
_MOST_KEPT = 100
_SAME_SPAN = 1e-6  # relative: moving alone leaves no more than rounding


class TimeAxis(QObject):
    """The visible time range, in ns from the first step's start of each profile."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.begin_ns = 0.0
        self.end_ns = 1e9
        self._full = (0.0, 1e9)
        self._before: list[tuple[float, float]] = []  # what zooming left, the last one last
        self._zooms_in: bool | None = None  # the way of zooming that goes on step by step

    def take_extent(self, begin_ns: float, end_ns: float) -> None:
        """Set the full extent; what is shown stays."""
        self._full = (float(begin_ns), float(max(end_ns, begin_ns + _SHORTEST_NS)))

    def fit(self) -> None:
        self.show(*self._full)

    def show(self, begin_ns: float, end_ns: float) -> None:
        """Show a range, kept within twice the full extent and above a shortest span."""
        self._take(begin_ns, end_ns, None)

    def zoom(self, factor: float, at_ns: float) -> None:
        """Zoom in for `factor` > 1, keeping `at_ns` where it is."""
        begin_ns = at_ns - (at_ns - self.begin_ns) / factor
        self._take(begin_ns, at_ns + (self.end_ns - at_ns) / factor, factor > 1)

    def undo_zoom(self) -> None:
        """Show what was shown before the last zoom; steps one way in a row are one zoom."""
        if self._before:
            before, self._zooms_in = self._before.pop(), None
            self._set(*before)

    def forget(self) -> None:
        """Have nothing to go back to."""
        self._before, self._zooms_in = [], None

    def follow(self, other: "TimeAxis") -> None:
        """Show what another axis shows, and go back as it would."""
        self._before, self._zooms_in = list(other._before), other._zooms_in
        self._set(other.begin_ns, other.end_ns)

    def show_from(self, share: float) -> None:
        """Move, without zooming, so far through the full extent: 0 to its begin, 1 to its end."""
        span, (begin, end) = self.end_ns - self.begin_ns, self._full
        begin += share * (end - begin - span)
        self.show(begin, begin + span)

    def pan(self, share: float) -> None:
        """Move by a share of the visible span; positive shows later times."""
        span = self.end_ns - self.begin_ns
        self.show(self.begin_ns + share * span, self.end_ns + share * span)

    def _take(self, begin_ns: float, end_ns: float, zooms_in: bool | None) -> None:
        before, span = (self.begin_ns, self.end_ns), self.end_ns - self.begin_ns
        goes_on = zooms_in is not None and zooms_in == self._zooms_in
        self._zooms_in = zooms_in
        shown = self._within(begin_ns, end_ns)
        if abs(shown[1] - shown[0] - span) > _SAME_SPAN * span and not goes_on:
            self._before = [*self._before[1 - _MOST_KEPT :], before]
        self._set(*shown)

    def _within(self, begin_ns: float, end_ns: float) -> tuple[float, float]:
        span = min(max(end_ns - begin_ns, _SHORTEST_NS), 2 * (self._full[1] - self._full[0]))
        middle = min(max((begin_ns + end_ns) / 2, self._full[0]), self._full[1])
        return middle - span / 2, middle + span / 2

    def _set(self, begin_ns: float, end_ns: float) -> None:
        if (begin_ns, end_ns) != (self.begin_ns, self.end_ns):
            self.begin_ns, self.end_ns = begin_ns, end_ns
            self.changed.emit()


class TimeAxes(QObject):
    """One time axis per column: together they show the same range, apart each its own."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_together = True
        self._extents: dict[TimeAxis, tuple[float, float] | None] = {}
        self._last_moved: TimeAxis | None = None
        self._is_following = False

    def add(self) -> TimeAxis:
        axis = TimeAxis(self)
        axis.changed.connect(lambda: self._follow(axis))
        self._extents[axis] = None
        return axis

    def remove(self, axis: TimeAxis) -> None:
        del self._extents[axis]
        if self._last_moved is axis:
            self._last_moved = None
        axis.deleteLater()
        self._share_extents()

    def extend(self, axis: TimeAxis, begin_ns: float, end_ns: float) -> None:
        """Give a column its profile's extent, and show all of it."""
        self._extents[axis] = (begin_ns, end_ns)
        self._share_extents()
        axis.fit()
        axis.forget()
        self._follow(axis)

    def set_together(self, together: bool) -> None:
        """Together, all axes show what was moved last; apart, each stays where it is."""
        self.is_together = together
        self._share_extents()
        if self._last_moved is not None:
            self._follow(self._last_moved)

    def _share_extents(self) -> None:
        """The full extent is that of all columns together, or of each alone."""
        known = [extent for extent in self._extents.values() if extent is not None]
        if not known:
            return
        whole = (min(begin for begin, _ in known), max(end for _, end in known))
        for axis, extent in self._extents.items():
            axis.take_extent(*(whole if self.is_together else extent or whole))

    def _follow(self, moved: TimeAxis) -> None:
        if self._is_following:
            return
        self._last_moved = moved
        self._is_following = True
        try:
            for axis in self._extents if self.is_together else ():
                axis.follow(moved)
        finally:
            self._is_following = False


class ValueAxis(QObject):
    """What memory charts share: an upper bound that holds every one of them, and what all leave out."""

    changed = Signal()  # the bound
    parts_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._values: WeakKeyDictionary[QObject, float] = WeakKeyDictionary()
        self.hidden: frozenset[str] = frozenset()

    @property
    def maximum(self) -> float:
        return max(self._values.values(), default=0.0)

    def hold(self, chart: QObject, value: float) -> None:
        """Have room for the highest value of a chart, in place of the one it told before."""
        before = self.maximum
        self._values[chart] = value
        if self.maximum != before:
            self.changed.emit()

    def toggle(self, part: str) -> None:
        """Leave a part out of all charts, or show it again."""
        self.hidden ^= {part}
        self.parts_changed.emit()
