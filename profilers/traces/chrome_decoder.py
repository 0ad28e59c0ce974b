"""Windows of events to parts with a JSON library: for odd text, and until the scan is compiled."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from profilers.compiled.limits import LONGEST_NS, NO_TIME
from profilers.profile import StringPool
from profilers.profile.table import Int64
from profilers.traces.chrome_parts import (
    FlowRecords,
    OtherRecords,
    Part,
    Repairs,
    SideText,
    SliceRecords,
    TrackRows,
)
from profilers.traces.chrome_scanner import id_number, unquoted
from profilers.traces.chrome_text import Event
from profilers.traces.exact_time import microseconds_to_ns
from profilers.traces.kineto import correlation_of

_FLOW_PHASES = "stf"


class EventDecoder:
    """Row numbers of names, tracks and ids, each looked up once per distinct value."""

    def __init__(
        self,
        pool: StringPool,
        tracks: TrackRows,
        ids: dict[bytes, int],
        side: SideText,
        repairs: Repairs,
    ) -> None:
        self._side = side
        self._repairs = repairs
        self._ids = ids
        self._text: dict[Any, int] = _Remembered(
            lambda value: pool.add("" if value is None else str(value))
        )
        self._track: dict[Any, int] = _Remembered(
            lambda written: tracks.of(unquoted(written[0]), unquoted(written[1]))
        )

    def part(self, events: list[Event]) -> Part:
        """The events' columns, in their order."""
        by_kind: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            by_kind[event.ph if event.ph in ("X", *_FLOW_PHASES) else ""].append(event)
        return Part(
            self._slices(by_kind["X"]),
            self._flows([event for phase in _FLOW_PHASES for event in by_kind[phase]]),
            self._others(by_kind[""]),
        )

    def _slices(self, events: list[Event]) -> SliceRecords:
        durations = microseconds_to_ns([event.dur for event in events])
        self._repairs.odd_times += sum(
            bool(events[row].dur) for row in np.flatnonzero(durations == NO_TIME).tolist()
        )
        self._repairs.negative_durations += int(((durations < 0) & (durations > NO_TIME)).sum())
        arguments = [bytes(event.args) for event in events]
        return SliceRecords.of(
            start_ns=self._times(events),
            duration_ns=np.clip(durations, 0, LONGEST_NS),
            name=self._names(events),
            category=self._categories(events),
            track=self._tracks(events),
            correlation=np.array([correlation_of(each) for each in arguments], np.int64),
            begin=self._places(arguments),
            length=np.array([len(each) for each in arguments], np.int32),
        )

    def _flows(self, events: list[Event]) -> FlowRecords:
        return FlowRecords.of(
            start_ns=self._times(events),
            category=self._categories(events),
            track=self._tracks(events),
            id=self._numbers(events),
            phase=_phases(events),
        )

    def _others(self, events: list[Event]) -> OtherRecords:
        arguments = [bytes(event.args) for event in events]
        return OtherRecords.of(
            start_ns=self._times(events),
            name=self._names(events),
            category=self._categories(events),
            track=self._tracks(events),
            id=self._numbers(events),
            begin=self._places(arguments),
            length=np.array([len(each) for each in arguments], np.int32),
            phase=_phases(events),
        )

    def _times(self, events: list[Event]) -> Int64:
        times = microseconds_to_ns([event.ts for event in events])
        self._repairs.untimed += sum(
            events[row].ph != "M" for row in np.flatnonzero(times == NO_TIME).tolist()
        )
        return times

    def _names(self, events: list[Event]) -> Any:
        return np.fromiter((self._text[event.name] for event in events), np.int32, len(events))

    def _categories(self, events: list[Event]) -> Any:
        return np.fromiter((self._text[event.cat] for event in events), np.int32, len(events))

    def _tracks(self, events: list[Event]) -> Any:
        written = ((bytes(event.pid), bytes(event.tid)) for event in events)
        return np.fromiter((self._track[each] for each in written), np.int32, len(events))

    def _numbers(self, events: list[Event]) -> Int64:
        return np.array([self._number(bytes(event.id)) for event in events], np.int64)

    def _number(self, text: bytes) -> int:
        plain = text[1:-1] if text[:1] == b'"' else text
        if plain.isdigit() and len(plain) <= 18 and (len(plain) == 1 or plain[:1] != b"0"):
            return int(plain)
        return id_number(text, self._ids) if text else -1

    def _places(self, arguments: list[Any]) -> Int64:
        return np.array([self._side.add(each) if each else -1 for each in arguments], np.int64)


class _Remembered(dict[Any, Any]):
    """What a function gave for each key it was asked for."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, key: Any) -> Any:
        value = self[key] = self._function(key)
        return value


def _phases(events: list[Event]) -> Any:
    return np.array(
        [ord(event.ph) if len(event.ph) == 1 and event.ph < "\x7f" else 0 for event in events],
        np.uint8,
    )
