"""One pass over Chrome trace text: events to columns, names to row numbers.

Reads what is written as every writer writes it, and stops at anything else; the caller decodes that
part with a JSON library. Arguments are skipped by counting brackets outside of strings, 64 bytes at
a time, and kept as places in the text. Measured on a 1 GB Kineto trace, one core: see
``tests/benchmarks/bench_traces.py``.
"""

from typing import Any

import numpy as np
from numba import int64, njit
from numba.types import Tuple
from numpy.typing import NDArray

from profilers.compiled.interning import MIX, row_of, track_of
from profilers.compiled.limits import CLOSED, CUT, DONE, LONGEST_NS, NO_ROOM, NO_TIME, ODD
from profilers.compiled.scan_state import FULL, RECENT_BITS, M
from profilers.compiled.signatures import FLOWS, I64, OTHERS, PAIRS, SLICES, STRINGS, TEXT
from profilers.compiled.text_numbers import flow_id, nanoseconds
from profilers.compiled.text_walk import (
    ALL,
    BACKSLASH,
    CLOSE,
    CLOSE_ARRAY,
    COLON,
    COMMA,
    OPEN,
    OPEN_ARRAY,
    QUOTE,
    blank_end,
    key_of,
    nested_end,
    value_end,
)
from profilers.compiled.vector import BLOCK, equal_mask, pointer, trailing_zeros, word_at

_PH, _TS, _ID = key_of(b"ph"), key_of(b"ts"), key_of(b"id")
_DUR, _CAT, _PID, _TID = key_of(b"dur"), key_of(b"cat"), key_of(b"pid"), key_of(b"tid")
_NAME, _ARGS = key_of(b"name"), key_of(b"args")
_X, _M, _S, _T, _F = 0x58, 0x4D, 0x73, 0x74, 0x66

# What one event says; numbers in an int64 array.
_START, _DURATION, _CORRELATION, _BEGIN, _LENGTH, _ID_BEGIN, _ID_END, _NAME_ROW, _CATEGORY_ROW = (
    range(9)
)
_PROCESS, _THREAD, _PHASE, _FIELDS = 9, 10, 11, 12


@njit
def _read_event(
    text: Any, at: int, end: int, event: Any, strings: Any, marks: Any
) -> tuple[int, int]:
    """Fill `event` from the object that opens at `at`; how that ended, and the place behind it."""
    for each in range(_FIELDS):
        event[each] = -1
    event[_START], event[_DURATION], event[_PHASE] = NO_TIME, 0, 0
    at += 1
    while True:
        while at < end and (text[at] <= 32 or text[at] == COMMA):
            at += 1
        if at >= end:
            return CUT, at
        if text[at] == CLOSE:
            return DONE, at + 1
        if text[at] != QUOTE:
            return ODD, at
        key_begin = at + 1
        length = trailing_zeros(equal_mask(text, key_begin, QUOTE))
        if length == BLOCK or trailing_zeros(equal_mask(text, key_begin, BACKSLASH)) < length:
            return ODD, at
        at = blank_end(text, key_begin + length + 1, end)
        if at >= end:
            return CUT, at
        if text[at] != COLON:
            return ODD, at
        begin = blank_end(text, at + 1, end)
        if begin >= end:
            return CUT, at
        key = word_at(text, key_begin)
        if length < 8:
            key &= ALL >> np.uint64(8 * (8 - length))
        if length == 4 and key == _ARGS and text[begin] == OPEN:
            at, event[_CORRELATION] = nested_end(text, begin, end)
            if at > end:
                return CUT, at
            event[_BEGIN], event[_LENGTH] = begin, at - begin
            continue
        at = value_end(text, begin, end)
        if at > end:
            return CUT, at
        if (length == 4 and key == _NAME) or (length == 3 and key == _CAT):
            if text[begin] != QUOTE:
                return ODD, at
            row = row_of(text, begin + 1, at - begin - 2, strings, marks)
            if row == FULL:
                return NO_ROOM, at
            event[_NAME_ROW if length == 4 else _CATEGORY_ROW] = row
        elif length == 3 and (key == _PID or key == _TID):
            if text[begin] == OPEN or text[begin] == OPEN_ARRAY:
                return ODD, at
            row = row_of(text, begin, at - begin, strings, marks)
            if row == FULL:
                return NO_ROOM, at
            event[_PROCESS if key == _PID else _THREAD] = row
        elif length == 3 and key == _DUR:
            event[_DURATION] = nanoseconds(text, begin, at)
        elif length == 2 and key == _TS:
            event[_START] = nanoseconds(text, begin, at)
        elif length == 2 and key == _PH:
            if at - begin == 3:
                event[_PHASE] = text[begin + 1]
        elif length == 2 and key == _ID:
            event[_ID_BEGIN], event[_ID_END] = begin, at


