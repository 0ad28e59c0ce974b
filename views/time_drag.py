"""What dragging with the mouse does where time runs from left to right."""

from collections.abc import Callable
from enum import Enum, auto

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent

from views.axes import TimeAxis

_THRESHOLD = 4  # pixels; less is a click
_MARGIN = 0.02  # of a range that was zoomed to


class Way(Enum):
    """What dragging does."""

    MEASURE = auto()
    ZOOM = auto()
    MOVE = auto()


class TimeDrag(QObject):
    """Dragging measures a time range; with Ctrl it zooms to it; with Shift, or the middle button, it moves.

    `plain` is what it does without any of these. Times count from the first step. `time_at` tells that
    of a place across the widget.
    """

    changed = Signal()  # the range that is being dragged over
    measured = Signal(float, float)

    def __init__(self, axis: TimeAxis, time_at: Callable[[float], float], parent: QObject) -> None:
        super().__init__(parent)
        self._axis = axis
        self._time_at = time_at
        self.plain = Way.MEASURE
        self._way: Way | None = None
        self._press = self._at = QPointF()
        self._pressed_ns = 0.0
        self._pressed_axis = (0.0, 0.0)
        self._is_dragging = self._can_click = False
        self.range_ns: tuple[float, float] | None = None

    @property
    def is_pressed(self) -> bool:
        return self._way is not None

    @property
    def moved_down(self) -> float | None:
        """Pixels that all is being moved down by; None where nothing is moved."""
        is_moving = self._way is Way.MOVE and self._is_dragging
        return self._at.y() - self._press.y() if is_moving else None

    def press(self, event: QMouseEvent) -> None:
        self._way = self._way_of(event)
        is_shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self._can_click = event.button() == Qt.MouseButton.LeftButton and not is_shift
        self._press = self._at = event.position()
        self._pressed_ns = self._time_at(self._press.x())
        self._pressed_axis = (self._axis.begin_ns, self._axis.end_ns)
        self._is_dragging = False

    def move(self, event: QMouseEvent) -> None:
        self._at = event.position()
        moved = self._at - self._press
        self._is_dragging = self._is_dragging or moved.manhattanLength() > _THRESHOLD
        if self._way is None or not self._is_dragging:
            return
        if self._way is Way.MOVE:
            begin, end = self._pressed_axis
            per_pixel = self._time_at(1.0) - self._time_at(0.0)
            self._axis.show(begin - moved.x() * per_pixel, end - moved.x() * per_pixel)
        else:
            low, high = sorted((self._pressed_ns, self._time_at(self._at.x())))
            self.range_ns = (low, high)
            self.changed.emit()

    def release(self) -> bool:
        """End it; whether it was but a click with the left button."""
        way, self._way = self._way, None
        is_click = not self._is_dragging and self._can_click
        dragged, self.range_ns = self.range_ns, None
        if dragged is not None:
            self.changed.emit()
            if way is Way.ZOOM:
                margin = _MARGIN * (dragged[1] - dragged[0])
                self._axis.show(dragged[0] - margin, dragged[1] + margin)
            else:
                self.measured.emit(*dragged)
        return is_click

    def _way_of(self, event: QMouseEvent) -> Way | None:
        if event.button() == Qt.MouseButton.MiddleButton:
            return Way.MOVE
        if event.button() != Qt.MouseButton.LeftButton:
            return None
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            return Way.MOVE
        is_control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        return Way.ZOOM if is_control else self.plain
