"""Trains a module on several local processes: torchrun starts them, each leaves its own capture."""

import json
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from profilers import errors
from profilers.captures.pytorch.distributed_files import (
    BACKEND,
    END_FILE,
    ERROR_FILE,
    RANKS,
    REQUEST_FILE,
    rank_folder,
)
from profilers.captures.pytorch.files import EXECUTION_TRACE_FILE, EXPORTED_GRAPH_FILE
from profilers.errors import CaptureFailed, ModeUnavailable, TwinscopeError
from profilers.parameter_statistics import FILE as STATISTICS_FILE
from profilers.request import RunRequest
from profilers.run_record import RUN_FILE, RunRecord
from profilers.runtimes.end_signal import on_end_signal
from profilers.runtimes.foreign_names import hidden_root
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.communication import Communication, communication_for
from profilers.runtimes.pytorch.device import device_named
from profilers.runtimes.pytorch.options import PROCESSES, STRATEGY, chosen
from profilers.runtimes.pytorch.session import WORKER_ENVIRONMENT

__all__ = ["WORKER_ENVIRONMENT", "run"]

PROGRESS_MARK = "\x1etwinscope "  # begins a line of progress in the output of rank 0
_ENTRY = "profilers.runtimes.pytorch.rank"
_KEPT_LINES = 60


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture training steps of a module on all ranks.

    Raises
    ------
    ModeUnavailable
        If this PyTorch has no torch.distributed.
    TwinscopeError
        What a rank told before it ended.
    """
    count = int(chosen(request.options, PROCESSES))
    way = _communication(request, count)
    request = replace(request, device=way.device)
    asked = {**request.to_json(), BACKEND: way.backend}
    (folder / REQUEST_FILE).write_text(json.dumps(asked))
    for rank in range(count):
        (folder / rank_folder(rank)).mkdir(exist_ok=True)
    report.progress("load", 0.0)
    with on_end_signal((folder / END_FILE).touch):  # what ends a sweep ends that of all ranks
        _launch(folder, count, report)
    record = _joined_record(request, folder, count)
    tell = record.note if way.is_as_asked else record.warn
    tell(way.told)
    return record


def _communication(request: RunRequest, count: int) -> Communication:
    import torch
    from torch import distributed

    if not distributed.is_available():
        raise ModeUnavailable(
            "Distributed runs do not work here", "this build of PyTorch has no torch.distributed"
        )
    if not request.device.startswith("cuda"):
        device_named(request.device)
    gpus = torch.cuda.device_count()
    return communication_for(request.device, count, gpus, has_nccl=distributed.is_nccl_available())


def _launch(folder: Path, count: int, report: Reporter) -> None:
    """Run torchrun to its end; what it started shares our process group and ends with us."""
    command = [
        sys.executable, "-u", "-m", "torch.distributed.run", "--standalone",
        "--nproc-per-node", str(count), "-m", _ENTRY, str(folder), hidden_root(),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": _threads(count)}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(PROGRESS_MARK):
                told = json.loads(line.removeprefix(PROGRESS_MARK))
                report.progress(str(told["stage"]), float(told["fraction"]))
            else:
                lines.append(line.rstrip("\n"))
                report.log(line.rstrip("\n"))
    if process.returncode:
        raise _failure(folder, count, process.returncode, "\n".join(lines))


def _threads(count: int) -> str:
    """Threads of each rank, so that all of them together fill the processors."""
    return os.environ.get("OMP_NUM_THREADS") or str(max((os.cpu_count() or 1) // count, 1))


def _failure(folder: Path, count: int, status: int, log: str) -> TwinscopeError:
    for rank, told in _told_errors(folder, count):
        kind = getattr(errors, str(told["kind"]), CaptureFailed)
        what = told["what"] if kind is not CaptureFailed else f"Rank {rank}: {told['what']}"
        failure: TwinscopeError = kind(what, told["why"], told["remedy"], told["detail"])
        return failure
    return CaptureFailed(
        "The distributed run ended before it was done",
        f"torchrun exited with status {status}",
        "The details hold its last lines.",
        log,
    )


def _told_errors(folder: Path, count: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Errors by rank, the first to fail before those that only missed it."""
    files = [folder / rank_folder(rank) / ERROR_FILE for rank in range(count)]
    found = [(file.stat().st_mtime_ns, rank) for rank, file in enumerate(files) if file.exists()]
    for _, rank in sorted(found):
        yield rank, json.loads(files[rank].read_text())


def _joined_record(request: RunRequest, folder: Path, count: int) -> RunRecord:
    """That of rank 0, whose graph serves all ranks."""
    first = folder / rank_folder(0)
    for rank in range(1, count):
        for name in (EXPORTED_GRAPH_FILE, EXECUTION_TRACE_FILE):
            if (first / name).exists():
                shutil.copyfile(first / name, folder / rank_folder(rank) / name)
    if (first / STATISTICS_FILE).exists():
        shutil.copyfile(first / STATISTICS_FILE, folder / STATISTICS_FILE)
    if not (first / RUN_FILE).exists():
        raise CaptureFailed("The distributed run left no capture", "rank 0 wrote none")
    record = RunRecord.read(first)
    record.family = "torch_distributed"
    record.extra = {RANKS: count}
    record.facts["Processes"] = f"{count}, {chosen(request.options, STRATEGY).upper()}"
    return record
