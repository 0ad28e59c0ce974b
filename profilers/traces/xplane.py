"""Reads xplane.pb, the trace of TensorFlow's and JAX's profilers; one file per host of a run."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.profile import (
    Counters,
    Diagnostic,
    Environment,
    Flows,
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
from profilers.traces.nesting import inverse, nest, slice_order
from profilers.traces.xplane_events import EventArguments, EventColumns, collect_plane
from profilers.traces.xplane_memory import read_memory
from profilers.traces.xplane_proto import parse_space

SUFFIX = ".xplane.pb"
_LATEST_NS = 2**63
_MOST_BYTES = 2**31 - 1  # protobuf's own limit
_FIRST_PLANE = re.compile(
    rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f](\x08[\x80-\xff]{0,9}[\x00-\x7f])?\x12(?P<length>[\x01-\x7f])"
)
_PLANE_NAMES = (b"/host:", b"/device:", b"Task Environment", b"#Chip", b"/custom:", b"Misc")


def matches(probe: Probe) -> bool:
    """True for an XSpace whose first plane has a known name, and for a folder of such files."""
    if probe.is_folder:
        return any(name.endswith(SUFFIX) for name in probe.folder_names)
    first = _FIRST_PLANE.match(probe.head)
    return first is not None and probe.head[first.end() :].startswith(_PLANE_NAMES)


def read(path: Path, progress: Progress) -> Profile:
    """The profile of one xplane.pb, or of a folder with one per host.

    Raises
    ------
    DamagedFile
        See `read_with_operations`.
    """
    return read_with_operations(path, progress)[0]


def read_with_operations(path: Path, progress: Progress) -> tuple[Profile, list[str]]:
    """The profile, and for each of its allocations the name of the node that asked for it.

    Raises
    ------
    DamagedFile
        If a file is cut, too large, holds no planes, or times beyond any clock.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    spaces = [_load(file) for file in files]
    progress(0.2)
    try:
        return _profile(path.name, spaces, progress)
    except OverflowError as error:
        raise DamagedFile(
            f"Cannot read the trace {path.name}", f"it holds numbers out of range ({error})"
        ) from error


def _profile(name: str, spaces: list[Any], progress: Progress) -> tuple[Profile, list[str]]:
    pool = StringPool()
    columns = EventColumns(pool)
    start_ns = _collect(spaces, columns, progress)
    trace, steps = _trace(columns)
    slices = trace.slices
    rows = _enclosing(
        slices,
        np.array([event.track for event in columns.memory], np.int64),
        np.array([event.time_ns for event in columns.memory], np.int64),
    )
    memory, operations = read_memory(columns.memory, rows, _devices(columns), pool)
    progress(1.0)
    profile = Profile(
        name=name,
        strings=pool.table(),
        trace=trace,
        memory=memory,
        steps=steps,
        diagnostics=_diagnostics(spaces, slices),
        environment=Environment(
            framework="TensorFlow or JAX (xplane)",
            facts={"Hosts": ", ".join(name for space in spaces for name in space.hostnames)},
        ),
        start_unix_ns=start_ns,
    )
    return profile, operations


def _load(path: Path) -> Any:
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise DamagedFile(f"Cannot read {path.name}", "it is larger than a protobuf can be (2 GiB)")
    try:
        space = parse_space(path.read_bytes())
    except ValueError as error:
        raise DamagedFile(
            f"Cannot read the trace {path.name}",
            f"it is cut or damaged ({error})",
            "Copy or capture it again; the file must be transferred as binary.",
        ) from error
    if not space.planes:
        raise DamagedFile(f"Cannot read the trace {path.name}", "it holds no planes")
    return space


def _collect(spaces: list[Any], columns: EventColumns, progress: Progress) -> int:
    """Add all planes; returns the wall clock of time 0 in ns, 0 if the files do not tell."""
    starts = [_profile_start(space) for space in spaces]
    lines = [line for space in spaces for plane in space.planes for line in plane.lines]
    known = [start for start in starts if start > 0] or [
        line.timestamp_ns for line in lines if line.timestamp_ns >= 10**17
    ]
    epoch = min(known, default=0)
    rank = 0
    for done, (space, start) in enumerate(zip(spaces, starts, strict=True)):
        seen: Counter[str] = Counter()
        for plane in space.planes:
            nth = seen[plane.name]  # hosts merged into one file repeat the plane names
            seen[plane.name] += 1
            several = len(spaces) > 1 or len(space.hostnames) > 1
            host = space.hostnames[nth] if several and nth < len(space.hostnames) else ""
            collect_plane(plane, columns, host, rank + nth, max(start - epoch, 0), epoch)
            progress(0.2 + 0.6 * (done + seen.total() / len(space.planes)) / len(spaces))
        rank += max(seen.values())
    return epoch


