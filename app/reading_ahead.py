"""Does what reading a capture takes while the worker is busy with what is not measured."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from profilers.captures.preparing import begin_reading, prepare_reading
from profilers.request import RunRequest
from profilers.runtimes import mode_named
from profilers.worker_process import Log, OnEvent, Progress

_MOST_BYTES = 16 << 20  # of a capture so far: read before the worker measures anything again


class ReadingAhead:
    """Follows the events of one capture, and passes them on.

    What reading takes is loaded once in the life of a program, while the worker imports its framework;
    a small trace is read while the worker writes the graph. No step is measured at either time: a
    capture that measures other sizes afterwards is not read ahead.
    """

    def __init__(self, request: RunRequest, folder: Path, on_event: OnEvent) -> None:
        mode = mode_named(request.mode)
        self.stage = ""  # the worker's last one
        self._family = mode.framework if mode else ""
        self._measures_later = bool(request.sweep)
        self._folder = folder
        self._on_event = on_event
        self._thread = ThreadPoolExecutor(1)
        self._begun: Future[dict[str, Any]] | None = None

    def __enter__(self) -> Self:
        self._thread.submit(prepare_reading, self._family)
        return self

    def __exit__(self, *raised: object) -> None:
        self._thread.shutdown()

    def follow(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.stage = event.stage
            if self._begun is None and event.stage.startswith("write") and self._is_quick():
                self._begun = self._thread.submit(begin_reading, self._family, self._folder)
        self._on_event(event)

    def begun(self) -> dict[str, Any]:
        """What was read already, for `read_capture`."""
        if self._begun is None or self._begun.exception() is not None:
            return {}
        return self._begun.result()

    def _is_quick(self) -> bool:
        written = sum(each.stat().st_size for each in self._folder.glob("*.json"))
        return written <= _MOST_BYTES and not self._measures_later
