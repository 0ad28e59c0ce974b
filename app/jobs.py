"""Background work whose result arrives on the GUI thread, or not at all if nobody waits any more."""

import errno
import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from profilers.errors import Cancelled, TwinscopeError

logger = logging.getLogger(__name__)

_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class Job(QObject):
    """One piece of work on a thread of its own.

    `work` takes this job: it reports through `report` and stops when `cancelled` is set; it may come
    to its end sooner, with what it has by then, when `enough` is set. `done`, `failed` (a
    TwinscopeError) and `progressed` are emitted on the thread that made the job; after
    `drop` nothing is.
    """

    progressed = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    _reported = Signal(object)
    _ended = Signal(object, object)

    def __init__(self, work: Callable[["Job"], Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cancelled = threading.Event()
        self.enough = threading.Event()
        self._work = work
        self._is_dropped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._reported.connect(self._deliver_event)
        self._ended.connect(self._deliver_end)

    def start(self) -> "Job":
        self._thread.start()
        return self

    def cancel(self) -> None:
        """Ask the work to stop; it then fails with Cancelled."""
        self.cancelled.set()

    def drop(self) -> None:
        """Cancel, and forget whatever it still reports; it deletes itself when its work ends."""
        self._is_dropped = True
        self.cancel()

    def wait(self, seconds: float) -> None:
        """Until its thread has ended, so long at most."""
        if self._thread.is_alive():
            self._thread.join(timeout=seconds)

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def report(self, event: object) -> None:
        """Called by the work: passes `event` on, or ends the work if it was cancelled."""
        if self.cancelled.is_set():
            raise Cancelled("The work was cancelled")
        self._emit(self._reported, event)

    def _run(self) -> None:
        try:
            result, error = self._work(self), None
        except TwinscopeError as told:
            result, error = None, told
        except Exception as unexpected:
            logger.exception("background work failed")
            result, error = None, _as_told(unexpected)
        self._emit(self._ended, result, error)

    @staticmethod
    def _emit(signal: Any, *values: object) -> None:
        try:
            signal.emit(*values)
        except RuntimeError:  # the window was closed and took this object with it
            logger.debug("result of finished work dropped")

    def _deliver_event(self, event: object) -> None:
        if not self._is_dropped:
            self.progressed.emit(event)

    def _deliver_end(self, result: object, error: TwinscopeError | None) -> None:
        if self._is_dropped:
            self.deleteLater()
            return
        if error is None:
            self.done.emit(result)
        else:
            self.failed.emit(error)


def _as_told(error: Exception) -> TwinscopeError:
    if isinstance(error, OSError) and error.errno in _REFUSED:
        place = f" ({error.filename})" if error.filename else ""
        return TwinscopeError(
            "A file could not be written or read",
            f"{error.strerror}{place}",
            "Make room or get the rights there, and try again.",
            "".join(traceback.format_exception(error)),
        )
    return TwinscopeError(
        "Something unexpected happened",
        f"{type(error).__name__}: {error}",
        "The details would help in a bug report.",
        "".join(traceback.format_exception(error)),
    )
