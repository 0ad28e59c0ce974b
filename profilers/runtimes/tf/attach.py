"""Traces a process that offers TensorFlow's profiler service, such as a server, while it works."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from profilers.captures.tf.files import TRACE_FILE
from profilers.errors import CaptureFailed, ModeUnavailable, first_line
from profilers.installing import install_command
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter

_CONNECTING_S = 5.0
_BETWEEN_S = 0.25  # progress and progress
_TRACERS = {"host_tracer_level": 2, "python_tracer_level": 0, "device_tracer_level": 1}
_OFFER = "In that process, call tf.profiler.experimental.server.start(PORT)."


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Trace ``request.model_path``, an address, for ``request.options["seconds"]``.

    Raises
    ------
    ModeUnavailable
        If xprof, which speaks to the service, lacks that here.
    CaptureFailed
        If nothing listens there, or nothing was traced.
    """
    record = RunRecord(request, "attached", "TensorFlow (attached)")
    address, seconds = request.model_path, float(request.options["seconds"])
    report.progress("load", 0.0)
    client = _client()
    _check_reachable(address)
    report.progress("profile", 0.0)
    record.started_unix_ns = time.time_ns()
    log = folder / "profiler_log"
    try:
        with _time_told(seconds, report):
            client.trace(address, str(log), "", True, int(seconds * 1000), 1, dict(_TRACERS))
    except RuntimeError as error:
        raise _nothing_traced(address, seconds, first_line(error)) from error
    traces = sorted(log.rglob("*.xplane.pb"))
    if not traces:
        raise _nothing_traced(address, seconds, "the service sent no trace")
    shutil.move(traces[0], folder / TRACE_FILE)
    shutil.rmtree(log)
    record.facts = {"Attached to": address, "Traced": f"{seconds:g} s"}
    report.progress("profile", 1.0)
    return record


def _client() -> Any:
    """xprof's own client; it needs no TensorFlow."""
    try:
        from xprof.convert import _pywrap_profiler_plugin
    except ImportError as error:
        raise ModeUnavailable(
            "Cannot attach to processes here",
            f"this xprof has no client for profiler services ({first_line(error)})",
            f"Install the one that these do: {install_command(['tensorboard-plugin-profile'])}.",
        ) from error
    return _pywrap_profiler_plugin


@contextmanager
def _time_told(seconds: float, report: Reporter) -> Iterator[None]:
    """Tells how much of the time has passed, until the trace is there."""
    begin, is_there = time.monotonic(), threading.Event()

    def tell() -> None:
        while not is_there.wait(_BETWEEN_S):
            report.progress("profile", min((time.monotonic() - begin) / seconds, 1.0))

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_there.set()
        teller.join()


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECTING_S).close()
    except TimeoutError as error:
        raise CaptureFailed(
            f"Cannot attach to {address}",
            f"nothing there answered within {_CONNECTING_S:g} s: the host may be off, or a firewall "
            "may drop what is sent to that port",
            _OFFER,
        ) from error
    except OSError as error:
        raise CaptureFailed(
            f"Cannot attach to {address}",
            error.strerror or str(error) or "it does not answer",
            _OFFER,
        ) from error


def _nothing_traced(address: str, seconds: float, why: str) -> CaptureFailed:
    is_idle = "No trace event" in why
    return CaptureFailed(
        f"Nothing was traced at {address}",
        f"no TensorFlow profiler answers there, or nothing ran within {seconds:g} s"
        if is_idle
        else why,
        f"{_OFFER} Attach while it works, or for longer.",
    )
