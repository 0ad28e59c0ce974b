"""When the window keeps its own work back, so that a capture has the processors to itself."""

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs import Job
from profilers.worker_process import Progress

_MEASURING = ("warm-up", "measure", "profile", "turns")
LONGEST_MS = 20_000  # of one quiet time: whoever looks at other columns shall not wait for minutes


class QuietTime(QObject):
    """Begins when the steps of a capture that is watched begin, ends with them.

    `changed` tells whether it is quiet.
    """

    changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._measuring: Job | None = None
        self._ended: Job | None = None  # whose quiet time was ended before its steps
        self._limit = QTimer(self, singleShot=True, interval=LONGEST_MS)
        self._limit.timeout.connect(self.end)

    @property
    def is_quiet(self) -> bool:
        return self._measuring is not None

    def watch(self, job: Job) -> None:
        job.progressed.connect(lambda event: self._follow(job, event))
        job.done.connect(lambda _: self.leave(job))
        job.failed.connect(lambda _: self.leave(job))

    def end(self) -> None:
        """Let the window work again, whatever is being measured."""
        if self._measuring is not None:
            self._ended, self._measuring = self._measuring, None
            self._limit.stop()
            self.changed.emit(False)

    def leave(self, job: Job) -> None:
        """The job is over or given up."""
        if self._measuring is job:
            self.end()

    def _follow(self, job: Job, event: object) -> None:
        if not isinstance(event, Progress):
            return
        if event.stage.partition(":")[0] not in _MEASURING:
            self.leave(job)
        elif self._measuring is None and self._ended is not job:
            self._measuring = job
            self._limit.start()
            self.changed.emit(True)
