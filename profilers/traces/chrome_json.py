"""Chrome trace JSON, as Kineto, Horovod and many others write it, plain or gzip."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.profile import (
    Diagnostic,
    Environment,
    JsonText,
    Profile,
    Severity,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    Trace,
    Tracks,
)
from profilers.profile.table import Int32, Int64
from profilers.traces import Progress
from profilers.traces.chrome_events import (
    ChromeEvents,
    EventCollector,
    Records,
    TooManyEvents,
)
from profilers.traces.chrome_flows import flows_of
from profilers.traces.chrome_text import ChromeText, read_events
from profilers.traces.chrome_tracks import counters_of, track_table, used_tracks
from profilers.traces.kineto import (
    BOOKKEEPING,
    DEVICE_CATEGORIES,
    STEP_NAME,
    correlations,
    kinds_of,
    launches,
)
from profilers.traces.trace_builder import nest, slice_order

_HEAD = re.compile(rb'"traceEvents"\s*:|^\s*\[\s*(\{[^{}]*"ph"\s*:|\]?\s*$)', re.DOTALL)
_UNPACKED_HEAD = 64 * 1024


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
    track_rows: Int64
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
    found = read_chrome_trace(path, progress)
    return Profile(
        path.name.removesuffix(".gz").removesuffix(".json"),
        found.pool.table(),
        found.trace,
        steps=found.steps,
        diagnostics=found.diagnostics,
        environment=_environment(found.header, path),
        start_unix_ns=_base_ns(found.header) + found.origin_ns,
    )


def read_chrome_trace(path: Path, progress: Progress) -> ChromeTrace:
    """The trace, and the events that it was made from.

    Raises
    ------
    DamagedFile
        If the file holds no complete event or is too large.
    """
    pool = StringPool()
    events, text = _collected(path, pool, progress)
    shown = _shown(events.slices, pool)
    keys = used_tracks(events, shown.track)
    track_rows = _inverse(keys, len(events.tracks))
    origin_ns = _origin_ns(shown, events.counters)
    slices, arguments = _ordered(shown, track_rows, origin_ns, pool)
    progress(0.85)
    launched = launches(slices.kind, slices.correlation)
    steps = _steps(slices, pool)
    slices = slices.replace(step=_steps_of(slices, steps, *launched))
    flows = flows_of(events.flows, slices, track_rows, origin_ns, pool, launched)
    counters, counter_tracks = counters_of(events, len(keys), origin_ns, pool)
    tracks = Tracks.from_rows([*track_table(events, keys, shown, pool), *counter_tracks])
    progress(1.0)
    return ChromeTrace(
        Trace(slices, tracks, flows, counters, arguments),
        steps,
        pool,
        events,
        track_rows,
        text.header,
        origin_ns,
        _diagnostics(text, events),
    )


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, _UNPACKED_HEAD)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _collected(path: Path, pool: StringPool, progress: Progress) -> tuple[ChromeEvents, ChromeText]:
    collector = EventCollector(pool)
    try:
        text = read_events(path, collector.add, lambda share: progress(0.7 * share))
    except TooManyEvents as error:
        raise DamagedFile(
            f"Cannot open {path.name}",
            "it holds more events than this machine has memory for",
            "Capture fewer steps, or close other programs.",
        ) from error
    return collector.finished(), text


def _shown(records: Records, pool: StringPool) -> Records:
    hidden = [pool.add(category) for category in BOOKKEEPING]
    return records.take(np.flatnonzero(~np.isin(records.category, hidden)))


def _inverse(keys: list[int], count: int) -> Int64:
    rows = np.full(count, -1, np.int64)
    rows[keys] = np.arange(len(keys))
    return rows


def _origin_ns(shown: Records, counters: Records) -> int:
    """The earliest time of anything that is shown."""
    times = [part.start_ns for part in (shown, counters) if len(part)]
    return int(min(part.min() for part in times)) if times else 0


def _ordered(
    shown: Records, track_rows: Int64, origin_ns: int, pool: StringPool
) -> tuple[Slices, JsonText]:
    """The slices by track and time, nested, and their arguments."""
    order, _ = slice_order(track_rows[shown.track], shown.start_ns, shown.duration_ns)
    records = shown.take(order)
    tracks, start_ns = track_rows[records.track], records.start_ns - origin_ns
    depth, parent = nest(tracks, start_ns, records.duration_ns)
    none = np.full(len(records), -1)
    slices = Slices.of(
        start_ns=start_ns,
        duration_ns=records.duration_ns,
        name=records.name,
        category=records.category,
        kind=kinds_of(records.category, records.name, pool.table()),
        track=tracks,
        depth=depth,
        parent=parent,
        correlation=correlations(records.arguments),
        step=none,
        node=none,
        group=none,
    )
    return slices, records.arguments


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
    if not len(steps):
        return np.full(len(slices), -1, np.int32)
    at = np.searchsorted(steps.start_ns, slices.start_ns, "right") - 1
    ends = steps.start_ns + steps.duration_ns
    inside = (at >= 0) & (slices.start_ns < ends[at])
    step = np.where(inside, at, -1).astype(np.int32)
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
    return Environment(device=", ".join(dict.fromkeys(names)), facts=facts)


def _diagnostics(text: ChromeText, events: ChromeEvents) -> tuple[Diagnostic, ...]:
    found = []
    if text.is_damaged:
        found.append(
            Diagnostic(
                Severity.WARNING,
                "The file ends too early or is damaged; every event that is whole is shown.",
            )
        )
    if events.unfinished:
        found.append(
            Diagnostic(Severity.INFO, "Ranges were begun but never ended.", count=events.unfinished)
        )
    return tuple(found)
