"""Events of a Chrome trace as columns: slices, instants, counters, flows and names."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import psutil

from profilers.profile import JsonText, StringPool
from profilers.profile.table import Int32, Int64
from profilers.traces.chrome_text import Event
from profilers.traces.exact_time import microseconds_to_ns

TrackKey = tuple[str, str]  # process and thread as written, quotes taken off

_LONGEST_NS = 2**60  # 36 years: sums with any time stay within int64
_MEMORY_SHARE = 0.25  # sorting and nesting take about twice the columns again
_METADATA_BYTES = 200
_METADATA = frozenset({
    "process_name", "process_labels", "process_sort_index", "thread_name", "thread_sort_index",
})  # fmt: skip


class TooManyEvents(Exception):
    """The columns need more memory than may be taken."""


@dataclass(frozen=True, eq=False)
class Records:
    """Events of one kind, column by column; times as written, in ns.

    `name` and `category` are string rows, `track` rows of `ChromeEvents.tracks`; events that belong
    together (the ends of a flow or of an asynchronous range) have the same `key`, others -1.
    """

    start_ns: Int64
    duration_ns: Int64
    name: Int32
    category: Int32
    track: Int32
    key: Int32
    arguments: JsonText

    def __len__(self) -> int:
        return len(self.start_ns)

    def take(self, rows: Int64) -> "Records":
        return Records(
            self.start_ns[rows],
            self.duration_ns[rows],
            self.name[rows],
            self.category[rows],
            self.track[rows],
            self.key[rows],
            take_texts(self.arguments, rows),
        )


@dataclass
class ChromeEvents:
    """All records of a trace, and what its metadata events say of processes and threads."""

    tracks: list[TrackKey]
    slices: Records
    instants: Records
    counters: Records
    flows: Records
    process_names: dict[str, str] = field(default_factory=dict)
    process_labels: dict[str, str] = field(default_factory=dict)
    process_order: dict[str, int] = field(default_factory=dict)
    thread_names: dict[TrackKey, str] = field(default_factory=dict)
    thread_order: dict[TrackKey, int] = field(default_factory=dict)
    unfinished: int = 0  # begin events without an end


class EventCollector:
    """Turns decoded events into columns, some thousand at a time."""

    def __init__(self, pool: StringPool) -> None:
        self._pool = pool
        self._rows = _Rows(pool)
        self._columns: dict[str, _Columns] = {
            **{phase: _Columns(self._rows) for phase in "XBEiInC"},
            **{phase: _Columns(self._rows, self._rows.async_key) for phase in "be"},
            **{phase: _Columns(self._rows, self._rows.flow_key) for phase in "stf"},
        }
        self._metadata: dict[tuple[object, bytes, bytes, bytes], None] = {}
        self._bytes_left = int(_MEMORY_SHARE * psutil.virtual_memory().available)

    def add(self, events: list[Event]) -> None:
        """Take events in file order.

        Raises
        ------
        TooManyEvents
            If a quarter of the free memory is used up.
        """
        by_phase: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            by_phase[event.ph].append(event)
        for phase, some in by_phase.items():
            if phase in self._columns:
                self._bytes_left -= self._columns[phase].add(some)
        for event in by_phase["M"]:
            if event.name in _METADATA:
                key = (event.name, bytes(event.pid), bytes(event.tid), bytes(event.args))
                self._metadata[key] = None
        self._bytes_left -= _METADATA_BYTES * len(by_phase["M"])
        if self._bytes_left < 0:
            raise TooManyEvents

    def finished(self) -> ChromeEvents:
        paired, unfinished = _paired(self._records("B"), self._records("E"), "track")
        ranges, unfinished_ranges = _paired(self._records("b"), self._records("e"), "key")
        ranges = self._on_async_tracks(ranges)
        events = ChromeEvents(
            self._rows.tracks(),
            _joined(self._records("X"), paired, ranges),
            self._records("iIn"),
            self._records("C"),
            self._records("stf"),
            unfinished=unfinished + unfinished_ranges,
        )
        for name, process, thread, arguments in self._metadata:
            _take_metadata(events, str(name), unquoted(process), unquoted(thread), arguments)
        return events

    def _records(self, phases: str) -> Records:
        return _joined(*(self._columns[phase].joined() for phase in phases))

    def _on_async_tracks(self, ranges: Records) -> Records:
        """Asynchronous ranges may overlap: they get a row per process and category."""
        strings = self._pool.table()
        processes = [process for process, _ in self._rows.tracks()]
        columns = (ranges.track.tolist(), ranges.category.tolist(), ranges.name.tolist())
        track = [
            self._rows.named_track(processes[each], f"async {strings[category] or strings[name]}")
            for each, category, name in zip(*columns, strict=True)
        ]
        return Records(**{**vars(ranges), "track": np.array(track, np.int32)})


def take_texts(texts: JsonText, rows: Int64) -> JsonText:
    begins, ends = texts.offsets[rows].tolist(), texts.offsets[rows + 1].tolist()
    data = texts.data
    return JsonText.from_texts([data[a:b] for a, b in zip(begins, ends, strict=True)])


def unquoted(text: bytes) -> str:
    """An id as text, whether it was written as a number or as a string."""
    if text[:1] == b'"':
        try:
            return str(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return text.decode("utf-8", "replace")
    return text.decode("ascii", "replace")


class _Rows:
    """Row numbers of names, tracks and keys, each looked up once per distinct value."""

    def __init__(self, pool: StringPool) -> None:
        self._pool = pool
        self._track_rows: dict[TrackKey, int] = {}
        self.text = _Remembered(self._text_row)
        self.track = _Remembered(self._track_row)
        self._ids = _Remembered(unquoted)
        self._keys: dict[tuple[object, ...], int] = {}

    def flow_key(self, event: Event) -> int:
        return self._key(event.cat, self._ids[bytes(event.id)])

    def async_key(self, event: Event) -> int:
        process, number = self._ids[bytes(event.pid)], self._ids[bytes(event.id)]
        return self._key(process, event.cat, number, event.name)

    def named_track(self, process: str, thread: str) -> int:
        return self._track_rows.setdefault((process, thread), len(self._track_rows))

    def tracks(self) -> list[TrackKey]:
        return list(self._track_rows)

    def _key(self, *parts: object) -> int:
        return self._keys.setdefault(parts, len(self._keys))

    def _text_row(self, value: str | int | float | None) -> int:
        return self._pool.add("" if value is None else str(value))

    def _track_row(self, written: tuple[bytes, bytes]) -> int:
        return self.named_track(unquoted(written[0]), unquoted(written[1]))


class _Remembered(dict[Any, Any]):
    """What a function gave for each key it was asked for."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: Any) -> Any:
        value = self[key] = self._function(key)
        return value


