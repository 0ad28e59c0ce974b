"""One worker process: what it is sent, what it tells, its limits, and its end for certain."""

import json
import logging
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from profilers import errors
from profilers.compiled import compiling_held
from profilers.errors import Cancelled, CaptureFailed, TwinscopeError
from profilers.request import RunRequest

logger = logging.getLogger(__name__)

_POLL_S = 0.1
_KEPT_LOG_LINES = 200
_SHOWN_LOG_LINES = 20
_MEMORY_SHARE = 0.8


@dataclass(frozen=True)
class Progress:
    """Where a capture stands: one of `profilers.runtimes.measure.STAGES` and its fraction."""

    stage: str
    fraction: float


@dataclass(frozen=True)
class Log:
    text: str


OnEvent = Callable[[Progress | Log], None]


class WorkerProcess:
    """One worker process; `capture` may be called again as long as it is alive.

    Its temporary files are in `place`, which goes with it.
    """

    def __init__(
        self, package: Path, environment: Mapping[str, str], key: object, place: Path
    ) -> None:
        self.key = key
        self._place = place
        self._stage = ""  # of the run that goes on
        self._log: deque[str] = deque(maxlen=_KEPT_LOG_LINES)
        self._events: queue.Queue[dict[str, Any] | Progress | Log | None] = queue.Queue()
        root = Path(__file__).parent.parent
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-u", "-m", "profilers.worker", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **environment, "PYTHONPATH": str(package)},
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_log, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def import_ahead(self, mode_id: str) -> None:
        """Let it import what the next capture in this mode takes."""
        self._send({"import": mode_id})

    def capture(
        self,
        request: RunRequest,
        folder: Path,
        on_event: OnEvent,
        cancelled: threading.Event,
        enough: threading.Event,
    ) -> None:
        """See `Launcher.capture`."""
        self._log.clear()
        self._send({"request": request.to_json(), "folder": str(folder.resolve())})
        self._follow("done", request, on_event, cancelled, enough)
        if enough.is_set():  # who knows in what state the framework was interrupted
            self.kill()

    def hold(
        self, request: RunRequest, folder: Path, on_event: OnEvent, cancelled: threading.Event
    ) -> None:
        """Load and warm up a model, and keep it ready for `measure`. Raises as `capture` does."""
        self._log.clear()
        job = {"request": request.to_json(), "folder": str(folder.resolve()), "hold": True}
        self._send(job)
        self._follow("held", request, on_event, cancelled)

    def measure(
        self, count: int, request: RunRequest, cancelled: threading.Event
    ) -> tuple[list[int], float]:
        """Durations in ns of further steps of the model that is held for `request`.

        And the share of their time that they waited for a processor.
        """
        self._send({"measure": count})
        told = self._follow("measured", request, lambda event: None, cancelled)
        return [int(each) for each in told["ns"]], float(told["waited"])

    @compiling_held()
    def _follow(
        self,
        until: str,
        request: RunRequest,
        on_event: OnEvent,
        cancelled: threading.Event,
        enough: threading.Event | None = None,
    ) -> dict[str, Any]:
        """The event that was waited for."""
        is_ending, self._stage = False, ""
        memory_limit = request.memory_limit_bytes or int(
            _MEMORY_SHARE * psutil.virtual_memory().total
        )
        last_sign = last_check = time.monotonic()
        while True:
            try:
                event = self._events.get(timeout=_POLL_S)
            except queue.Empty:
                event = Log("")
            if cancelled.is_set():
                self.kill()
                raise Cancelled("The capture was cancelled")
            if enough is not None and enough.is_set() and not is_ending:
                is_ending = True
                self._send({"end": "sweep"})
            now = time.monotonic()
            if now - last_check >= _POLL_S:
                last_check = now
                self._check_limits(request, memory_limit, now - last_sign)
            if event is None:
                raise self._death()
            if isinstance(event, Progress):
                last_sign, self._stage = now, event.stage
                self._pass_on(event, on_event)
            elif isinstance(event, Log):
                if event.text:
                    self._pass_on(event, on_event)
            elif event["event"] == until:
                return event
            else:
                raise self._told(event)

    def _pass_on(self, event: Progress | Log, on_event: OnEvent) -> None:
        """To a caller that may raise, and then follows no more: the next one is to hear of its own run."""
        try:
            on_event(event)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process and everything it started."""
        _kill_tree(self._process.pid)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # unsent input of a process that is gone
                    logger.debug("closing a pipe of a dead worker failed", exc_info=True)
        for reader in self._readers:
            reader.join(timeout=5)
        shutil.rmtree(self._place, ignore_errors=True)

    def _send(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._death() from None

    def _check_limits(self, request: RunRequest, memory_limit: int, silent_s: float) -> None:
        if silent_s > request.limit_s:
            self.kill()
            raise CaptureFailed(
                "The capture was ended",
                f"the model gave no sign of progress for {request.limit_s:.0f} s",
                "Raise the time limit if the model is just slow, or use smaller inputs.",
                self._log_tail(),
            )
        used = _resident_bytes(self._process.pid)
        if used > memory_limit:
            self.kill()
            raise CaptureFailed(
                "The model ran out of memory",
                f"its process held {used / 2**30:.1f} GiB, more than the limit of "
                f"{memory_limit / 2**30:.1f} GiB",
                "Try a smaller batch or input, or raise the memory limit.",
                self._log_tail(),
            )

    def _death(self) -> CaptureFailed:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            status = -signal.SIGKILL
        self.kill()
        return CaptureFailed(
            "The model's process ended before the capture was done",
            _why_it_died(status) + (f", in the stage “{self._stage}”" if self._stage else ""),
            "Nothing else was affected; the details hold its last log lines.",
            self._log_tail(),
        )

    def _told(self, event: dict[str, Any]) -> TwinscopeError:
        kind = getattr(errors, str(event.get("kind")), CaptureFailed)
        what, why, remedy = (str(event.get(key, "")) for key in ("what", "why", "remedy"))
        detail = "\n".join(
            part for part in (str(event.get("detail", "")), self._log_tail()) if part
        )
        error: TwinscopeError = kind(what, why, remedy, detail)
        return error

    def _log_tail(self) -> str:
        return "\n".join(list(self._log)[-_SHOWN_LOG_LINES:])

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._events.put(_parse_event(line))
        except ValueError:  # closed by kill()
            pass
        self._events.put(None)

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        try:
            for line in self._process.stderr:
                self._log.append(line.rstrip("\n"))
                self._events.put(Log(line.rstrip("\n")))
        except ValueError:  # closed by kill()
            pass


def _parse_event(line: str) -> dict[str, Any] | Progress | Log:
    """One line of the pipe; what is not an event of ours is a log line."""
    try:
        event = json.loads(line)
        if event["event"] == "progress":
            return Progress(str(event["stage"]), float(event["fraction"]))
        if event["event"] == "log":
            return Log(str(event["text"]))
        is_error = event["event"] == "error" and "what" in event
        if is_error or event["event"] in ("done", "held", "measured"):
            return dict(event)
    except (ValueError, KeyError, TypeError):
        pass
    return Log(line.rstrip("\n"))


def _resident_bytes(pid: int) -> int:
    """Resident bytes of a process and its descendants; 0 when it is gone."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:
        pass
    return total


def _kill_tree(pid: int) -> None:
    """Kill a process, its descendants, and what else is left in its process group."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        family = []
    if hasattr(os, "killpg"):
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            logger.debug("process group %d is gone", pid)
    for each in family:
        try:
            each.kill()
        except psutil.Error:
            logger.debug("process %d is gone", each.pid)
    try:
        psutil.Process(pid).kill()
    except psutil.Error:
        logger.debug("process %d is gone", pid)
    psutil.wait_procs(family, timeout=5)


def _why_it_died(status: int) -> str:
    if status >= 0:
        return f"it exited by itself with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
    if name == "SIGKILL":
        return "the system killed it (SIGKILL), most likely because memory ran out"
    return f"it crashed with {name}"
