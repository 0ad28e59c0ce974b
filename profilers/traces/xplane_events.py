"""Events of XPlanes as columns: what each one is, when it ran and on which track."""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profilers.profile import SliceKind, StringPool, TrackKind
from profilers.profile.table import Int32, Int64

PICOSECONDS_PER_NS = 1000
MEMORY_EVENTS = ("MemoryAllocation", "MemoryDeallocation")

_NOISE = ("ThreadpoolListener::", "end: ")
_OPERATOR = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>\-]*:[A-Z_]\w*")
_EAGER_OPERATOR = re.compile(r"EagerLocalExecute: (?!__|SyncDevice)\w+")
_DEVICE = re.compile(r"/device:\w+:(?P<number>\d+)")
_THREAD_NUMBER = re.compile(r"/-?\d{6,}$")
_COLLECTIVE = re.compile(r"nccl|rccl|all-reduce|all-gather|reduce-scatter|all-to-all", re.I)
_COPY = re.compile(r"mem(cpy|set)", re.I)
_DERIVED_LINES = {  # what the profiler computed from the streams; drawn, but not counted again
    "Steps": SliceKind.STEP,
    "XLA Modules": SliceKind.SCOPE,
    "XLA Ops": SliceKind.SCOPE,
    "Framework Name Scope": SliceKind.SCOPE,
    "Framework Ops": SliceKind.SCOPE,
    "TensorFlow Name Scope": SliceKind.SCOPE,
    "TensorFlow Ops": SliceKind.SCOPE,
    "Source code": SliceKind.SCOPE,
}


@dataclass(frozen=True)
class MemoryEvent:
    """One call of a traced allocator."""

    time_ns: int
    is_allocation: bool
    address: int
    bytes: int
    allocated_bytes: int  # in use after the call
    reserved_bytes: int
    allocator: str
    region: str  # "output", "temp", "" if the allocator does not know
    operation: str  # name of the node that asked for it, "" if the allocator does not know
    track: int


@dataclass
class EventColumns:
    """Slices in the order they were met; parts are concatenated by `table`."""

    pool: StringPool
    tracks: list[tuple[int, ...]] = field(default_factory=list)
    memory: list[MemoryEvent] = field(default_factory=list)
    step_numbers: dict[int, int] = field(default_factory=dict)  # slice: number
    producers: dict[tuple[int, int], int] = field(default_factory=dict)  # (type, id): slice
    consumers: list[tuple[tuple[int, int], int]] = field(default_factory=list)
    lines: list[tuple[Any, dict[int, str]]] = field(default_factory=list)  # line, stat names
    _parts: list[Int64] = field(default_factory=list)
    rows: int = 0

    def add_line(self, line: Any, track: int, stat_names: dict[int, str], columns: Int64) -> None:
        """`columns`: one row each of start, duration, name, category, kind, correlation, event."""
        count = columns.shape[1]
        place = np.array([[track] * count, [len(self.lines)] * count], np.int64)
        self.lines.append((line, stat_names))
        self._parts.append(np.vstack([columns, place]))
        self.rows += count

    def table(self) -> Int64:
        """9 x slices: the columns of `add_line`, then track and line."""
        return np.hstack([np.empty((9, 0), np.int64), *self._parts])


@dataclass(frozen=True, eq=False)
class EventArguments:
    """A JsonColumn that reads an event's stats from the parsed message when it is asked for."""

    lines: list[tuple[Any, dict[int, str]]]
    line: Int32
    event: Int32

    def __len__(self) -> int:
        return len(self.line)

    def text(self, row: int) -> bytes:
        line, names = self.lines[self.line[row]]
        stats = line.events[int(self.event[row])].stats
        if not stats:
            return b""
        values = {names.get(s.metadata_id, str(s.metadata_id)): stat_value(s, names) for s in stats}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def stat_value(stat: Any, names: dict[int, str]) -> Any:
    """A stat's value as JSON can hold it; references are resolved."""
    kind = stat.WhichOneof("value")
    value: Any = getattr(stat, kind) if kind else None
    if kind == "ref_value":
        return names.get(value, "")
    if kind == "bytes_value":
        return f"{len(value)} bytes"
    if kind == "double_value" and not math.isfinite(value):
        return str(value)
    return value


def collect_plane(
    plane: Any, columns: EventColumns, host: str, rank: int, shift_ns: int, epoch_ns: int
) -> None:
    """Add every line of a plane that holds timed events.

    Parameters
    ----------
    shift_ns : int
        Added to line timestamps that count from their profiler's start.
    epoch_ns : int
        Subtracted from line timestamps that are wall-clock times.
    """
    reader = _PlaneReader(plane, columns)
    device = _DEVICE.match(plane.name)
    number = int(device["number"]) if device else -1
    place = plane.name.lstrip("/")
    process = f"{host} {place}".strip() if host else place
    for order, line in enumerate(plane.lines):
        is_absolute = line.timestamp_ns >= 10**17
        begin = line.timestamp_ns - epoch_ns if is_absolute else line.timestamp_ns + shift_ns
        is_stream = bool(device) and line.name not in _DERIVED_LINES
        name = line.display_name or line.name or f"line {line.id}"
        reader.read(
            line,
            _add_track(columns, name, process, number, rank, order, bool(device), is_stream),
            begin,
            is_stream,
        )


def _add_track(
    columns: EventColumns, name: str, process: str, device: int, rank: int, order: int,
    on_device: bool, is_stream: bool,
) -> int:  # fmt: skip
    kind = TrackKind.THREAD
    if on_device:
        kind = TrackKind.STREAM if is_stream else TrackKind.OTHER
    if _THREAD_NUMBER.search(name):
        name = f"{_THREAD_NUMBER.sub('', name)} #{order}"
    pool = columns.pool
    columns.tracks.append((pool.add(name), int(kind), pool.add(process), device, rank, order))
    return len(columns.tracks) - 1


