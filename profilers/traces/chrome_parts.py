"""Events of a Chrome trace as columns, a part of the text at a time, and parts put together."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profilers.profile.table import Int32, Int64, Table, column
from profilers.traces.text_source import TextChanged, TextPieces

TrackKey = tuple[str, str]  # process and thread as written, quotes taken off

UInt8 = np.ndarray[Any, np.dtype[np.uint8]]

_READ_TOGETHER = 1 << 20
_SIDE = 1 << 60  # places from here on lie in the side text, not in the file
_CHANGED = b'{"unavailable":"the file has changed since it was opened"}'
_GONE = b'{"unavailable":"the file can no longer be read"}'


class SideText:
    """Arguments that are no longer, or not as such, in the file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, text: bytes) -> int:
        """The place of a text for the `begin` of a record."""
        self._parts.append(text)
        self._size += len(text)
        return _SIDE + self._size - len(text)

    def joined(self) -> bytes:
        self._parts = [b"".join(self._parts)]
        return self._parts[0]


@dataclass(frozen=True, eq=False)
class SpannedJson:
    """A JSON column whose rows are places in a trace's text; -1 for none."""

    begin: Int64
    length: Int32
    source: TextPieces
    side: bytes

    def __len__(self) -> int:
        return len(self.begin)

    def text(self, row: int) -> bytes:
        begin, length = int(self.begin[row]), int(self.length[row])
        if begin < 0:
            return b""
        try:
            return self._read(begin, length)
        except TextChanged:
            return _CHANGED
        except (OSError, ValueError):
            return _GONE

    def reading_order(self, rows: Int64) -> Int64:
        """The same rows as they lie in the file: a packed one is only quick to read forward."""
        return rows[np.argsort(self.begin[rows], kind="stable")]

    def pieces(self, rows: Int64) -> Iterator[tuple[Int64, bytes, Int64, Int64]]:
        """The texts of rows, those that lie close together in the file read at once.

        Yields which of `rows` a piece holds, its text, and where in it each row begins and how long
        it is. Rows without text, or whose text is gone, are left out.
        """
        begin, length = self.begin[rows], self.length[rows].astype(np.int64)
        order = np.argsort(begin, kind="stable")
        order = order[begin[order] >= 0]
        while len(order):
            first = int(begin[order[0]])
            behind = int(np.searchsorted(begin[order], first + _READ_TOGETHER))
            chosen, order = order[:behind], order[behind:]
            size = int((begin[chosen] + length[chosen]).max()) - first
            try:
                yield chosen, self._read(first, size), begin[chosen] - first, length[chosen]
            except (TextChanged, OSError, ValueError):
                continue

    def _read(self, begin: int, length: int) -> bytes:
        if begin >= _SIDE:
            return self.side[begin - _SIDE : begin - _SIDE + length]
        return self.source.piece(begin, length)


@dataclass(frozen=True, eq=False)
class SliceRecords(Table):
    """Complete events; times as written, in ns, `limits.NO_TIME` if there is none."""

    start_ns: Int64 = column("i8")
    duration_ns: Int64 = column("i8")
    name: Int32 = column("i4")  # row of the string pool
    category: Int32 = column("i4")
    track: Int32 = column("i4")  # row of `TrackRows`
    correlation: Int64 = column("i8")  # the launch id among the arguments, -1 for none
    begin: Int64 = column("i8")  # where the arguments' text lies, -1 for none
    length: Int32 = column("i4")


@dataclass(frozen=True, eq=False)
class FlowRecords(Table):
    """Ends of flows. `id`: a number as written, a number below -1 for other text, -1 for none."""

    start_ns: Int64 = column("i8")
    category: Int32 = column("i4")
    track: Int32 = column("i4")
    id: Int64 = column("i8")
    phase: UInt8 = column("u1")


@dataclass(frozen=True, eq=False)
class OtherRecords(Table):
    """Instants, counters, metadata, begins and ends."""

    start_ns: Int64 = column("i8")
    name: Int32 = column("i4")
    category: Int32 = column("i4")
    track: Int32 = column("i4")
    id: Int64 = column("i8")
    begin: Int64 = column("i8")
    length: Int32 = column("i4")
    phase: UInt8 = column("u1")


@dataclass(frozen=True, eq=False)
class Part:
    """What a stretch of the text holds."""

    slices: SliceRecords
    flows: FlowRecords
    others: OtherRecords

    @property
    def bytes_held(self) -> int:
        tables: tuple[Table, ...] = (self.slices, self.flows, self.others)
        return sum(each.nbytes for table in tables for each in table.columns().values())


@dataclass
class TrackRows:
    """Row of each process and thread, in order of appearance."""

    rows: dict[TrackKey, int] = field(default_factory=dict)

    def of(self, process: str, thread: str) -> int:
        return self.rows.setdefault((process, thread), len(self.rows))

    @property
    def keys(self) -> list[TrackKey]:
        return list(self.rows)


@dataclass
class Repairs:
    """What was not as it should be, counted."""

    odd_times: int = 0  # times and durations that are no numbers
    negative_durations: int = 0
    untimed: int = 0  # events left out for want of a time
    odd_text: int = 0  # names that are no valid UTF-8


def joined_column(parts: Sequence[Table], name: str) -> Any:
    return np.concatenate([getattr(part, name) for part in parts])


def joined_in_order(parts: Sequence[SliceRecords], order: Int64) -> SliceRecords:
    """All rows of all parts in an order; columns are built side by side on the cores."""
    with ThreadPoolExecutor(os.cpu_count()) as crew:
        names = list(SliceRecords.dtypes())
        columns = crew.map(lambda name: joined_column(parts, name)[order], names)
        return SliceRecords(**dict(zip(names, columns, strict=True)))
