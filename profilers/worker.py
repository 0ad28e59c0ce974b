"""The worker end of the pipe: one framework, one capture at a time, JSON lines in and out.

Started as ``python -P -m profilers.worker HIDDEN_ROOT`` with `profilers` alone on its path. Each line
on stdin is a job: ``{"import": MODE}`` imports what the next capture takes;
``{"request": ..., "folder": ...}`` captures; with ``"hold": true`` the model is
loaded and warmed up, and then held for ``{"measure": COUNT}`` jobs, each answered with durations,
until a job that is none; ``{"end": "sweep"}`` ends the measuring of other sizes, if that goes on.
Each line on the real stdout is an event: progress, log, error, held,
measured or done. File descriptor 1 points at stderr, so that a framework's own prints cannot corrupt
the stream.
"""

import _thread
import faulthandler
import gc
import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from profilers.errors import CaptureFailed, ModeUnavailable, TwinscopeError, first_line
from profilers.installing import install_command
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes import RunMode, mode_named
from profilers.runtimes.foreign_names import HideOurNames
from profilers.runtimes.measure import timed_steps
from profilers.runtimes.mode_options import settled
from profilers.runtimes.processor_wait import WAIT_FACT, WaitMeter

_SHORTEST_PROGRESS_GAP_S = 0.05
_OUT_OF_MEMORY = (
    "not enough memory",
    "can't allocate memory",
    "out of memory",
    "bad_alloc",
    "OOM when",
)


class PipeReporter:
    """Writes progress and log events; remembers the stage for error messages.

    `wait` is measured from the first step on.
    """

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe
        self._last_progress = 0.0
        self.stage = "import"
        self.wait: WaitMeter | None = None

    def progress(self, stage: str, fraction: float) -> None:
        now = time.monotonic()
        is_new_stage = stage != self.stage
        if is_new_stage and stage == "warm-up":
            self.wait = WaitMeter()
        self.stage = stage
        if is_new_stage or now - self._last_progress >= _SHORTEST_PROGRESS_GAP_S:
            self._last_progress = now
            self.send({"event": "progress", "stage": stage, "fraction": fraction})

    def log(self, text: str) -> None:
        self.send({"event": "log", "text": text})

    @property
    def runs_alone(self) -> bool:
        return True

    def measuring(self, step: Callable[[], Any]) -> None:
        """A capture measures its own steps alone."""

    def send(self, event: dict[str, Any]) -> None:
        self._pipe.write(json.dumps(event) + "\n")
        self._pipe.flush()


class _LetGo(BaseException):
    """Unwinds a run whose model was held long enough."""


class HoldingReporter(PipeReporter):
    """Holds the model where its steps would be measured, in whatever context it runs them."""

    def __init__(self, pipe: TextIO, jobs: "queue.Queue[dict[str, Any]]") -> None:
        super().__init__(pipe)
        self._jobs = jobs

    def measuring(self, step: Callable[[], Any]) -> None:
        self.send({"event": "held"})
        quiet = PipeReporter(self._pipe)
        while count := int(self._jobs.get().get("measure", 0)):
            wait = WaitMeter()
            taken = timed_steps(step, count, quiet, "round")
            self.send({"event": "measured", "ns": taken, "waited": wait.share() or 0.0})
        raise _LetGo


