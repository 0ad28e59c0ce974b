"""A line's events in batches of columns, with those of their stats that are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from profilers.profile.table import Float64, Int8, Int64
from profilers.traces.xplane_wire import BLOCK, FIXED64, PADDING, VARINT, Messages, key_of

BATCH_EVENTS = 1 << 16  # columns of a batch stay in the cache: twice as fast as a line at a time

_METADATA, _OFFSET, _DURATION, _OCCURRENCES = (key_of(number, VARINT) for number in (1, 2, 3, 5))
_STATS = key_of(4, BLOCK)
_STAT_NAME = key_of(1, VARINT)


class StatKind(IntEnum):
    """How a stat's value is stored; `NONE` where it has none that is read."""

    NONE = 0
    INTEGER = 1
    DOUBLE = 2
    TEXT = 3
    REFERENCE = 4  # the id of a stat's metadata whose name is the text


_STAT_VALUES = {
    key_of(2, FIXED64): StatKind.DOUBLE,
    key_of(3, VARINT): StatKind.INTEGER,  # unsigned
    key_of(4, VARINT): StatKind.INTEGER,
    key_of(5, BLOCK): StatKind.TEXT,
    key_of(6, BLOCK): StatKind.NONE,  # bytes
    key_of(7, VARINT): StatKind.REFERENCE,
}


@dataclass(frozen=True, eq=False)
class StatColumns:
    """Stats in the order of their events' fields."""

    event: Int64
    name: Int64  # id of the stat's metadata
    kind: Int8  # StatKind
    value: Int64  # unsigned integers and doubles by their bits, where a text begins
    end: Int64  # of a text

    def rows(self, names: Int64, kind: StatKind) -> Int64:
        """Rows of the stats of a kind with one of these names."""
        return np.flatnonzero((self.kind == kind) & np.isin(self.name, names))

    def integers(self, names: Int64) -> tuple[Int64, Int64]:
        """Events that have one of the stats as an integer, and the values."""
        rows = self.rows(names, StatKind.INTEGER)
        return self.event[rows], self.value[rows]

    def numbers(self) -> tuple[Int64, Float64]:
        """Events that have any number, and the numbers."""
        is_double = self.kind == StatKind.DOUBLE
        rows = np.flatnonzero(is_double | (self.kind == StatKind.INTEGER))
        values = self.value[rows]
        return self.event[rows], np.where(
            is_double[rows], values.view(np.float64), values.astype(np.float64)
        )

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
    name, value, stop = np.zeros((3, len(event)), np.int64)
    kind = np.zeros(len(event), np.int8)
    for field in stats.fields():
        if field.key == _STAT_NAME:
            name[field.message] = field.value
        elif field.key in _STAT_VALUES:
            is_block = field.key & 7 == BLOCK
            kind[field.message] = _STAT_VALUES[field.key]
            value[field.message] = field.begin if is_block else field.value
            stop[field.message] = field.end
    sound = np.flatnonzero(~stats.is_damaged)
    return StatColumns(event[sound], name[sound], kind[sound], value[sound], stop[sound])
