"""Runs a Keras model over several processes of this machine, which speak to each other by gRPC."""

import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.captures.tf.files import HOSTS_FOLDER, TRACE_FILE
from profilers.errors import CaptureFailed, MissingCode, TwinscopeError
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf.options import REPLICAS
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT

__all__ = ["WORKER_ENVIRONMENT", "run"]

_POLL_S = 0.2
_STARTS = 3
_LAST_WORDS_S = 3.0  # of the others, once one has failed: theirs may be the cause
_SHOWN_LOG_BYTES = 4000
# The lines of absl, of the C++ runtime, of Python and of the C library
_IS_FATAL = re.compile(r"F\d{4} |terminate called|Fatal Python error|\w+\(\): ")
_WITHOUT_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}  # processes cannot share one


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture one step over `replicas` processes; each one's trace is a host of its own.

    At times TensorFlow aborts a process, or the processes lose each other; all start again then.

    Raises
    ------
    CaptureFailed
        If one of the processes fails, or no start of several ends well; the others are ended.
    """
    count = int(request.options[REPLICAS.id])
    with tempfile.TemporaryDirectory() as scratch:
        folders = _run_until_whole(request, Path(scratch), count, report)
        record = RunRecord.read(folders[0])
        hosts = folder / HOSTS_FOLDER
        hosts.mkdir()
        for index, own in enumerate(folders):
            shutil.move(own / TRACE_FILE, hosts / f"worker_{index}.xplane.pb")
        for file in folders[0].iterdir():
            shutil.move(file, folder / file.name)
    record.facts["Replicas"] = str(count)
    return record


class _Parted(CaptureFailed):
    """A process left without telling why, or no longer reached the others."""


def _run_until_whole(
    request: RunRequest, scratch: Path, count: int, report: Reporter
) -> list[Path]:
    for start in range(1, _STARTS):
        try:
            return _run_once(request, scratch / str(start), count, report)
        except _Parted as failure:
            report.log(f"{failure.detail}\n{failure} All processes start once more.")
    return _run_once(request, scratch / str(_STARTS), count, report)


def _run_once(request: RunRequest, scratch: Path, count: int, report: Reporter) -> list[Path]:
    """The folder in `scratch` that each process left its files in."""
    folders = [scratch / str(index) for index in range(count)]
    replicas = _start(request, folders)
    try:
        _follow(replicas, report)
    finally:
        for replica in replicas:
            replica.end()
    return folders


@dataclass
class _Replica:
    process: subprocess.Popen[str]
    log: Path
    reader: threading.Thread

    def last_log(self) -> str:
        return self.log.read_text(errors="replace")[-_SHOWN_LOG_BYTES:]

    def end(self) -> None:
        """It waits for this once it has left its files; before, it is ended in the middle."""
        assert self.process.stdin is not None
        self.process.kill()
        self.process.stdin.close()
        self.process.wait()
        self.reader.join()


def _start(request: RunRequest, folders: list[Path]) -> "_Replicas":
    addresses = [f"localhost:{port}" for port in _free_ports(len(folders))]
    replicas = _Replicas()
    environment = {**os.environ, **_WITHOUT_GPU, "PYTHONPATH": os.pathsep.join(sys.path)}
    for index, folder in enumerate(folders):
        folder.mkdir(parents=True)
        part = {
            "request": request.to_json(),
            "folder": str(folder),
            "index": index,
            "addresses": addresses,
        }
        replicas.add(part, folder.with_suffix(".log"), environment)
    return replicas


class _Replicas(list[_Replica]):
    """The processes, and the lines that the first one writes."""

    def __init__(self) -> None:
        super().__init__()
        self.events: queue.Queue[tuple[int, dict[str, Any]]] = queue.Queue()

    def add(self, part: dict[str, Any], log: Path, environment: dict[str, str]) -> None:
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, "-P", "-u", "-m", "profilers.runtimes.tf.replica"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=environment,
            )
        assert process.stdin is not None
        process.stdin.write(json.dumps(part) + "\n")
        process.stdin.flush()
        reader = threading.Thread(target=self._read, args=(process, part["index"]), daemon=True)
        reader.start()
        self.append(_Replica(process, log, reader))

    def _read(self, process: subprocess.Popen[str], index: int) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.events.put((index, json.loads(line)))
        process.stdout.close()


def _follow(replicas: _Replicas, report: Reporter) -> None:
    """Tell the first replica's progress until all have left their files."""
    done: set[int] = set()
    while len(done) < len(replicas):
        has_left = any(replica.process.poll() is not None for replica in replicas)
        try:
            index, event = replicas.events.get(timeout=_POLL_S)
        except queue.Empty:
            if has_left:
                raise _failure(replicas, {}) from None
            continue
        if "what" in event:
            raise _failure(replicas, {index: event, **_last_words(replicas)})
        if "done" in event:
            done.add(index)
        elif index == 0 and "stage" in event:
            report.progress(event["stage"], event["fraction"])


def _last_words(replicas: _Replicas) -> dict[int, dict[str, Any]]:
    """What the other processes tell of the failure, by number."""
    told: dict[int, dict[str, Any]] = {}
    until = time.monotonic() + _LAST_WORDS_S
    while time.monotonic() < until and len(told) < len(replicas) - 1:
        try:
            index, event = replicas.events.get(timeout=_POLL_S)
        except queue.Empty:
            if any(replica.process.poll() not in (None, 1) for replica in replicas):
                break
            continue
        if "what" in event:
            told[index] = event
    return told


def _failure(replicas: _Replicas, told: dict[int, dict[str, Any]]) -> TwinscopeError:
    """The cause: what one process could not do, else that one died, else that they lost each other."""
    own = next((event for event in told.values() if not event["is_parted"]), None)
    if own is not None:
        kind = MissingCode if own["kind"] == MissingCode.__name__ else CaptureFailed
        return kind(own["what"], own["why"], own["remedy"], own["detail"])
    for index, replica in enumerate(replicas):
        if index not in told and replica.process.poll() is not None:
            return _died(replica, index)
    index, event = next(iter(told.items()))
    return _Parted(
        f"Replica {index} lost the others",
        event["why"],
        "The details hold the last log lines.",
        "\n".join([event["detail"], *(replica.last_log() for replica in replicas)]),
    )


def _died(replica: _Replica, index: int) -> _Parted:
    log = replica.last_log()
    last = next((line for line in reversed(log.splitlines()) if _IS_FATAL.match(line)), "")
    status = f"its process left with status {replica.process.returncode}"
    return _Parted(
        f"Replica {index} ended before the capture was done",
        f"{status}: {last}" if last else status,
        "The details hold its last log lines.",
        log,
    )


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held at once, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("localhost", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
