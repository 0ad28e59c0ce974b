"""Work for a view on a pool thread: the latest that was asked for wins."""

from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal

Work = Callable[[], object]


class Latest(QObject):
    """Emits `arrived` with the result of the latest work, and nothing for what came before it.

    One piece of work runs at a time; of those asked for meanwhile only the last is begun. A view
    that is destroyed takes this object with it, and hears no more.
    """

    arrived = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._running: _Run | None = None
        self._next: Work | None = None

    @property
    def is_waiting(self) -> bool:
        """True while a result is to arrive."""
        return self._running is not None

    def ask(self, work: Work) -> None:
        if self._running is None:
            self._begin(work)
        else:
            self._next = work

    def _begin(self, work: Work) -> None:
        self._running = _Run(work)
        self._running.signals.ended.connect(self._end)
        QThreadPool.globalInstance().start(self._running)

    def _end(self, result: object) -> None:
        self._running = None
        work, self._next = self._next, None
        if work is not None:
            self._begin(work)
        else:
            self.arrived.emit(result)


class _Signals(QObject):
    ended = Signal(object)


class _Run(QRunnable):
    def __init__(self, work: Work) -> None:
        super().__init__()
        self.signals = _Signals()
        self._work = work

    def run(self) -> None:
        result = self._work()
        with suppress(RuntimeError):  # the view was closed meanwhile
            self.signals.ended.emit(result)
