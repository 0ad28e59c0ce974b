"""Chrome trace JSON, as Kineto, Horovod and many others write it, plain or gzip."""

import gzip
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from profilers.compiled.limits import LONGEST_NS
from profilers.probe import Probe
from profilers.profile import (
    SCHEMA_FACT,
    Diagnostic,
    Environment,
    Profile,
    Severity,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    Trace,
    Tracks,
)
from profilers.profile.table import Int32
from profilers.traces import Progress
from profilers.traces.chrome_events import ChromeEvents, arguments_of, sorted_events
from profilers.traces.chrome_flows import flows_of
from profilers.traces.chrome_parts import (
    SliceRecords,
    SpannedJson,
    joined_column,
    joined_in_order,
)
from profilers.traces.chrome_reader import ReadEvents, first_slices, read_events
from profilers.traces.chrome_tracks import counters_of, track_table, used_tracks
from profilers.traces.kineto import (
    DEVICE_CATEGORIES,
    STEP_NAME,
    kinds_of,
    launches,
)
from profilers.traces.kineto_memory import memory_events, memory_of_trace
from profilers.traces.nesting import nest, slice_order

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


@dataclass(frozen=True)
class ChromeTrace:
    """A trace with what is needed to link it further.

    `origin_ns` is what was taken off every time; `track_rows` has for each row of `events.tracks`
    its row in the trace's tracks, -1 if that is not shown.
    """

    trace: Trace
    steps: Steps
    pool: StringPool
    events: ChromeEvents
    instant_arguments: SpannedJson
    track_rows: Int32
    header: dict[str, Any]
    origin_ns: int
    diagnostics: tuple[Diagnostic, ...]


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
        part = _trace_of(first_slices(found, _MOST_SHOWN), pool, _ignore)
        note = Diagnostic(Severity.INFO, "The file is still being read; this is its beginning.")
        show(replace(_profile(path, part), diagnostics=(note,)))

    found = read_events(path, pool, lambda share: progress(0.7 * share), _NowAndThen(show_first))
    return _profile(path, _trace_of(found, pool, progress))


def read_chrome_trace(path: Path, progress: Progress) -> ChromeTrace:
    """The trace, and the events that it was made from.

    Raises
    ------
    DamagedFile
        If the file holds no complete event or is too large.
    """
    pool = StringPool()
    found = read_events(path, pool, lambda share: progress(0.7 * share), lambda found: None)
    return _trace_of(found, pool, progress)


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
    memory = memory_of_trace(
        memory_events(
            found.events,
            found.instant_arguments,
            found.trace.slices,
            found.track_rows,
            found.origin_ns,
            found.pool,
        )
    )
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


def _trace_of(found: ReadEvents, pool: StringPool, progress: Progress) -> ChromeTrace:
    events = sorted_events(found, pool)
    keys = used_tracks(events)
    track_rows = _inverse(keys, len(events.tracks))
    origin_ns = _origin_ns(events)
    records = _in_order(events, track_rows)
    arguments = arguments_of(records, found)
    slices = _nested(records, track_rows, origin_ns, pool)
    progress(0.85)
    launched = launches(slices.kind, slices.correlation)
    steps = _steps(slices, pool)
    slices = slices.replace(step=_steps_of(slices, steps, *launched))
    flows = flows_of(events.flows, slices, track_rows, origin_ns, pool, launched)
    samples = arguments_of(events.counters, found)
    counters, counter_tracks = counters_of(events, samples, len(keys), origin_ns, pool)
    tracks = track_table(events, keys, slices, arguments, pool)
    progress(1.0)
    return ChromeTrace(
        Trace(
            slices,
            Tracks.from_rows([*tracks, *counter_tracks]),
            flows,
            counters,
            arguments,
        ),
        steps,
        pool,
        events,
        arguments_of(events.instants, found),
        track_rows,
        found.header,
        origin_ns,
        _diagnostics(found, events),
    )


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, _UNPACKED_HEAD)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _inverse(keys: list[int], count: int) -> Int32:
    rows = np.full(count, -1, np.int32)
    rows[keys] = np.arange(len(keys))
    return rows


