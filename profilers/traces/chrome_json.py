"""Chrome trace JSON, as Kineto, Horovod and many others write it, plain or gzip."""

import gzip
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from profilers.probe import Probe
from profilers.profile import (
    Counters,
    Diagnostic,
    Environment,
    Flows,
    JsonText,
    Profile,
    Severity,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    Trace,
    TrackKind,
    Tracks,
)
from profilers.profile.table import Int32, Int64
from profilers.traces import Progress
from profilers.traces.chrome_events import ChromeEvents, TrackKey, sort_events, text_of, unquoted
from profilers.traces.chrome_text import read_text
from profilers.traces.kineto import (
    BOOKKEEPING,
    DEVICE_CATEGORIES,
    STEP_NAME,
    correlations,
    kind_of,
    launches,
)
from profilers.traces.trace_builder import nest, partly_overlapping, slice_order

_HEAD = re.compile(rb'"traceEvents"\s*:|^\s*\[\s*(\{[^{}]*"ph"\s*:|\]?\s*$)', re.DOTALL)
_UNPACKED_HEAD = 64 * 1024


@dataclass(frozen=True)
class ChromeTrace:
    """A trace with what is needed to link it further.

    `origin_ns` is what was taken off every time; `track_rows` finds the track of an event.
    """

    trace: Trace
    steps: Steps
    pool: StringPool
    events: ChromeEvents
    track_rows: dict[TrackKey, int]
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
    """The trace, and the events that it was made from."""
    text = read_text(path, progress)
    progress(0.6)
    events = sort_events(text.events)
    records = events.slices
    pool = StringPool()
    categories = records.categories()
    kept = np.array([category not in BOOKKEEPING for category in categories], bool)
    names = records.names()
    kinds = np.array(
        [kind_of(category, name) for category, name in zip(categories, names, strict=True)],
        np.int64,
    )
    progress(0.7)
    arguments = records.arguments()
    keys = _used_tracks(events, kept)
    track_rows = {key: row for row, key in enumerate(keys)}
    tracks = np.array([track_rows.get(key, -1) for key in records.tracks], np.int64)
    rows = np.flatnonzero(kept)
    order, _ = slice_order(tracks[rows], records.start_ns[rows], records.duration_ns[rows])
    rows = rows[order]
    origin_ns = _origin_ns(events, rows)
    start_ns = records.start_ns[rows] - origin_ns
    depth, parent = nest(tracks[rows], start_ns, records.duration_ns[rows])
    progress(0.85)
    kept_arguments = [arguments[row] for row in rows.tolist()]
    slices = Slices.of(
        start_ns=start_ns,
        duration_ns=records.duration_ns[rows],
        name=np.array([pool.add(names[row]) for row in rows.tolist()], np.int32),
        category=np.array([pool.add(categories[row]) for row in rows.tolist()], np.int32),
        kind=kinds[rows],
        track=tracks[rows],
        depth=depth,
        parent=parent,
        correlation=correlations(kept_arguments),
        step=np.full(len(rows), -1),
        node=np.full(len(rows), -1),
        group=np.full(len(rows), -1),
    )
    sources, targets = launches(kinds[rows], slices.correlation)
    steps = _steps(slices, pool)
    slices = slices.replace(step=_steps_of(slices, steps, sources, targets))
    flows = _flows(events, slices, track_rows, origin_ns, pool, (sources, targets))
    counters, counter_tracks = _counters(events, len(keys), origin_ns, pool)
    table = _tracks(events, keys, categories, arguments, pool)
    trace = Trace(
        slices,
        Tracks.from_rows([*table, *counter_tracks]),
        flows,
        counters,
        JsonText.from_texts(kept_arguments),
    )
    diagnostics = _diagnostics(text.is_cut, events, slices)
    progress(1.0)
    return ChromeTrace(
        trace, steps, pool, events, track_rows, text.header, origin_ns, diagnostics
    )


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, _UNPACKED_HEAD)
    except (zlib.error, gzip.BadGzipFile):
        return b""