@njit(inline="always")
def _id_of(text: Any, event: Any, strings: Any, marks: Any) -> int:
    """A flow's or range's id: a number as written, else -2 minus its text's row; -1 for none.

    `NO_TIME` stands for no room.
    """
    begin, end = event[_ID_BEGIN], event[_ID_END]
    if begin < 0:
        return np.int64(-1)
    number = flow_id(text, begin, end)
    if number >= 0:
        return number
    row = row_of(text, begin, end - begin, strings, marks)
    return NO_TIME if row == FULL else -2 - row


@njit(inline="always")
def _is_repeated(name: int, track: int, arguments: int, recent: Any) -> bool:
    """Whether a metadata event is one that came lately; `recent` remembers it.

    Some writers name their threads 300,000 times.
    """
    key = np.uint64(name) * MIX ^ np.uint64(track) * np.uint64(0xC2B2AE3D27D4EB4F)
    key = (key ^ np.uint64(arguments)) * MIX
    at = 3 * np.int64(key >> np.uint64(64 - RECENT_BITS))
    if recent[at] == name and recent[at + 1] == track and recent[at + 2] == arguments:
        return True
    recent[at], recent[at + 1], recent[at + 2] = name, track, arguments
    return False


@njit
def _scan(
    text: Any, begin: int, end: int, base: int, slices: Any, flows: Any, others: Any,
    room: Any, strings: Any, pairs: Any, recent: Any, marks: Any, event: Any,
) -> int:  # fmt: skip
    at = begin
    while True:
        while at < end and (text[at] <= 32 or text[at] == COMMA):
            at += 1
        marks[M.position] = at
        if at >= end:
            return DONE
        if text[at] == CLOSE_ARRAY:
            marks[M.position] = at + 1
            return CLOSED
        if text[at] != OPEN:
            return ODD
        slice_row, flow_row, other_row = marks[M.slices], marks[M.flows], marks[M.others]
        marks[M.needed] = 0
        if slice_row >= room[0] or flow_row >= room[1] or other_row >= room[2]:
            return NO_ROOM
        ended, at = _read_event(text, at, end, event, strings, marks)
        if ended != DONE:
            return ended
        track = track_of(event[_PROCESS], event[_THREAD], pairs, marks)
        if track == FULL:
            return NO_ROOM
        phase, place = event[_PHASE], event[_BEGIN]
        place = base + place if place >= 0 else np.int64(-1)
        marks[M.untimed] += event[_START] == NO_TIME and phase != _M
        if phase == _X:
            duration = event[_DURATION]
            marks[M.odd_times] += duration == NO_TIME
            marks[M.negative] += NO_TIME < duration < 0
            slices[0][slice_row] = event[_START]
            slices[1][slice_row] = min(max(duration, 0), LONGEST_NS)
            slices[2][slice_row], slices[3][slice_row] = event[_NAME_ROW], event[_CATEGORY_ROW]
            slices[4][slice_row], slices[5][slice_row] = track, event[_CORRELATION]
            slices[6][slice_row], slices[7][slice_row] = place, event[_LENGTH]
            marks[M.slices] = slice_row + 1
            continue
        if phase == _M and event[_BEGIN] >= 0:
            row = row_of(text, event[_BEGIN], event[_LENGTH], strings, marks)
            if row == FULL:
                return NO_ROOM
            if _is_repeated(event[_NAME_ROW], track, row, recent):
                continue
        number = _id_of(text, event, strings, marks)
        if number == NO_TIME:
            return NO_ROOM
        if phase == _S or phase == _T or phase == _F:
            flows[0][flow_row], flows[1][flow_row] = event[_START], event[_CATEGORY_ROW]
            flows[2][flow_row], flows[3][flow_row], flows[4][flow_row] = track, number, phase
            marks[M.flows] = flow_row + 1
        else:
            others[0][other_row], others[1][other_row] = event[_START], event[_NAME_ROW]
            others[2][other_row], others[3][other_row] = event[_CATEGORY_ROW], track
            others[4][other_row], others[5][other_row] = number, place
            others[6][other_row], others[7][other_row] = event[_LENGTH], phase
            marks[M.others] = other_row + 1


