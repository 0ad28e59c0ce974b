"""What a Chrome trace's events say, sorted by what they are."""

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np

from profilers.compiled.limits import LONGEST_NS, NO_TIME
from profilers.profile import StringPool
from profilers.profile.table import Int32, Int64
from profilers.traces.chrome_parts import (
    FlowRecords,
    OtherRecords,
    SliceRecords,
    SpannedJson,
    TrackKey,
    TrackRows,
)
from profilers.traces.chrome_reader import ReadEvents
from profilers.traces.kineto import BOOKKEEPING, UNSHOWN_INSTANTS
from profilers.traces.nesting import paired

AnyRecords = TypeVar("AnyRecords", SliceRecords, FlowRecords, OtherRecords)

_METADATA = frozenset({
    "process_name", "process_labels", "process_sort_index", "thread_name", "thread_sort_index",
})  # fmt: skip


@dataclass
class ChromeEvents:
    """All records of a trace, and what its metadata events say of processes and threads.

    Records without a time are left out.
    """

    tracks: list[TrackKey]
    slices: list[SliceRecords]  # in parts, in the file's order
    instants: OtherRecords
    counters: OtherRecords
    flows: FlowRecords
    process_names: dict[str, str] = field(default_factory=dict)
    process_labels: dict[str, str] = field(default_factory=dict)
    process_order: dict[str, int] = field(default_factory=dict)
    thread_names: dict[TrackKey, str] = field(default_factory=dict)
    thread_order: dict[TrackKey, int] = field(default_factory=dict)
    unfinished: int = 0  # begin events without an end


def sorted_events(found: ReadEvents, pool: StringPool) -> ChromeEvents:
    """Begin and end events become slices; metadata is read."""
    others = OtherRecords.joined([part.others for part in found.parts])
    metadata = _of_phases(others, "M")
    others = _timed(others)
    calls, unfinished = _paired_calls(others)
    ranges, unfinished_ranges = _paired_ranges(others, found.tracks, pool)
    hidden = np.array([pool.add(each) for each in sorted(BOOKKEEPING)], np.int32)
    slices = [_shown(part.slices, hidden) for part in found.parts]
    instants = _of_phases(others, "iIn")
    events = ChromeEvents(
        found.tracks.keys,
        [*slices, calls, ranges, _marks(instants, pool)],
        instants,
        _of_phases(others, "C"),
        _timed(FlowRecords.joined([part.flows for part in found.parts])),
        unfinished=unfinished + unfinished_ranges,
    )
    _take_metadata(events, metadata, arguments_of(metadata, found), found.tracks.keys, pool)
    return events


def arguments_of(records: SliceRecords | OtherRecords, found: ReadEvents) -> SpannedJson:
    """The arguments of records, decoded when looked at."""
    return SpannedJson(records.begin, records.length, found.text, found.side.joined())


def _of_phases(records: OtherRecords, phases: str) -> OtherRecords:
    wanted = np.frombuffer(phases.encode(), np.uint8)
    return records.take(np.flatnonzero(np.isin(records.phase, wanted)))


def _timed(records: AnyRecords) -> AnyRecords:
    is_timed = records.start_ns != NO_TIME
    return records if is_timed.all() else records.take(is_timed)


def _shown(slices: SliceRecords, hidden: Int32) -> SliceRecords:
    """Without spans of the profiler itself and without what has no time."""
    is_hidden = np.isin(slices.category, hidden) | (slices.start_ns == NO_TIME)
    return slices.take(~is_hidden) if is_hidden.any() else slices


def _marks(instants: OtherRecords, pool: StringPool) -> SliceRecords:
    """Instants that somebody set to be seen, as slices of no length."""
    strings = pool.table()
    rows = np.unique(instants.name).tolist()
    unshown = [row for row in rows if strings[row].startswith(UNSHOWN_INSTANTS)]
    shown = instants.take(~np.isin(instants.name, np.array(unshown, np.int32)))
    return SliceRecords.of(
        start_ns=shown.start_ns,
        duration_ns=np.zeros(len(shown), np.int64),
        name=shown.name,
        category=shown.category,
        track=shown.track,
        correlation=np.full(len(shown), -1),
        begin=shown.begin,
        length=shown.length,
    )


