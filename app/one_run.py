"""One model runs at a time: two at once would falsify each other's times."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.jobs import Job
from profilers.worker_process import Progress


class OneRun:
    """Whose turn it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def alone(self, job: Job) -> Iterator[None]:
        """While no other model runs; until then the job tells that it waits."""
        while not self._lock.acquire(timeout=0.1):
            job.report(Progress("waiting", 0.0))
        try:
            yield
        finally:
            self._lock.release()
