"""Several buttons and choices as one stop of the Tab key: arrows go from one to the next."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QWidget

ARROW_STEPS = {
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
}
_OF_A_CHOICE = (Qt.Key.Key_Up, Qt.Key.Key_Down)
_CHANGES = (QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.EnabledChange)


class OneStop(QObject):
    """Tab reaches the widget that was used last; where that cannot be used, the first that can.

    A combo box keeps the keys that change it.
    """

    def __init__(self, widgets: Sequence[QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._widgets = list(widgets)
        self._last: QObject | None = None
        for widget in self._widgets:
            widget.installEventFilter(self)
        self._choose()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self._last = watched
            self._choose()
        elif event.type() in _CHANGES:
            self._choose()
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = _step(watched, event)
            return bool(step) and self._go(watched, step)
        return False

    @property
    def _usable(self) -> list[QWidget]:
        return [each for each in self._widgets if each.isVisible() and each.isEnabled()]

    def _choose(self) -> None:
        usable = self._usable
        stop = self._last if self._last in usable else next(iter(usable), None)
        for widget in self._widgets:
            is_stop = widget is stop
            widget.setFocusPolicy(
                Qt.FocusPolicy.StrongFocus if is_stop else Qt.FocusPolicy.ClickFocus
            )

    def _go(self, watched: QObject, step: int) -> bool:
        """To the next one that can be used; at the ends it stays."""
        usable = self._usable
        at = usable.index(watched) + step if watched in usable else -1
        if 0 <= at < len(usable):
            reason = (
                Qt.FocusReason.TabFocusReason if step > 0 else Qt.FocusReason.BacktabFocusReason
            )
            usable[at].setFocus(reason)
        return True


def _step(watched: QObject, event: QKeyEvent) -> int:
    key = Qt.Key(event.key())
    if event.modifiers() or (isinstance(watched, QComboBox) and key in _OF_A_CHOICE):
        return 0
    return ARROW_STEPS.get(key, 0)
