"""Jobs that run, and those that nobody waits for but whose work has not ended yet."""

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.jobs import Job
from profilers.errors import TwinscopeError

_LONGEST_END_S = 10.0  # of all of them, when the program ends


class RunningJobs(QObject):
    """Lives on the thread of the window and never blocks it before `end`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._awaited: set[Job] = set()
        self._leaving: set[Job] = set()

    def __len__(self) -> int:
        return len(self._awaited)

    def start(
        self,
        job: Job,
        on_done: Callable[[Any], object],
        on_failed: Callable[[TwinscopeError], object],
    ) -> None:
        def finish(result: object) -> None:
            self._forget(job)
            on_done(result)

        def fail(error: TwinscopeError) -> None:
            self._forget(job)
            on_failed(error)

        self._awaited.add(job)
        job.done.connect(finish)
        job.failed.connect(fail)
        job.start()
        self.changed.emit()

    def give_up(self, job: Job) -> None:
        """Let a job end in the background; what it still reports is dropped."""
        job.drop()
        self._leaving = {each for each in (*self._leaving, job) if each.is_running}
        self._awaited.discard(job)
        self.changed.emit()

    def end(self) -> None:
        """Give all up and wait for them, but not for long."""
        for job in list(self._awaited):
            self.give_up(job)
        until = time.monotonic() + _LONGEST_END_S
        for job in self._leaving:
            job.wait(max(until - time.monotonic(), 0.0))
        self._leaving.clear()

    def _forget(self, job: Job) -> None:
        self._awaited.discard(job)
        job.deleteLater()
        self.changed.emit()