class _Columns:
    """The events of one phase, batch by batch."""

    def __init__(self, rows: _Rows, key_of: Callable[[Event], int] | None = None) -> None:
        self._rows = rows
        self._key_of = key_of
        self._batches: list[Records] = []

    def add(self, events: list[Event]) -> int:
        """The bytes that the events take."""
        text, track, count = self._rows.text, self._rows.track, len(events)
        durations = microseconds_to_ns([event.dur for event in events])
        keys = [self._key_of(event) for event in events] if self._key_of else [-1] * count
        batch = Records(
            microseconds_to_ns([event.ts for event in events]),
            np.clip(durations, 0, _LONGEST_NS),
            np.fromiter((text[event.name] for event in events), np.int32, count),
            np.fromiter((text[event.cat] for event in events), np.int32, count),
            np.fromiter(
                (track[bytes(event.pid), bytes(event.tid)] for event in events), np.int32, count
            ),
            np.array(keys, np.int32),
            JsonText.from_texts([event.args for event in events]),
        )
        self._batches.append(batch)
        return 40 * count + len(batch.arguments.data)

    def joined(self) -> Records:
        return _joined(*self._batches)


def _joined(*parts: Records) -> Records:
    if len(parts) == 1:
        return parts[0]
    texts = [part.arguments for part in parts]
    lengths = [np.zeros(1, np.int64), *(np.diff(text.offsets) for text in texts)]
    return Records(
        _column(np.int64, [part.start_ns for part in parts]),
        _column(np.int64, [part.duration_ns for part in parts]),
        _column(np.int32, [part.name for part in parts]),
        _column(np.int32, [part.category for part in parts]),
        _column(np.int32, [part.track for part in parts]),
        _column(np.int32, [part.key for part in parts]),
        JsonText(np.cumsum(np.concatenate(lengths)), b"".join(text.data for text in texts)),
    )


def _column(dtype: type, parts: list[Any]) -> Any:
    return np.concatenate([np.empty(0, dtype), *parts], dtype=dtype)


def _paired(begins: Records, ends: Records, by: str) -> tuple[Records, int]:
    """Slices from begin and end events, and how many begins have no end.

    An end closes the latest open begin of its key; ends without a begin are dropped. A slice keeps
    the begin's name and arguments.
    """
    count = len(begins)
    time_ns = np.concatenate((begins.start_ns, ends.start_ns))
    keys = np.concatenate((getattr(begins, by), getattr(ends, by))).tolist()
    open_by_key: dict[int, list[int]] = defaultdict(list)
    pairs: list[tuple[int, int]] = []
    for row in np.lexsort((np.arange(len(time_ns)) >= count, time_ns)).tolist():
        stack = open_by_key[keys[row]]
        if row < count:
            stack.append(row)
        elif stack:
            pairs.append((stack.pop(), row))
    chosen = np.array(pairs, np.int64).reshape(-1, 2)
    durations = np.minimum(time_ns[chosen[:, 1]] - time_ns[chosen[:, 0]], _LONGEST_NS)
    slices = Records(**{**vars(begins.take(chosen[:, 0])), "duration_ns": durations})
    return slices, sum(len(stack) for stack in open_by_key.values())


def _take_metadata(
    into: ChromeEvents, name: str, process: str, thread: str, arguments: bytes
) -> None:
    """Names and order of processes and threads; what cannot be read is left out."""
    try:
        values = msgspec.json.decode(arguments) if arguments else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if not isinstance(values, dict):
        return
    key = (process, thread)
    label, order = values.get("name"), values.get("sort_index")
    if name == "process_name" and isinstance(label, str):
        into.process_names[process] = label
    elif name == "process_labels" and isinstance(values.get("labels"), str):
        into.process_labels[process] = values["labels"]
    elif name == "process_sort_index" and isinstance(order, (int, float)):
        into.process_order[process] = int(max(min(order, 2**30), -(2**30)))
    elif name == "thread_sort_index" and isinstance(order, (int, float)):
        into.thread_order[key] = int(max(min(order, 2**30), -(2**30)))
    # Kineto repeats a thread's name in varying order; the process's own name tells nothing.
    elif (
        name == "thread_name"
        and isinstance(label, str)
        and (key not in into.thread_names or label != into.process_names.get(process))
    ):
        into.thread_names[key] = label
