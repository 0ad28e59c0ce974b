"""Windows of events to parts with the compiled scan; one scanner per thread."""

import secrets
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import msgspec
import numpy as np

from profilers.compiled.limits import NO_ROOM, PADDING
from profilers.compiled.scan_state import MARKS, RECENT_BITS, M
from profilers.profile import StringPool
from profilers.profile.table import Int32, Int64, Table
from profilers.traces.chrome_parts import (
    FlowRecords,
    OtherRecords,
    Part,
    Repairs,
    SliceRecords,
    TrackRows,
)
from profilers.traces.chrome_windows import Window

_UNKNOWN = -1
_ROWS = 1 << 16
_STRINGS, _ARENA, _TRACKS = 1 << 14, 1 << 20, 1 << 8
_KEPT_PHASES = np.array([ord(phase) for phase in "MC"], np.uint8)

AnyTable = TypeVar("AnyTable", bound=Table)
Columns = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Scanned:
    """What one scan found; rows of strings and tracks are the scanner's own."""

    part: Part
    texts: dict[int, bytes]  # arguments of metadata and counters, by row of `part.others`
    new_strings: list[bytes]
    new_tracks: list[tuple[int, int]]
    status: int
    position: int
    odd_times: int
    negative_durations: int
    untimed: int


class Scanner:
    """Interned strings and tracks, and room for the columns of one window."""

    def __init__(self, loops: ModuleType) -> None:
        self._loops = loops
        self._marks = np.zeros(MARKS, np.int64)
        self._marks[M.seed] = secrets.randbits(62)
        self._marks[M.last_pair] = -1  # no event came before
        self._slices = _room(SliceRecords, _ROWS)
        self._flows = _room(FlowRecords, _ROWS)
        self._others = _room(OtherRecords, _ROWS)
        self._strings: Columns = _strings(_STRINGS, _ARENA)
        self._tracks: Columns = _tracks(_TRACKS)
        self._recent = np.full(3 << RECENT_BITS, -1, np.int64)
        self._told_strings = self._told_tracks = 0

    def scan(self, window: Window) -> Scanned:
        """All events of a window that the compiled scan reads."""
        marks = self._marks
        parts: list[Part] = []
        texts: dict[int, bytes] = {}
        rows_before = position = 0
        marks[M.odd_times] = marks[M.negative] = marks[M.untimed] = 0
        while True:
            marks[M.slices] = marks[M.flows] = marks[M.others] = 0
            status = self._loops.scan(
                window.buffer, position, window.size, window.begin,
                self._slices, self._flows, self._others, self._strings, self._tracks, self._recent,
                marks,
            )  # fmt: skip
            position = int(marks[M.position])
            part = Part(
                _filled(SliceRecords, self._slices, marks[M.slices]),
                _filled(FlowRecords, self._flows, marks[M.flows]),
                _filled(OtherRecords, self._others, marks[M.others]),
            )
            texts |= _texts(window, part.others, rows_before)
            rows_before += len(part.others)
            parts.append(part)
            if status != NO_ROOM:
                break
            self._make_room()
        return Scanned(
            _all(parts),
            texts,
            self._new_strings(),
            self._new_tracks(),
            status,
            position,
            int(marks[M.odd_times]),
            int(marks[M.negative]),
            int(marks[M.untimed]),
        )

    def _make_room(self) -> None:
        """For whatever was lacking: columns are emptied by the caller, or too small for one event."""
        marks = self._marks
        slots, begins, _, _, arena = self._strings
        strings, used, needed = marks[M.strings], marks[M.arena], int(marks[M.needed])
        if strings >= min(len(begins), len(slots) // 2) or used + needed + PADDING > len(arena):
            size = 2 * len(begins) if strings >= len(begins) else len(begins)
            larger = _strings(size, 2 * len(arena) + needed)
            for old, new in zip(self._strings[1:4], larger[1:4], strict=True):
                new[:strings] = old[:strings]
            larger[4][:used] = arena[:used]
            self._loops.fill_slots(larger[0], larger[3], strings)
            self._strings = larger
        if marks[M.tracks] >= len(self._tracks[1]):
            count = int(marks[M.tracks])
            larger = _tracks(2 * len(self._tracks[1]))
            larger[1][:count] = self._tracks[1]
            self._loops.fill_pair_slots(larger[0], larger[1], count)
            self._tracks = larger

    def _new_strings(self) -> list[bytes]:
        _, begins, lengths, _, arena = self._strings
        first, self._told_strings = self._told_strings, int(self._marks[M.strings])
        rows = slice(first, self._told_strings)
        return [
            arena[begin : begin + length].tobytes()
            for begin, length in zip(begins[rows].tolist(), lengths[rows].tolist(), strict=True)
        ]

    def _new_tracks(self) -> list[tuple[int, int]]:
        first, self._told_tracks = self._told_tracks, int(self._marks[M.tracks])
        pairs = self._tracks[1][first : self._told_tracks].tolist()
        return [((pair >> 32) - 1, (pair & 0xFFFFFFFF) - 1) for pair in pairs]


class PoolRows:
    """Gives what one scanner found rows of the pool, of the tracks and of the ids."""

    def __init__(
        self, pool: StringPool, tracks: TrackRows, ids: dict[bytes, int], repairs: Repairs
    ) -> None:
        self._pool = pool
        self._tracks = tracks
        self._ids = ids
        self._repairs = repairs
        self._texts: list[bytes] = []
        self._string_rows = np.array([pool.add("")], np.int32)  # the last one is that of no string
        self._track_rows = np.empty(0, np.int32)

    def learn(self, strings: list[bytes], tracks: list[tuple[int, int]]) -> None:
        """Take the strings and tracks that the scanner met for the first time."""
        if strings:
            self._texts += strings
            unknown = np.full(len(strings), _UNKNOWN, np.int32)
            self._string_rows = np.concatenate(
                (self._string_rows[:-1], unknown, self._string_rows[-1:])
            )
        if tracks:
            rows = [
                self._tracks.of(self._id(process), self._id(thread)) for process, thread in tracks
            ]
            self._track_rows = np.concatenate((self._track_rows, np.array(rows, np.int32)))

    def part(self, scanned: Part) -> Part:
        """The scanned part with rows that hold for all parts."""
        slices, flows, others = scanned.slices, scanned.flows, scanned.others
        self._enter(slices.name, slices.category, flows.category, others.name, others.category)
        rows, tracks = self._string_rows, self._track_rows
        return Part(
            slices.replace(
                name=rows[slices.name], category=rows[slices.category], track=tracks[slices.track]
            ),
            flows.replace(
                category=rows[flows.category], track=tracks[flows.track], id=self._numbers(flows.id)
            ),
            others.replace(
                name=rows[others.name],
                category=rows[others.category],
                track=tracks[others.track],
                id=self._numbers(others.id),
            ),
        )

    def _enter(self, *used: Int32) -> None:
        """Give used strings their row of the pool."""
        is_used = np.zeros(len(self._string_rows), np.bool_)
        for rows in used:
            is_used[rows] = True
        for row in np.flatnonzero(is_used & (self._string_rows == _UNKNOWN)).tolist():
            self._string_rows[row] = self._pool.add(self._text(self._texts[row]))

    def _text(self, raw: bytes) -> str:
        """A string with its escapes read; what is no UTF-8 is replaced and counted."""
        try:
            if b"\\" in raw:
                return str(msgspec.json.decode(b'"%b"' % raw))
            return raw.decode()
        except (UnicodeDecodeError, msgspec.DecodeError):
            self._repairs.odd_text += 1
            return raw.decode("utf-8", "replace")

    def _numbers(self, ids: Int64) -> Int64:
        """Ids that are text get a number that stands for it in all parts."""
        rows = np.flatnonzero(ids <= -2)
        if not len(rows):
            return ids
        numbers = ids.copy()
        numbers[rows] = [
            id_number(self._texts[-2 - each], self._ids) for each in ids[rows].tolist()
        ]
        return numbers

    def _id(self, row: int) -> str:
        return unquoted(self._texts[row]) if row >= 0 else ""


def id_number(text: bytes, ids: dict[bytes, int]) -> int:
    """A negative number for an id that is no plain number; the same for the same text."""
    return -2 - ids.setdefault(text, len(ids))


def unquoted(text: bytes) -> str:
    """An id as text, whether it was written as a number or as a string."""
    if text[:1] == b'"':
        try:
            return str(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return text.strip(b'"').decode("utf-8", "replace")
    return text.decode("ascii", "replace")


def _texts(window: Window, others: OtherRecords, first_row: int) -> dict[int, bytes]:
    """Arguments that are read for sure: those of metadata and counters."""
    rows = np.flatnonzero(np.isin(others.phase, _KEPT_PHASES) & (others.begin >= 0))
    begins, lengths = others.begin[rows] - window.begin, others.length[rows]
    return {
        first_row + row: window.buffer[begin : begin + length].tobytes()
        for row, begin, length in zip(rows.tolist(), begins.tolist(), lengths.tolist(), strict=True)
    }


def _all(parts: list[Part]) -> Part:
    return Part(
        SliceRecords.joined([part.slices for part in parts]),
        FlowRecords.joined([part.flows for part in parts]),
        OtherRecords.joined([part.others for part in parts]),
    )


def _room(kind: type[Table], rows: int) -> Columns:
    return tuple(np.empty(rows, dtype) for dtype in kind.dtypes().values())


def _filled(kind: type[AnyTable], room: Columns, count: int) -> AnyTable:
    return kind(*(column[:count].copy() for column in room))


def _strings(rows: int, arena_bytes: int) -> Columns:
    return (
        np.full(2 * rows, -1, np.int32),
        np.zeros(rows, np.int64),
        np.zeros(rows, np.int32),
        np.zeros(rows, np.uint64),
        np.zeros(arena_bytes + PADDING, np.uint8),
    )


def _tracks(rows: int) -> Columns:
    return np.full(2 * rows, -1, np.int32), np.zeros(rows, np.int64)