def _origin_ns(events: ChromeEvents) -> int:
    """The earliest time of anything that is shown."""
    times = [*(part.start_ns for part in events.slices), events.counters.start_ns]
    return min((int(part.min()) for part in times if len(part)), default=0)


def _in_order(events: ChromeEvents, track_rows: Int32) -> SliceRecords:
    """All slices by track, start, longest first."""
    start_ns = joined_column(events.slices, "start_ns")
    duration_ns = joined_column(events.slices, "duration_ns")
    order = slice_order(track_rows[joined_column(events.slices, "track")], start_ns, duration_ns)
    return joined_in_order(events.slices, order)


def _nested(records: SliceRecords, track_rows: Int32, origin_ns: int, pool: StringPool) -> Slices:
    track, start_ns = track_rows[records.track], records.start_ns - origin_ns
    depth, parent = nest(track, start_ns, records.duration_ns)
    none = np.full(len(records), -1, np.int32)
    return Slices.of(
        start_ns=start_ns,
        duration_ns=records.duration_ns,
        name=records.name,
        category=records.category,
        kind=kinds_of(records.category, records.name, pool.table()),
        track=track,
        depth=depth,
        parent=parent,
        correlation=records.correlation,
        step=none,
        node=none,
        group=none,
    )


def _steps(slices: Slices, pool: StringPool) -> Steps:
    """Steps from the host's ``ProfilerStep#N`` ranges."""
    names = pool.table()
    rows = [
        (int(slices.start_ns[row]), int(slices.duration_ns[row]), int(match[1][:9]))
        for row in np.flatnonzero(slices.kind == SliceKind.STEP).tolist()
        if (match := STEP_NAME.search(names[int(slices.name[row])]))
        and names[int(slices.category[row])] not in DEVICE_CATEGORIES
    ]
    return Steps.from_rows(sorted(set(rows)))


def _steps_of(slices: Slices, steps: Steps, sources: Int32, targets: Int32) -> Int32:
    """The step a slice starts in; device work belongs to the step that launched it."""
    step = np.full(len(slices), -1, np.int32)
    if not len(steps):
        return step
    ends_ns = steps.start_ns + steps.duration_ns
    until_ns = np.minimum(ends_ns, np.append(steps.start_ns[1:], LONGEST_NS))
    bounds = np.concatenate(([0], np.cumsum(np.bincount(slices.track))))
    for begin, end in pairwise(bounds.tolist()):
        starts_ns = slices.start_ns[begin:end]
        first = (begin + np.searchsorted(starts_ns, steps.start_ns)).tolist()
        behind = (begin + np.searchsorted(starts_ns, until_ns)).tolist()
        for number, (low, high) in enumerate(zip(first, behind, strict=True)):
            step[low:high] = number
    step[targets] = step[sources]
    return step


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


def _diagnostics(found: ReadEvents, events: ChromeEvents) -> tuple[Diagnostic, ...]:
    notes = []
    if found.is_damaged:
        notes.append(
            Diagnostic(
                Severity.WARNING,
                "The file ends too early or is damaged; every event that is whole is shown.",
            )
        )
    if events.unfinished:
        notes.append(
            Diagnostic(Severity.INFO, "Ranges were begun but never ended.", count=events.unfinished)
        )
    notes += [
        Diagnostic(severity, sentence, count=count)
        for count, severity, sentence in (
            (
                found.repairs.untimed,
                Severity.WARNING,
                "Events without a readable time are left out.",
            ),
            (
                found.repairs.odd_times,
                Severity.WARNING,
                "Durations that are no numbers are read as zero.",
            ),
            (
                found.repairs.negative_durations,
                Severity.WARNING,
                "Negative durations are read as zero.",
            ),
            (
                found.repairs.odd_text,
                Severity.INFO,
                "Names are no valid UTF-8; what could not be read shows as �.",
            ),
        )
        if count
    ]
    return tuple(notes)
