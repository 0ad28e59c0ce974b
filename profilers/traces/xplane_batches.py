"""A line's events in batches of columns, with those of their stats that are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.profile.table import Int64
from profilers.traces.xplane_wire import BLOCK, FIXED64, PADDING, VARINT, Messages, key_of

BATCH_EVENTS = 1 << 16  # columns of a batch stay in the cache: twice as fast as a line at a time

_METADATA, _OFFSET, _DURATION, _OCCURRENCES = (key_of(number, VARINT) for number in (1, 2, 3, 5))
_STATS = key_of(4, BLOCK)
_STAT_NAME = key_of(1, VARINT)
_STAT_DOUBLE = key_of(2, FIXED64)
_STAT_INTEGERS = tuple(key_of(number, VARINT) for number in (3, 4))  # unsigned, signed
_STAT_OTHERS = (*(key_of(number, BLOCK) for number in (5, 6)), key_of(7, VARINT))


@dataclass(frozen=True, eq=False)
class StatColumns:
    """Stats in the order of their events' fields; unsigned integers keep their bits."""

    event: Int64
    name: Int64  # id of the stat's metadata
    bits: Int64  # an integer, or a float64's bits
    is_integer: np.ndarray[Any, np.dtype[np.bool_]]
    is_double: np.ndarray[Any, np.dtype[np.bool_]]

    def integers(self, names: Int64) -> tuple[Int64, Int64]:
        """Events that have one of the stats as an integer, and the values."""
        rows = np.flatnonzero(np.isin(self.name, names) & self.is_integer)
        return self.event[rows], self.bits[rows]

    def numbers(self) -> tuple[Int64, np.ndarray[Any, np.dtype[np.float64]]]:
        """Events that have any number, and the numbers."""
        rows = np.flatnonzero(self.is_integer | self.is_double)
        values = np.where(
            self.is_double[rows], self.bits[rows].view(np.float64), self.bits[rows].astype(float)
        )
        return self.event[rows], values

    def having(self, names: Int64) -> Int64:
        """Events that have one of the stats."""
        return self.event[np.isin(self.name, names)]


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Some successive events of a line: event i is ``text[bounds[i]:bounds[i + 1]]``."""

    text: bytes
    bounds: Int64
    metadata: Int64
    offset_ps: Int64
    duration_ps: Int64
    is_sound: np.ndarray[Any, np.dtype[np.bool_]]
    is_aggregate: np.ndarray[Any, np.dtype[np.bool_]]  # counts occurrences, has no time
    stats: StatColumns

    def __len__(self) -> int:
        return len(self.metadata)

    def payload(self, event: int) -> bytes:
        return self.text[self.bounds[event] : self.bounds[event + 1]]


def batches(events: Any, stat_names: Int64 | None) -> Iterator[EventBatch]:
    """Batches of a line's encoded events.

    Parameters
    ----------
    events : sequence of bytes
        XEvent messages.
    stat_names : ndarray of int64 or None
        Ids of the stats to read, None for all of them.
    """
    for first in range(0, len(events), BATCH_EVENTS):
        yield _batch(events[first : first + BATCH_EVENTS], stat_names)


def _batch(events: list[bytes], stat_names: Int64 | None) -> EventBatch:
    count = len(events)
    bounds = np.zeros(count + 1, np.int64)
    np.cumsum(np.fromiter(map(len, events), np.int64, count), out=bounds[1:])
    text = b"".join((*events, PADDING))
    messages = Messages(text, bounds[:-1], bounds[1:])
    columns = {key: np.zeros(count, np.int64) for key in (_METADATA, _OFFSET, _DURATION)}
    is_aggregate = np.zeros(count, np.bool_)
    stats = [np.empty((3, 0), np.int64)]
    for field in messages.fields():
        if field.key == _STATS:
            stats.append(np.stack((field.message, field.begin, field.end)))
        elif field.key == _OCCURRENCES:
            is_aggregate[field.message] = True
        elif field.key in columns:
            columns[field.key][field.message] = field.value
    event, begin, end = np.hstack(stats)
    return EventBatch(
        text,
        bounds,
        columns[_METADATA],
        columns[_OFFSET],
        columns[_DURATION],
        ~messages.is_damaged,
        is_aggregate,
        _stats(messages, event, begin, end, stat_names),
    )


def _stats(
    messages: Messages, event: Int64, begin: Int64, end: Int64, wanted: Int64 | None
) -> StatColumns:
    if wanted is not None:
        first = messages.within(begin, end).first_integer(_STAT_NAME)
        rows = np.flatnonzero((first == -1) | np.isin(first, wanted))
        event, begin, end = event[rows], begin[rows], end[rows]
    stats = messages.within(begin, end)
    name, bits = np.zeros((2, len(event)), np.int64)
    is_integer, is_double = np.zeros((2, len(event)), np.bool_)
    for field in stats.fields():
        if field.key == _STAT_NAME:
            name[field.message] = field.value
        elif field.key == _STAT_DOUBLE or field.key in _STAT_INTEGERS:
            bits[field.message] = field.value
            is_double[field.message] = field.key == _STAT_DOUBLE
            is_integer[field.message] = field.key != _STAT_DOUBLE
        elif field.key in _STAT_OTHERS:
            is_integer[field.message] = is_double[field.message] = False
    is_sound = ~stats.is_damaged
    return StatColumns(
        event[is_sound], name[is_sound], bits[is_sound], is_integer[is_sound], is_double[is_sound]
    )