class _PlaneReader:
    """Metadata of one plane, looked up once per event type."""

    def __init__(self, plane: Any, columns: EventColumns) -> None:
        self._columns = columns
        self._stat_names = {entry.key: entry.value.name for entry in plane.stat_metadata}
        self._ids = {name: key for key, name in self._stat_names.items()}
        self._names = {entry.key: entry.value.name for entry in plane.event_metadata}
        self._hlo = {
            entry.key
            for entry in plane.event_metadata
            if any(self._stat_names.get(s.metadata_id) == "hlo_op" for s in entry.value.stats)
        }

    def read(self, line: Any, track: int, begin_ns: int, is_stream: bool) -> None:
        pool = self._columns.pool
        rows: list[tuple[int, ...]] = []
        types: dict[int, tuple[int, int, SliceKind] | None] = {}
        for index, event in enumerate(line.events):
            type_id = event.metadata_id
            if type_id not in types:
                types[type_id] = self._slice_type(type_id, line.name, is_stream, pool)
            known = types[type_id]
            start = begin_ns + event.offset_ps // PICOSECONDS_PER_NS
            if known is None:
                if self._names.get(type_id) in MEMORY_EVENTS:
                    self._memory_event(event, start, track)
                continue
            if event.WhichOneof("value") == "num_occurrences":
                continue
            name, category, kind = known
            correlation = -1
            if event.stats:
                kind, correlation = self._linked(event, kind, self._columns.rows + len(rows))
            duration = max(event.duration_ps, 0) // PICOSECONDS_PER_NS
            rows.append((start, duration, name, category, kind, correlation, index))
        table = np.array(rows, np.int64).reshape(-1, 7).T
        self._columns.add_line(line, track, self._stat_names, table)

    def _slice_type(
        self, type_id: int, line_name: str, is_stream: bool, pool: StringPool
    ) -> tuple[int, int, SliceKind] | None:
        """String rows of name and category, and the kind; None for what is no slice."""
        name = self._names.get(type_id, f"event {type_id}")
        if name.startswith(_NOISE) or name in MEMORY_EVENTS:
            return None
        kind = slice_kind(name, line_name, is_stream)
        if kind == SliceKind.OTHER and type_id in self._hlo:
            kind = SliceKind.KERNEL
        return pool.add(name), pool.add(kind.name.lower()), kind

    def _linked(self, event: Any, kind: SliceKind, row: int) -> tuple[SliceKind, int]:
        """Kind and correlation id as the event's stats tell; steps and flows are noted."""
        correlation = -1
        found: dict[str, int] = {}
        for stat in event.stats:
            name = self._stat_names.get(stat.metadata_id, "")
            if name == "correlation_id":
                correlation = _integer(stat)
                if kind == SliceKind.OTHER:
                    kind = SliceKind.RUNTIME
            elif name == "hlo_op" and kind == SliceKind.OTHER:
                kind = SliceKind.KERNEL
            elif name == "tf_function_call" and kind == SliceKind.OTHER:
                kind = SliceKind.SCOPE
            elif name in ("step_num", "_pt", "_p", "_ct", "_c"):
                found[name] = _integer(stat)
        if "step_num" in found and kind in (SliceKind.OTHER, SliceKind.STEP):
            kind = SliceKind.STEP
            self._columns.step_numbers[row] = found["step_num"]
        if "_p" in found:
            self._columns.producers[found.get("_pt", 0), found["_p"]] = row
        if "_c" in found:
            self._columns.consumers.append(((found.get("_ct", 0), found["_c"]), row))
        return kind, correlation

    def _memory_event(self, event: Any, time_ns: int, track: int) -> None:
        names = self._stat_names
        stats = {names.get(s.metadata_id, ""): stat_value(s, names) for s in event.stats}
        self._columns.memory.append(
            MemoryEvent(
                time_ns,
                self._names[event.metadata_id] == "MemoryAllocation",
                _number(stats, "addr"),
                _number(stats, "allocation_bytes"),
                _number(stats, "bytes_allocated"),
                _number(stats, "bytes_reserved"),
                str(stats.get("allocator_name", "")),
                str(stats.get("region_type", "")),
                str(stats.get("tf_op", "")),
                track,
            )
        )


def slice_kind(name: str, line_name: str, is_stream: bool) -> SliceKind:
    """What an event is, as far as its name and line tell."""
    if line_name in _DERIVED_LINES:
        return _DERIVED_LINES[line_name]
    if is_stream:
        if _COLLECTIVE.search(name):
            return SliceKind.COMMUNICATION
        return SliceKind.COPY if _COPY.match(name) else SliceKind.KERNEL
    if _OPERATOR.fullmatch(name) or _EAGER_OPERATOR.fullmatch(name):
        return SliceKind.OPERATOR
    return SliceKind.OTHER


def _integer(stat: Any) -> int:
    """Ids are unsigned 64-bit; they are kept as the signed number of the same bits."""
    value = getattr(stat, stat.WhichOneof("value") or "int64_value")
    if isinstance(value, str):
        value = int(value) if value.lstrip("-").isdigit() else -1
    if not isinstance(value, int):
        return -1
    return (value + 2**63) % 2**64 - 2**63


def _number(stats: dict[str, Any], name: str) -> int:
    value = stats.get(name, -1)
    return int(value) if isinstance(value, int | float) else -1
