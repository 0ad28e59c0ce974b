"""Events of a Chrome trace as columns: slices, instants, counters, flows and names."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec
import numpy as np

from profilers.profile.table import Int64
from profilers.traces.chrome_text import Event
from profilers.traces.exact_time import microseconds_to_ns

TrackKey = tuple[str, str]  # process and thread as written, quotes taken off
KeyOf = Callable[[Event, "_Ids"], tuple[str, ...]]


@dataclass
class Records:
    """Events of one kind, column by column; `arguments` is JSON text, empty for none."""

    events: list[Event]
    start_ns: Int64
    duration_ns: Int64
    tracks: list[TrackKey]

    def __len__(self) -> int:
        return len(self.events)

    def arguments(self) -> list[bytes]:
        return [bytes(event.args) for event in self.events]

    def names(self) -> list[str]:
        return [text_of(event.name) for event in self.events]

    def categories(self) -> list[str]:
        return [text_of(event.cat) for event in self.events]


@dataclass
class ChromeEvents:
    """All records of a trace; times are as written, in ns.

    `process_names` and `thread_names` hold what metadata events said.
    """

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


def sort_events(events: Iterable[Event]) -> ChromeEvents:
    """Part events by what they are; begin and end events become slices."""
    by_phase: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_phase[event.ph].append(event)
    paired, unfinished = _paired(by_phase["B"], by_phase["E"], _thread_of)
    asynchronous, unfinished_async = _paired(by_phase["b"], by_phase["e"], _async_key)
    sorted_events = ChromeEvents(
        _joined(_records(by_phase["X"], with_duration=True), paired, asynchronous),
        _records(by_phase["i"] + by_phase["I"] + by_phase["n"]),
        _records(by_phase["C"]),
        _records([*by_phase["s"], *by_phase["t"], *by_phase["f"]]),
        unfinished=unfinished + unfinished_async,
    )
    for event in by_phase["M"]:
        _take_metadata(sorted_events, event)
    return sorted_events


def text_of(value: str | int | float | None) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def unquoted(raw: msgspec.Raw) -> str:
    """An id as text, whether it was written as a number or as a string."""
    text = bytes(raw)
    if text[:1] == b'"':
        try:
            return str(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return text.decode("utf-8", "replace")
    return text.decode("ascii", "replace")


class _Ids:
    """`unquoted`, once per distinct text: a trace has few processes and threads."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def __call__(self, raw: msgspec.Raw) -> str:
        text = bytes(raw)
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = unquoted(raw)
        return known


def _records(events: list[Event], *, with_duration: bool = False) -> Records:
    ids = _Ids()
    durations = (
        microseconds_to_ns([bytes(event.dur) for event in events])
        if with_duration
        else np.zeros(len(events), np.int64)
    )
    return Records(
        events,
        microseconds_to_ns([bytes(event.ts) for event in events]),
        np.maximum(durations, 0),
        [(ids(event.pid), ids(event.tid)) for event in events],
    )


def _paired(begins: list[Event], ends: list[Event], key_of: KeyOf) -> tuple[Records, int]:
    """Slices from begin and end events, and how many begins have no end.

    An end closes the latest open begin of its key; ends without a begin are dropped. A slice keeps
    the begin's arguments.
    """
    events = begins + ends
    time_ns = microseconds_to_ns([bytes(event.ts) for event in events])
    ids = _Ids()
    open_by_key: dict[tuple[str, ...], list[int]] = defaultdict(list)
    slices: list[tuple[int, int]] = []
    is_end = np.arange(len(events)) >= len(begins)
    for row in np.lexsort((is_end, time_ns)).tolist():
        stack = open_by_key[key_of(events[row], ids)]
        if row < len(begins):
            stack.append(row)
        elif stack:
            slices.append((stack.pop(), row))
    chosen = np.array(slices, np.int64).reshape(-1, 2)
    kept = [events[row] for row in chosen[:, 0].tolist()]
    records = Records(
        kept,
        time_ns[chosen[:, 0]],
        time_ns[chosen[:, 1]] - time_ns[chosen[:, 0]],
        [_track_of(event, key_of, ids) for event in kept],
    )
    return records, sum(len(stack) for stack in open_by_key.values())


def _thread_of(event: Event, ids: _Ids) -> tuple[str, ...]:
    return ids(event.pid), ids(event.tid)


def _async_key(event: Event, ids: _Ids) -> tuple[str, ...]:
    return ids(event.pid), text_of(event.cat), ids(event.id), text_of(event.name)


def _track_of(event: Event, key_of: KeyOf, ids: _Ids) -> TrackKey:
    if key_of is _async_key:
        return ids(event.pid), f"async {text_of(event.cat) or text_of(event.name)}"
    return ids(event.pid), ids(event.tid)


def _joined(*parts: Records) -> Records:
    return Records(
        [event for part in parts for event in part.events],
        np.concatenate([part.start_ns for part in parts]),
        np.concatenate([part.duration_ns for part in parts]),
        [key for part in parts for key in part.tracks],
    )


def _take_metadata(into: ChromeEvents, event: Event) -> None:
    """Names and order of processes and threads; what cannot be read is left out."""
    try:
        values = msgspec.json.decode(event.args) if bytes(event.args) else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if not isinstance(values, dict):
        return
    process = unquoted(event.pid)
    thread = (process, unquoted(event.tid))
    name, order = values.get("name"), values.get("sort_index")
    if event.name == "process_name" and isinstance(name, str):
        into.process_names[process] = name
    elif event.name == "process_labels" and isinstance(values.get("labels"), str):
        into.process_labels[process] = values["labels"]
    elif event.name == "process_sort_index" and isinstance(order, (int, float)):
        into.process_order[process] = int(max(min(order, 2**30), -(2**30)))
    elif event.name == "thread_sort_index" and isinstance(order, (int, float)):
        into.thread_order[thread] = int(max(min(order, 2**30), -(2**30)))
    # Kineto repeats a thread's name in varying order; the process's own name tells nothing.
    elif (
        event.name == "thread_name"
        and isinstance(name, str)
        and (thread not in into.thread_names or name != into.process_names.get(process))
    ):
        into.thread_names[thread] = name
