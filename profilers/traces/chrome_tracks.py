"""The rows of a Chrome trace: threads, device streams and counters, with the names to show."""

import math
import re

import numpy as np

from profilers.profile import Counters, JsonColumn, Slices, StringPool, TrackKind
from profilers.traces.chrome_events import ChromeEvents
from profilers.traces.chrome_parts import TrackKey
from profilers.traces.kineto import DEVICE_CATEGORIES, OVERHEAD_PROCESS

TrackRow = tuple[int, ...]

_DEVICE = re.compile(rb'"device"\s*:\s*"?(\d{1,6})')
_SERIES = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:\s*"?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)')


def used_tracks(events: ChromeEvents) -> list[int]:
    """Rows that hold slices, in display order; processes that are only named stay hidden."""

    def order(row: int) -> tuple[object, ...]:
        process, thread = key = events.tracks[row]
        return (
            _is_overhead(events, process),
            events.process_order.get(process, 0),
            _natural(process),
            events.thread_order.get(key, 0),
            _natural(thread),
        )

    is_used = np.zeros(len(events.tracks), np.bool_)
    for part in events.slices:
        is_used[part.track] = True
    return sorted(np.flatnonzero(is_used).tolist(), key=order)


def track_table(
    events: ChromeEvents, used: list[int], slices: Slices, arguments: JsonColumn, pool: StringPool
) -> list[TrackRow]:
    """A row of `Tracks` for each used track: a device's stream or a thread."""
    devices = _devices(events, used, slices, arguments, pool)
    table: list[TrackRow] = []
    for order, row in enumerate(used):
        key = events.tracks[row]
        if order in devices:
            kind, group, name = TrackKind.STREAM, *_stream(events, key, devices[order])
        else:
            kind, group, name = TrackKind.THREAD, *_thread(events, key)
        table.append((pool.add(name), kind, pool.add(group), devices.get(order, -1), 0, order))
    return table


def counters_of(
    events: ChromeEvents, arguments: JsonColumn, first_track: int, origin_ns: int, pool: StringPool
) -> tuple[Counters, list[TrackRow]]:
    """Samples, and a track for each counter and series."""
    records, strings = events.counters, pool.table()
    track_of: dict[tuple[str, str], int] = {}
    tracks: list[TrackRow] = []
    rows: list[tuple[int, int, float]] = []
    times = (records.start_ns - origin_ns).tolist()
    for row, (time_ns, name_row, track) in enumerate(
        zip(times, records.name.tolist(), records.track.tolist(), strict=True)
    ):
        name, (process, _) = strings[name_row], events.tracks[track]
        for series, text in _SERIES.findall(arguments.text(row)):
            label, value = series.decode("utf-8", "replace"), float(text)
            if not math.isfinite(value):
                continue
            full = name if label in ("value", name) else f"{name}: {label}"
            if (process, full) not in track_of:
                track_of[process, full] = first_track + len(tracks)
                group = pool.add(events.process_names.get(process, process))
                tracks.append((pool.add(full), TrackKind.COUNTER, group, -1, 0, len(tracks)))
            rows.append((track_of[process, full], time_ns, value))
    return Counters.from_rows(sorted(rows)), tracks


def _is_overhead(events: ChromeEvents, process: str) -> bool:
    return process == OVERHEAD_PROCESS and process not in events.process_names


def _natural(text: str) -> tuple[int, int, str]:
    return (0, int(text), "") if text.isdecimal() and len(text) < 18 else (1, 0, text)


def _devices(
    events: ChromeEvents, used: list[int], slices: Slices, arguments: JsonColumn, pool: StringPool
) -> dict[int, int]:
    """The device of each track that holds device work, from the first slice there."""
    is_device = np.zeros(len(pool), np.bool_)
    is_device[[pool.add(each) for each in sorted(DEVICE_CATEGORIES) if pool.has(each)]] = True
    rows = np.flatnonzero(is_device[slices.category])
    first = np.full(len(used), -1, np.int64)
    first[slices.track[rows[::-1]]] = rows[::-1]
    return {
        track: _device(arguments.text(int(first[track])), events.tracks[used[track]])
        for track in np.flatnonzero(first >= 0).tolist()
    }


def _device(arguments: bytes, key: TrackKey) -> int:
    match = _DEVICE.search(arguments)
    if match:
        return int(match[1])
    return int(key[0]) if key[0].isdecimal() and len(key[0]) < 7 else 0


def _stream(events: ChromeEvents, key: TrackKey, device: int) -> tuple[str, str]:
    process, thread = key
    group = events.process_labels.get(process, "") or f"GPU {device}"
    return group, events.thread_names.get(key, "") or f"stream {thread}"


def _thread(events: ChromeEvents, key: TrackKey) -> tuple[str, str]:
    process, thread = key
    if _is_overhead(events, process):
        return "profiler", "overhead"
    named = events.process_names.get(process, "")
    group = f"{named} ({process})" if named and named != process else named or process
    named = events.thread_names.get(key, "")
    title = f"{named} ({thread})" if named and thread not in named else named or thread
    return group, f"thread {title}" if title.isdecimal() else title