def _used_tracks(events: ChromeEvents, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> list[TrackKey]:
    """Rows that hold slices, in display order; processes that are only named stay hidden."""
    rows = np.flatnonzero(kept).tolist()
    used = dict.fromkeys(events.slices.tracks[row] for row in rows)
    return sorted(
        used,
        key=lambda key: (
            events.process_order.get(key[0], 0),
            _natural(key[0]),
            events.thread_order.get(key, 0),
            _natural(key[1]),
        ),
    )


def _natural(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isdigit() and len(text) < 18 else (1, 0, text)


def _origin_ns(events: ChromeEvents, rows: Int64) -> int:
    """The earliest time of anything that is shown."""
    times = [part for part in (events.slices.start_ns[rows], events.counters.start_ns) if len(part)]
    return int(min(part.min() for part in times)) if times else 0


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


def _tracks(
    events: ChromeEvents,
    keys: list[TrackKey],
    categories: list[str],
    arguments: list[bytes],
    pool: StringPool,
) -> list[tuple[int, ...]]:
    """One row per key: a device's stream or a thread."""
    device_of: dict[TrackKey, int] = {}
    for row, (key, category) in enumerate(zip(events.slices.tracks, categories, strict=True)):
        if category in DEVICE_CATEGORIES and key not in device_of:
            device_of[key] = _device(arguments[row], key)
    table: list[tuple[int, ...]] = []
    for order, (process, thread) in enumerate(keys):
        device = device_of.get((process, thread), -1)
        label = events.process_labels.get(process, "")
        if device >= 0:
            group = label or f"GPU {device}"
            name = events.thread_names.get((process, thread), "") or f"stream {thread}"
            kind = TrackKind.STREAM
        else:
            named = events.process_names.get(process, "")
            group = f"{named} ({process})" if named and named != process else named or process
            named = events.thread_names.get((process, thread), "")
            name = f"{named} ({thread})" if named and thread not in named else named or thread
            kind = TrackKind.THREAD
        table.append((pool.add(name), int(kind), pool.add(group), device, 0, order))
    return table


def _device(arguments: bytes, key: TrackKey) -> int:
    match = re.search(rb'"device"\s*:\s*"?(\d{1,6})', arguments)
    if match:
        return int(match[1])
    return int(key[0]) if key[0].isdigit() and len(key[0]) < 7 else 0


def _counters(
    events: ChromeEvents, first_track: int, origin_ns: int, pool: StringPool
) -> tuple[Counters, list[tuple[int, ...]]]:
    """Samples, and a track for each counter and series."""
    records = events.counters
    track_of: dict[tuple[str, str], int] = {}
    tracks: list[tuple[int, ...]] = []
    rows: list[tuple[int, int, float]] = []
    pattern = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*"?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')
    for event, time_ns, (process, _) in zip(
        records.events, (records.start_ns - origin_ns).tolist(), records.tracks, strict=True
    ):
        for series, value in pattern.findall(bytes(event.args)):
            name = text_of(event.name)
            label = series.decode("utf-8", "replace")
            full = name if label in ("value", name) else f"{name}: {label}"
            key = (process, full)
            if key not in track_of:
                track_of[key] = first_track + len(tracks)
                group = events.process_names.get(process, process)
                tracks.append(
                    (pool.add(full), int(TrackKind.COUNTER), pool.add(group), -1, 0, len(tracks))
                )
            rows.append((track_of[key], time_ns, float(value)))
    return Counters.from_rows(sorted(rows)), tracks


def _flows(
    events: ChromeEvents,
    slices: Slices,
    track_rows: dict[TrackKey, int],
    origin_ns: int,
    pool: StringPool,
    launched: tuple[Int32, Int32],
) -> Flows:
    """Launches by correlation, and the arrows that the file draws itself."""
    sources, targets = (part.tolist() for part in launched)
    kinds = [pool.add("launch")] * len(sources)
    records = events.flows
    chains: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, event in enumerate(records.events):
        category = text_of(event.cat)
        if not (category in ("ac2g", "async_cpu_to_gpu") and sources):
            chains[(category, unquoted(event.id))].append(row)
    tracks = np.array([track_rows.get(key, -1) for key in records.tracks], np.int64)
    bound = innermost(slices, tracks, records.start_ns - origin_ns)
    for (category, _), rows in chains.items():
        ordered = sorted(rows, key=lambda row: int(records.start_ns[row]))
        ends = [int(bound[row]) for row in ordered if bound[row] >= 0]
        for before, after in pairwise(ends):
            if before != after:
                sources.append(before)
                targets.append(after)
                kinds.append(pool.add(category or "flow"))
    return Flows.of(
        source=np.array(sources, np.int32),
        target=np.array(targets, np.int32),
        kind=np.array(kinds, np.int32),
    )


def innermost(slices: Slices, track: Int64, time_ns: Int64) -> Int64:
    """The deepest slice of a track that covers a time; -1 if none does."""
    found = np.full(len(track), -1, np.int64)
    ends = slices.start_ns + slices.duration_ns
    for lane in np.unique(track[track >= 0]).tolist():
        here = np.flatnonzero(track == lane)
        low, high = np.searchsorted(slices.track, [lane, lane + 1]).tolist()
        last = low + np.searchsorted(slices.start_ns[low:high], time_ns[here], "right") - 1
        row = np.where(last >= low, last, -1)
        while True:
            climbing = (row >= 0) & (ends[row] < time_ns[here])
            if not climbing.any():
                break
            row[climbing] = slices.parent[row[climbing]]
        found[here] = row
    return found


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


def _diagnostics(is_cut: bool, events: ChromeEvents, slices: Slices) -> tuple[Diagnostic, ...]:
    found = []
    if is_cut:
        found.append(
            Diagnostic(
                Severity.WARNING,
                "The file ends too early or is damaged; every complete event before that is shown.",
            )
        )
    if events.unfinished:
        found.append(
            Diagnostic(Severity.INFO, "Ranges were begun but never ended.", count=events.unfinished)
        )
    overlaps = partly_overlapping(slices)
    if overlaps:
        found.append(
            Diagnostic(
                Severity.INFO,
                "Slices partly overlap others of their row; they are drawn beside them.",
                count=overlaps,
            )
        )
    return tuple(found)