def main() -> None:
    pipe = _claim_stdout()
    faulthandler.enable(all_threads=False)  # where Python stood in a crash, for its details
    sys.meta_path.insert(0, HideOurNames(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # but for a sweep, see `measure_sweep`
    requests: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    ahead = ImportedAhead()
    while True:
        job = requests.get()
        if "import" in job:
            ahead = ImportedAhead.of(job["import"], PipeReporter(pipe))
            continue
        reporter = HoldingReporter(pipe, requests) if job.get("hold") else PipeReporter(pipe)
        try:
            request = RunRequest.from_json(job["request"])
            capture(request, Path(job["folder"]), reporter, ahead)
            reporter.send({"event": "done"})
        except _LetGo:
            reporter.send({"event": "done"})
        except BaseException as error:  # the pipe is the only way to tell; the loop lives on
            reporter.send(_error_event(error, reporter.stage))
        ahead = ImportedAhead()
        gc.collect()


@dataclass(frozen=True)
class ImportedAhead:
    """What importing a framework took, or raised, before the capture that it is part of."""

    taken_ns: int = 0
    error: BaseException | None = None

    @classmethod
    def of(cls, mode_id: str, report: PipeReporter) -> "ImportedAhead":
        mode = mode_named(mode_id)
        try:
            return cls(_import_framework(mode, report) if mode else 0)
        except BaseException as error:  # the capture tells it
            return cls(error=error)


def capture(request: RunRequest, folder: Path, report: PipeReporter, ahead: ImportedAhead) -> None:
    """Run one request and leave the capture in `folder`.

    Raises
    ------
    ModeUnavailable
        If this interpreter lacks the mode's framework.
    TwinscopeError
        Whatever the runtime raises for this model.
    """
    mode = mode_named(request.mode)
    if mode is None:
        raise ModeUnavailable(f"There is no run mode {request.mode!r}")
    if request.trusted:
        _put_first(request.source_folder, str(Path(request.model_path).resolve().parent))
    request = replace(request, options=settled(mode.options, request.options, mode.title))
    if ahead.error:
        raise ahead.error
    import_ns = ahead.taken_ns + _import_framework(mode, report)
    runtime = importlib.import_module(f"profilers.runtimes.{mode.module}")
    record = runtime.run(request, folder, report)
    record.import_ns = import_ns
    if request.sweep and not record.sweep and not record.diagnostics:
        record.warn(f"{mode.title} does not measure other sizes of the inputs.")
    share = report.wait.share() if report.wait else None
    if share is not None:
        record.facts[WAIT_FACT] = f"{100 * share:.0f} % of the time"
    if request.wants_peaks and mode.is_compared and request.device == "cpu":
        report.progress("peaks", 0.0)
        record.peaks = _peaks(mode, record)
    report.progress("write", 0.0)
    record.write(folder)


def _peaks(mode: RunMode, record: RunRecord) -> dict[str, Any]:
    """What this machine's processors reach with the run's threads; empty where that fails."""
    # Imports numpy, which else takes half of the time until a worker can be asked.
    from profilers.runtimes.machine_peaks import machine_peaks

    told = record.facts.get("Threads", "").partition(" of ")[0]
    threads = int(told) if told.isdigit() else os.cpu_count() or 1
    try:
        return asdict(machine_peaks(mode.framework, threads))
    except Exception as error:  # the capture is there; a roofline is not worth losing it
        record.note(f"What this machine's processors reach was not measured: {error}")
        return {}


def _import_framework(mode: RunMode, report: PipeReporter) -> int:
    """Nanoseconds that importing took; about 0 in a warm worker.

    With the framework come the parts of it that the runtime names as PRELOADED: some frameworks import
    them in the middle of the first step that is profiled.
    """
    report.progress("import", 0.0)
    begin = time.perf_counter_ns()
    for name in mode.requires:
        try:
            _import_first(name.split("|"))
        except ModuleNotFoundError as error:
            raise ModeUnavailable(
                f"{mode.title} cannot run in this Python environment",
                f"importing {name} failed: {error}",
                f"Install it ({install_command([name])}) or choose another mode.",
                traceback.format_exc(),
            ) from error
    runtime = importlib.import_module(f"profilers.runtimes.{mode.module}")
    for name in getattr(runtime, "PRELOADED", ()):
        importlib.import_module(name)
    report.progress("import", 1.0)
    return time.perf_counter_ns() - begin


def _import_first(names: Sequence[str]) -> None:
    """The first of `names` that is installed; ModuleNotFoundError of the last one if none is."""
    *others, last = names
    for name in others:
        try:
            importlib.import_module(name)
            return
        except ModuleNotFoundError:
            continue
    importlib.import_module(last)


def _put_first(*folders: str) -> None:
    """User code comes before everything else on the import path, in the order given."""
    for folder in reversed([each for each in folders if each]):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


def _claim_stdout() -> TextIO:
    """A text stream on the real stdout, while fd 1 goes to stderr."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return pipe


def _read_requests(requests: "queue.Queue[dict[str, Any]]") -> None:
    """Feed the loop; when the launcher is gone, so are we, even in the middle of a step."""
    for line in sys.stdin:
        job = json.loads(line)
        if job.get("end") == "sweep":
            _interrupt()
        else:
            requests.put(job)
    os._exit(0)


def _interrupt() -> None:
    """As Ctrl+C does; by a signal of the system, where there are any, it also ends what waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _error_event(error: BaseException, stage: str) -> dict[str, Any]:
    detail = "".join(traceback.format_exception(error))
    told = error if isinstance(error, TwinscopeError) else _as_capture_failure(error, stage)
    return {
        "event": "error",
        "kind": type(told).__name__,
        "what": told.what,
        "why": told.why,
        "remedy": told.remedy,
        "detail": told.detail or detail,
    }


def _as_capture_failure(error: BaseException, stage: str) -> CaptureFailed:
    text = str(error)
    if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
        return CaptureFailed(
            "The model ran out of memory",
            f"an allocation failed in the stage “{stage}”",
            "Try a smaller batch or input, or a machine with more memory.",
        )
    return CaptureFailed(
        f"The capture failed in the stage “{stage}”",
        f"{type(error).__name__}: {first_line(error)}",
        "The details hold the full traceback.",
    )


if __name__ == "__main__":
    main()