@njit(
    int64(TEXT, int64, int64, int64, Tuple(SLICES), Tuple(FLOWS), Tuple(OTHERS), Tuple(STRINGS), Tuple(PAIRS), I64, I64),
    nogil=True,
    cache=True,
)  # fmt: skip
def scan(
    text: NDArray[np.uint8],
    begin: int,
    end: int,
    base: int,
    slices: tuple[NDArray[Any], ...],
    flows: tuple[NDArray[Any], ...],
    others: tuple[NDArray[Any], ...],
    strings: tuple[NDArray[Any], ...],
    pairs: tuple[NDArray[Any], ...],
    recent: NDArray[np.int64],
    marks: NDArray[np.int64],
) -> int:
    """Append the events of ``text[begin:end]`` to the columns.

    Parameters
    ----------
    text : uint8 array
        At least `PADDING` bytes follow `end`.
    base : int
        Place of ``text[0]`` in the whole text, for the places of arguments.
    slices, flows, others : tuples of arrays
        The columns of `SliceRecords` for complete events (phase X), of `FlowRecords` for s, t and f,
        of `OtherRecords` for the rest (`profilers.traces.chrome_parts`), with rows of `strings` and
        `pairs` in place of pool rows; appended at ``marks[M.slices]`` and so on.
    strings, pairs : tuples of arrays
        The interned strings (slots, begins, lengths, hashes, arena) and tracks (slots, keys).
    recent : int64 array
        ``3 << RECENT_BITS`` values, -1 at first: metadata that came lately is left out.
    marks : int64 array
        `Marks`.

    Returns
    -------
    int
        `DONE` at the end, `CLOSED` behind the array's closing bracket, `ODD` before an event that
        only a JSON library can judge, `CUT` before one that does not end, `NO_ROOM` before one that
        does not fit; ``marks[M.position]`` tells where.
    """
    slots, begins, lengths, hashes, arena = strings
    pair_slots, pair_keys = pairs
    event = np.empty(_FIELDS, np.int64)
    return _scan(
        pointer(text), begin, end, base,
        (pointer(slices[0]), pointer(slices[1]), pointer(slices[2]), pointer(slices[3]),
         pointer(slices[4]), pointer(slices[5]), pointer(slices[6]), pointer(slices[7])),
        (pointer(flows[0]), pointer(flows[1]), pointer(flows[2]), pointer(flows[3]),
         pointer(flows[4])),
        (pointer(others[0]), pointer(others[1]), pointer(others[2]), pointer(others[3]),
         pointer(others[4]), pointer(others[5]), pointer(others[6]), pointer(others[7])),
        (len(slices[0]), len(flows[0]), len(others[0])),
        (pointer(slots), pointer(begins), pointer(lengths), pointer(hashes), pointer(arena),
         len(slots), min(len(begins), len(slots) // 2), len(arena)),
        (pointer(pair_slots), pointer(pair_keys), len(pair_slots),
         min(len(pair_keys), len(pair_slots) // 2)),
        pointer(recent),
        pointer(marks),
        pointer(event),
    )  # fmt: skip