def _paired_calls(others: OtherRecords) -> tuple[SliceRecords, int]:
    """Slices from B and E events: an end closes its thread's latest open begin."""
    begins, ends = _of_phases(others, "B"), _of_phases(others, "E")
    keys = np.concatenate((begins.track, ends.track)).astype(np.int64)
    return _paired(begins, ends, keys)


def _paired_ranges(
    others: OtherRecords, tracks: TrackRows, pool: StringPool
) -> tuple[SliceRecords, int]:
    """Slices from asynchronous b and e events of equal process, category, id and name.

    They may overlap: they get a row per process and category.
    """
    begins, ends = _of_phases(others, "b"), _of_phases(others, "e")
    both = OtherRecords.joined([begins, ends])
    if not len(both):
        return SliceRecords.empty(), 0
    keys, strings = tracks.keys, pool.table()
    rows: dict[tuple[str, int], int] = {}
    process = np.array([rows.setdefault((key[0], 0), len(rows)) for key in keys])[both.track]
    identity = np.stack((process, both.category, both.id, both.name))
    _, key = np.unique(identity, axis=1, return_inverse=True)
    slices, unfinished = _paired(begins, ends, key.astype(np.int64))
    columns = (slices.track.tolist(), slices.category.tolist(), slices.name.tolist())
    track = [
        tracks.of(keys[each][0], f"async {strings[category] or strings[name]}")
        for each, category, name in zip(*columns, strict=True)
    ]
    return slices.replace(track=np.array(track, np.int32)), unfinished


def _paired(begins: OtherRecords, ends: OtherRecords, keys: Int64) -> tuple[SliceRecords, int]:
    """Slices from begin and end events, and how many begins have no end.

    Ends without a begin are dropped. A slice keeps the begin's name and arguments. `keys` are those
    of the begins, then of the ends.
    """
    time_ns = np.concatenate((begins.start_ns, ends.start_ns))
    end_of = paired(keys, time_ns, len(begins))
    rows = np.flatnonzero(end_of >= 0)
    begun = begins.take(rows)
    durations = np.minimum(time_ns[end_of[rows]] - begun.start_ns, LONGEST_NS)
    slices = SliceRecords.of(
        start_ns=begun.start_ns,
        duration_ns=durations,
        name=begun.name,
        category=begun.category,
        track=begun.track,
        correlation=np.full(len(begun), -1),
        begin=begun.begin,
        length=begun.length,
    )
    return slices, len(begins) - len(rows)


def _take_metadata(
    into: ChromeEvents,
    records: OtherRecords,
    arguments: SpannedJson,
    keys: list[TrackKey],
    pool: StringPool,
) -> None:
    """Names and order of processes and threads; what cannot be read is left out."""
    strings = pool.table()
    rows = zip(records.name.tolist(), records.track.tolist(), strict=True)
    seen: dict[tuple[int, int, bytes], None] = {}
    for row, (name, track) in enumerate(rows):
        if strings[name] in _METADATA:
            seen[name, track, arguments.text(row)] = None
    for name, track, text in seen:
        try:
            values = msgspec.json.decode(text) if text else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(values, dict):
            _take_name(into, strings[name], keys[track], values)


def _take_name(into: ChromeEvents, name: str, key: TrackKey, values: dict[str, object]) -> None:
    process, _ = key
    label, order = values.get("name"), values.get("sort_index")
    if name == "process_name" and isinstance(label, str):
        into.process_names[process] = label
    elif name == "process_labels" and isinstance(values.get("labels"), str):
        into.process_labels[process] = str(values["labels"])
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
