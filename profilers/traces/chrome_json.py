"""Chrome trace JSON, as Kineto, Horovod and many others write it, plain or gzip."""

import gzip
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.probe import Probe
from profilers.profile import (
    SCHEMA_FACT,
    Diagnostic,
    Environment,
    Profile,
    Severity,
    StringPool,
)
from profilers.traces import Progress
from profilers.traces.chrome_reader import ReadEvents, first_slices, read_events
from profilers.traces.chrome_trace import ChromeTrace, trace_of
from profilers.traces.kineto_memory import memory_events, memory_of_trace

_HEAD = re.compile(rb'"traceEvents"\s*:|^\s*\[\s*(\{[^{}]*"ph"\s*:|\]?\s*$)', re.DOTALL)
_UNPACKED_HEAD = 64 * 1024
_HEADER_FACTS = (
    ("schema_version", SCHEMA_FACT),
    ("cuda_driver_version", "CUDA driver"),
    ("cuda_runtime_version", "CUDA runtime"),
    ("cupti_version", "CUPTI"),
)
_RECORDED = (("record_shapes", "shapes"), ("profile_memory", "memory"), ("with_stack", "stacks"))
_FIRST_SHOWN_S = 0.7
_MOST_SHOWN = 250_000  # slices of a file that is still being read


def matches(probe: Probe) -> bool:
    """Whether the file is trace JSON, by its first bytes."""
    head = probe.head
    if head.startswith(b"\x1f\x8b"):
        head = _unpacked(head)
    if head.lstrip()[:1] not in (b"{", b"["):
        return False
    return bool(_HEAD.search(head)) or (b'"schemaVersion"' in head and b'"deviceProp' in head)


def read(path: Path, progress: Progress) -> Profile:
    """Open a trace file.

    Raises
    ------
    DamagedFile
        If it holds no complete event or is too large.
    """
    return _profile(path, read_chrome_trace(path, progress))


def read_showing(path: Path, progress: Progress, show: Callable[[Profile], None]) -> Profile:
    """As `read`; gives the first slices to `show` when a large file takes longer than a moment."""
    pool = StringPool()

    def show_first(found: ReadEvents) -> None:
        part = trace_of(first_slices(found, _MOST_SHOWN), pool, _ignore)
        note = Diagnostic(Severity.INFO, "The file is still being read; this is its beginning.")
        show(replace(_profile(path, part), diagnostics=(note,)))

    found = read_events(path, pool, lambda share: progress(0.7 * share), _NowAndThen(show_first))
    return _profile(path, trace_of(found, pool, progress))


def read_chrome_trace(path: Path, progress: Progress) -> ChromeTrace:
    """The trace, and the events that it was made from.

    Raises
    ------
    DamagedFile
        If the file holds no complete event or is too large.
    """
    pool = StringPool()
    found = read_events(path, pool, lambda share: progress(0.7 * share), lambda found: None)
    return trace_of(found, pool, progress)


class _NowAndThen:
    """Calls something after a moment, then each time that twice as long has passed."""

    def __init__(self, action: Callable[[ReadEvents], None]) -> None:
        self._action = action
        self._begin = time.monotonic()
        self._wait_s = _FIRST_SHOWN_S

    def __call__(self, found: ReadEvents) -> None:
        if time.monotonic() - self._begin > self._wait_s:
            self._action(found)
            self._wait_s = 2 * (time.monotonic() - self._begin)


def _ignore(share: float) -> None:
    pass


def _profile(path: Path, found: ChromeTrace) -> Profile:
    memory = memory_of_trace(memory_events(found))  # names devices in the pool
    return Profile(
        path.name.removesuffix(".gz").removesuffix(".json"),
        found.pool.table(),
        found.trace,
        memory=memory,
        steps=found.steps,
        diagnostics=found.diagnostics,
        environment=_environment(found.header, path),
        start_unix_ns=_base_ns(found.header) + found.origin_ns,
    )


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, _UNPACKED_HEAD)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _base_ns(header: dict[str, Any]) -> int:
    base = header.get("base_time_nanoseconds")
    return base if isinstance(base, int) and 0 <= base < 2**62 else 0


def _environment(header: dict[str, Any], path: Path) -> Environment:
    """Devices and ranks as Kineto's header names them."""
    facts = {"File": path.name}
    devices = header.get("device_properties")
    names = [
        str(device["name"])
        for device in (devices if isinstance(devices, list) else [])
        if isinstance(device, dict) and device.get("name")
    ]
    ranks = header.get("distributed_info")
    if isinstance(ranks, dict):
        for key, label in (("backend", "Backend"), ("rank", "Rank"), ("world_size", "Ranks")):
            if key in ranks:
                facts[label] = str(ranks[key])
    for key, label in _HEADER_FACTS:
        value = header.get(key)
        if isinstance(value, int | str):
            facts[label] = str(value)[:100]
    recorded = [label for key, label in _RECORDED if header.get(key) in (1, True)]
    if recorded:
        facts["Recorded"] = ", ".join(recorded)
    return Environment(device=", ".join(dict.fromkeys(names)), facts=facts)
