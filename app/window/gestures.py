"""What is neither a key sequence nor a click: Shift twice, a mouse's buttons for back and forward, drops."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, Qt
from PySide6.QtGui import QDropEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.window.drop_mark import DropMark


class Gestures(QObject):
    """Watches the program's events while `window` is the active one.

    Files that are dropped anywhere on it are its own: fields and charts would take them as text.
    """

    def __init__(
        self,
        window: QWidget,
        shift_twice: Callable[[], object],
        buttons: Mapping[Qt.MouseButton, Callable[[], object]],
        dropped: Callable[[Sequence[Path]], object],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._shift_twice = shift_twice
        self._buttons = buttons
        self._dropped = dropped
        self._drop_mark = DropMark(window)
        self._since_shift = QElapsedTimer()  # runs from a lone press of Shift on
        application = QApplication.instance()
        assert application is not None
        application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(watched, QWidget) or watched.window() is not self._window:
            return False
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            is_passed_on = watched is not (QApplication.focusWidget() or self._window)
            return not is_passed_on and self._press(event)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonPress:
            self._since_shift.invalidate()
            act = self._buttons.get(event.button())
            if act is not None:
                act()
                return True
        if event.type() == QEvent.Type.DragLeave:  # also between one widget and the next
            self._drop_mark.hide()
        return isinstance(event, QDropEvent) and self._drop(event)

    def _drop(self, event: QDropEvent) -> bool:
        """Also told while it is dragged, to say that it is welcome."""
        urls = event.mimeData().urls()
        files = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
        if not files:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.DragEnter:
            self._drop_mark.show_files(files)
        elif event.type() == QEvent.Type.Drop:
            self._drop_mark.hide()
            self._dropped(files)
        return True

    def _press(self, event: QKeyEvent) -> bool:
        is_shift = event.key() == Qt.Key.Key_Shift and not event.isAutoRepeat()
        is_second = is_shift and self._since_shift.isValid()
        if is_second and self._since_shift.elapsed() <= QApplication.doubleClickInterval():
            self._since_shift.invalidate()
            self._shift_twice()
            return True
        if is_shift:
            self._since_shift.start()
        else:
            self._since_shift.invalidate()
        return False
