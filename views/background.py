"""Work for a view on a thread of its own: the latest that was asked for wins."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, Signal

logger = logging.getLogger(__name__)

Work = Callable[[], object]


class Latest(QObject):
    """Emits `arrived` with the result of the latest work, and nothing for what came before it.

    One piece of work runs at a time; of those asked for meanwhile only the last is begun. Work that
    raises ends in `failed` with the error. A view that is destroyed takes this object with it, and
    waits for nothing.
    """

    arrived = Signal(object)
    failed = Signal(object)
    _ended = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._is_running = False
        self._next: Work | None = None
        self._is_dropped = False
        self._ended.connect(self._end)

    @property
    def is_waiting(self) -> bool:
        """True while a result is to arrive."""
        return self._is_running

    def ask(self, work: Work) -> None:
        if self._is_running:
            self._next = work
        else:
            self._begin(work)

    def drop(self) -> None:
        """Emit nothing any more: the view is about to go."""
        self._is_dropped = True

    def _begin(self, work: Work) -> None:
        self._is_running = True
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def _run(self, work: Work) -> None:
        result: object = None
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:
            logger.exception("work for a view failed")
            failure = error
        with suppress(RuntimeError):  # the view was closed meanwhile
            self._ended.emit(result, failure)

    def _end(self, result: object, failure: Exception | None) -> None:
        self._is_running = False
        work, self._next = self._next, None
        if self._is_dropped:
            return
        if work is not None:
            self._begin(work)
        elif failure is not None:
            self.failed.emit(failure)
        else:
            self.arrived.emit(result)