def _profile_start(space: Any) -> int:
    """Wall clock in ns at which the profiler started, 0 if not told."""
    for plane in space.planes:
        names = {entry.key: entry.value.name for entry in plane.stat_metadata}
        for stat in plane.stats:
            if names.get(stat.metadata_id) == "profile_start_time":
                told = int(stat.uint64_value or stat.int64_value)
                return told if told < _LATEST_NS else 0
    return 0


def _trace(columns: EventColumns) -> tuple[Trace, Steps]:
    table = columns.table()
    order = slice_order(table[7], table[0], table[1])
    row_of = inverse(order)
    start, duration, name, category, kind, correlation, event, track, line = table[:, order]
    steps, step = _steps(columns, row_of, start, duration)
    depth, parent = nest(track, start, duration)
    slices = Slices.of(
        start_ns=start, duration_ns=duration, name=name, category=category, kind=kind, track=track,
        depth=depth, parent=parent, correlation=correlation, step=step,
        node=np.full(len(start), -1), group=np.full(len(start), -1),
    )  # fmt: skip
    arguments = EventArguments(columns.lines, line.astype(np.int32), event.astype(np.int32))
    flows = _flows(columns, row_of, slices)
    trace = Trace(slices, Tracks.from_rows(columns.tracks), flows, Counters.empty(), arguments)
    return trace, steps


def _steps(
    columns: EventColumns, row_of: Int64, start_ns: Int64, duration_ns: Int64
) -> tuple[Steps, Int32]:
    """The steps in order, and for each slice the step that it begins in."""
    marks = sorted((row_of[row], number) for row, number in columns.step_numbers.items())
    spans = sorted((int(start_ns[row]), int(duration_ns[row]), number) for row, number in marks)
    distinct = list({number: (begin, length, number) for begin, length, number in spans}.values())
    if not distinct:
        return Steps.empty(), np.full(len(start_ns), -1, np.int32)
    begins = np.array([begin for begin, _, _ in distinct])
    ends = begins + np.array([length for _, length, _ in distinct])
    row = np.searchsorted(begins, start_ns, side="right") - 1
    inside = (row >= 0) & (start_ns <= ends[row])
    return Steps.from_rows(distinct), np.where(inside, row, -1).astype(np.int32)


def _flows(columns: EventColumns, row_of: Int64, slices: Slices) -> Flows:
    """Producer to the first consumer on each track, and launch to kernel."""
    pool, rows = columns.pool, []
    seen: set[tuple[tuple[int, int], int]] = set()
    for key, consumer in sorted(columns.consumers, key=lambda item: int(row_of[item[1]])):
        producer = columns.producers.get(key)
        target = int(row_of[consumer])
        lane = (key, int(slices.track[target]))
        if producer is not None and lane not in seen:
            seen.add(lane)
            rows.append((int(row_of[producer]), target, pool.add("async")))
    linked = np.flatnonzero(slices.correlation >= 0)
    kinds = slices.kind[linked]
    calls = {int(slices.correlation[row]): int(row) for row in linked[kinds == SliceKind.RUNTIME]}
    for row in linked[np.isin(kinds, (SliceKind.KERNEL, SliceKind.COPY, SliceKind.COMMUNICATION))]:
        call = calls.get(int(slices.correlation[row]))
        if call is not None:
            rows.append((call, int(row), pool.add("launch")))
    return Flows.from_rows(rows)


def _enclosing(slices: Slices, tracks: Int64, times_ns: Int64) -> Int64:
    """For each point on a track the innermost slice around it, -1 for none."""
    found = np.full(len(times_ns), -1, np.int64)
    bounds = np.searchsorted(slices.track, np.arange(int(tracks.max(initial=-1)) + 2))
    ends = slices.start_ns + slices.duration_ns
    for index, (track, time) in enumerate(zip(tracks.tolist(), times_ns.tolist(), strict=True)):
        first, last = bounds[track], bounds[track + 1]
        row = first + int(np.searchsorted(slices.start_ns[first:last], time, side="right")) - 1
        if row < first:
            continue
        while row >= 0 and ends[row] < time:
            row = int(slices.parent[row])
        found[index] = row
    return found


def _devices(columns: EventColumns) -> list[str]:
    """Device of each memory event: the allocator's GPU, else the host."""
    names = []
    for event in columns.memory:
        gpu = re.match(r"GPU_(\d+)", event.allocator)
        names.append(f"cuda:{gpu[1]}" if gpu else "cpu")
    return names


def _diagnostics(spaces: list[Any], slices: Slices) -> tuple[Diagnostic, ...]:
    told = [(Severity.ERROR, text) for space in spaces for text in space.errors]
    told += [(Severity.WARNING, text) for space in spaces for text in space.warnings]
    if not len(slices):
        told.append((Severity.WARNING, "The trace holds no events."))
    return tuple(Diagnostic(severity, text) for severity, text in told)
