"""Progress on a terminal; silent elsewhere."""

import sys
from types import TracebackType

from profilers.worker_process import Log, Progress

_WIDTH = 30


class ProgressBar:
    """One line on stderr that follows a capture's stages."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._is_live = self._stream.isatty()

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the line away, so that others can be written."""
        if self._is_live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def on_event(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.show(event.stage, event.fraction)

    def show(self, label: str, fraction: float) -> None:
        if self._is_live:
            filled = round(min(max(fraction, 0.0), 1.0) * _WIDTH)
            bar = "█" * filled + "░" * (_WIDTH - filled)
            self._stream.write(f"\r\x1b[K{label:<9} {bar} {fraction:4.0%}")
            self._stream.flush()
