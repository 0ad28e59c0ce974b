"""Our end of the worker pipe: starts workers in the right environment and keeps them warm."""

import logging
import os
import shutil
import tempfile
import threading
from importlib import import_module
from pathlib import Path

from profilers.compiled import cache_folder
from profilers.errors import Cancelled, CaptureFailed, ModeUnavailable
from profilers.kept_caches import bound
from profilers.request import PEAKS_FILE, RunRequest
from profilers.runtimes import RunMode, mode_named
from profilers.scratch import Scratch, temporary_files_in
from profilers.worker_process import OnEvent, WorkerProcess

logger = logging.getLogger(__name__)

_KEPT = "TORCHINDUCTOR_CACHE_DIR"


class Launcher:
    """Runs captures, keeping the last worker of each framework warm."""

    def __init__(self) -> None:
        self._workers: dict[str, WorkerProcess] = {}
        self._scratch = Scratch()

    def capture(
        self,
        request: RunRequest,
        folder: Path,
        on_event: OnEvent = lambda event: None,
        cancelled: threading.Event | None = None,
        enough: threading.Event | None = None,
    ) -> None:
        """Run `request` in a worker and leave the capture in `folder`; blocks until it ends.

        Where `enough` is set while other sizes are measured, the rest of them is left out.

        Raises
        ------
        ModeUnavailable
            If the mode is unknown or its framework is not installed.
        Cancelled
            If `cancelled` was set; the worker is gone then.
        CaptureFailed
            If the model raised, crashed, hung past the limit or took too much memory.
        TwinscopeError
            Any other failure that the worker told.
        """
        mode = _available_mode(request.mode)
        worker = self._worker_for(mode, request)
        try:
            worker.capture(
                request,
                folder,
                on_event,
                cancelled or threading.Event(),
                enough or threading.Event(),
            )
        except (Cancelled, CaptureFailed):
            if not worker.is_alive:
                self._workers.pop(mode.framework, None)
            raise

    def prepare(self, request: RunRequest) -> None:
        """Let a worker import the framework while there is something to do before `capture`.

        Raises
        ------
        ModeUnavailable
            If the mode is unknown or its framework is not installed.
        """
        mode = _available_mode(request.mode)
        self._worker_for(mode, request).import_ahead(request.mode)

    def extra_worker(self, request: RunRequest) -> WorkerProcess:
        """A process of its own for `request`, which the caller ends."""
        mode = _available_mode(request.mode)
        return self._started(_environment(mode), None)

    def close(self) -> None:
        """End every worker; safe to call twice."""
        for worker in list(self._workers.values()):  # a capture may just be coming to its end
            worker.kill()
        self._workers.clear()
        self._scratch.close()

    def _worker_for(self, mode: RunMode, request: RunRequest) -> WorkerProcess:
        environment = _environment(mode)
        key = (request.source_folder, tuple(sorted(environment.items())))
        worker = self._workers.get(mode.framework)
        if worker is None or worker.key != key or not worker.is_alive:
            if worker is not None:
                worker.kill()
            worker = self._started(environment, key)
            self._workers[mode.framework] = worker
        return worker

    def _started(self, environment: dict[str, str], key: object) -> WorkerProcess:
        """A worker with a folder of its own for temporary files."""
        place, caches = self._scratch.new_folder(), _compilers_folder()
        kept = _writable(Path(environment[_KEPT]), place / "kept")
        files = {**temporary_files_in(place, kept), _KEPT: str(kept)}
        worker = WorkerProcess(self._alone(), {**environment, **files}, key, place)
        bound(caches)  # while the framework is imported
        return worker

    def _alone(self) -> Path:
        """A folder with `profilers` alone, so that a worker sees nothing else of ours.

        By a link, since workers then share what Python has compiled of it.
        """
        folder = self._scratch.folder
        package = folder / "profilers"
        if not package.exists():
            source = Path(__file__).parent
            try:
                package.symlink_to(source, target_is_directory=True)
            except OSError:  # Windows lets not everybody make links
                shutil.copytree(source, package)
        return folder


def _available_mode(mode_id: str) -> RunMode:
    mode = mode_named(mode_id)
    if mode is None:
        raise ModeUnavailable(
            f"There is no run mode {mode_id!r}", "", "See the modes with: twinscope modes."
        )
    refusal = mode.not_installed()
    if refusal:
        raise refusal
    return mode


def _environment(mode: RunMode) -> dict[str, str]:
    """What the mode's runtime wants set before its framework is imported, and where compilers keep
    what they made, unless the person chose another place; and where the machine's peaks are kept."""
    runtime = import_module(f"profilers.runtimes.{mode.module}")
    kept = os.environ.get(_KEPT, str(_compilers_folder()))
    peaks = os.environ.get(PEAKS_FILE, str(cache_folder().parent / "peaks.json"))
    own = {_KEPT: kept, PEAKS_FILE: peaks}
    return {**own, **getattr(runtime, "WORKER_ENVIRONMENT", {})}


def _compilers_folder() -> Path:
    return cache_folder().parent / "inductor"


def _writable(wanted: Path, instead: Path) -> Path:
    """A folder to keep files in: `instead`, which goes with the worker, where `wanted` takes none."""
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError as error:
        logger.warning("compilers keep nothing for later runs: %s", error)
        return instead
