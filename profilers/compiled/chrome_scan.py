"""One pass over Chrome trace text: events to columns, names to row numbers.

Reads what is written as every writer writes it, and stops at anything else; the caller decodes that
part with a JSON library. Arguments are skipped by counting brackets outside of strings, 64 bytes at
a time, and kept as places in the text. Measured on a 1 GB Kineto trace, one core: see
``tests/benchmarks/bench_traces.py``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import int64, njit, void
from numba.types import Tuple
from numpy.typing import NDArray

from profilers.compiled.limits import (
    CLOSED,
    CUT,
    DONE,
    LARGEST_NS,
    LONGEST_NS,
    NO_ROOM,
    NO_TIME,
    ODD,
)
from profilers.compiled.signatures import FLOWS, I32, I64, OTHERS, PAIRS, SLICES, STRINGS, TEXT, U64
from profilers.compiled.vector import (
    BLOCK,
    equal_mask,
    folded_mask,
    pointer,
    trailing_zeros,
    word_at,
)

_FULL = -2

_QUOTE, _BACKSLASH, _COLON, _COMMA = 0x22, 0x5C, 0x3A, 0x2C
_OPEN, _CLOSE, _OPEN_ARRAY, _CLOSE_ARRAY = 0x7B, 0x7D, 0x5B, 0x5D
_ZERO, _NINE, _MINUS, _PLUS, _POINT, _C = 0x30, 0x39, 0x2D, 0x2B, 0x2E, 0x63


def _key(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


_PH, _TS, _ID = _key(b"ph"), _key(b"ts"), _key(b"id")
_DUR, _CAT, _PID, _TID = _key(b"dur"), _key(b"cat"), _key(b"pid"), _key(b"tid")
_NAME, _ARGS = _key(b"name"), _key(b"args")
_CORRELAT, _ION = _key(b"correlat"), _key(b'ion"')
_X, _M, _S, _T, _F = 0x58, 0x4D, 0x73, 0x74, 0x66

_ALL = np.uint64(2**64 - 1)
_ONE, _NONE = np.uint64(1), np.uint64(0)
_EIGHT_ZEROS, _HIGH, _SIXES = (
    np.uint64(0x3030303030303030),
    np.uint64(0xF0F0F0F0F0F0F0F0),
    np.uint64(0x0606060606060606),
)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_TENS = np.array([10**power for power in range(20)], np.uint64)


class Marks(NamedTuple):
    """Where each number lies in the scan's `marks`, an int64 array that lives across scans."""

    position: int = 0
    slices: int = 1
    flows: int = 2
    others: int = 3
    strings: int = 4
    arena: int = 5
    tracks: int = 6
    last_pair: int = 7
    last_track: int = 8
    needed: int = 9  # bytes that the next string takes, after NO_ROOM
    odd_times: int = 10  # times and durations that are no numbers
    negative: int = 11  # durations below zero, read as zero
    untimed: int = 12  # events without a time that can be read
    seed: int = 13


M = Marks()
MARKS = len(M)
RECENT_BITS = 10


@njit(inline="always")
def _string_end(text: Any, at: int, end: int) -> int:
    """Place of the quote that closes the string opened at `at`; `end` if there is none."""
    at += 1
    while at < end:
        quotes = equal_mask(text, at, _QUOTE)
        backslashes = equal_mask(text, at, _BACKSLASH)
        quote = trailing_zeros(quotes)
        if backslashes == _NONE or quote < trailing_zeros(backslashes):
            if quotes != _NONE:
                return min(at + quote, end)
            at += BLOCK
        else:
            at += trailing_zeros(backslashes) + 2
    return end


@njit(inline="always")
def _inside(quotes: Any) -> Any:
    """Ones from each opening quote to before its closing one."""
    quotes ^= quotes << np.uint64(1)
    quotes ^= quotes << np.uint64(2)
    quotes ^= quotes << np.uint64(4)
    quotes ^= quotes << np.uint64(8)
    quotes ^= quotes << np.uint64(16)
    return quotes ^ (quotes << np.uint64(32))


@njit
def _nested_end(text: Any, at: int, end: int) -> tuple[int, int]:
    """Behind the bracket that closes what opens at `at`, and its own "correlation" (-1: none).

    ``end + 1`` stands for no end.
    """
    depth, correlation = 0, np.int64(-1)
    in_string, escaped = _NONE, _NONE
    while at < end:
        quotes = equal_mask(text, at, _QUOTE)
        backslashes = equal_mask(text, at, _BACKSLASH)
        if backslashes != _NONE or escaped != _NONE:
            carried = _NONE
            while backslashes != _NONE:
                bit = backslashes & (_NONE - backslashes)
                backslashes ^= bit
                if escaped & bit == _NONE:
                    if bit >> np.uint64(63):
                        carried = _ONE
                    else:
                        escaped |= bit << _ONE
            quotes &= ~escaped
            escaped = carried
        inside = _inside(quotes) ^ in_string
        in_string = _NONE - (inside >> np.uint64(63))
        opening = folded_mask(text, at, _OPEN) & ~inside
        closing = folded_mask(text, at, _CLOSE) & ~inside
        keys = quotes & inside & equal_mask(text, at + 1, _C)
        marks = opening | closing | keys
        while marks != _NONE:
            place = trailing_zeros(marks)
            bit = marks & (_NONE - marks)
            marks ^= bit
            if opening & bit != _NONE:
                depth += 1
            elif closing & bit != _NONE:
                depth -= 1
                if depth == 0:
                    behind = at + place + 1
                    return (behind if behind <= end else end + 1), correlation
            elif depth == 1 and correlation < 0:
                correlation = _correlation(text, at + place + 1, end)
        at += BLOCK
    return end + 1, correlation


@njit
def _correlation(text: Any, at: int, end: int) -> int:
    """The launch id, if the key that begins at `at` is ``correlation``; else -1."""
    if word_at(text, at) != _CORRELAT or word_at(text, at + 8) & np.uint64(0xFFFFFFFF) != _ION:
        return -1
    at = _blank_end(text, at + 12, end)
    if at >= end or text[at] != _COLON:
        return -1
    at = _blank_end(text, at + 1, end)
    if at < end and text[at] == _QUOTE:
        at += 1
    value, digits = np.int64(0), 0
    while at < end and _ZERO <= text[at] <= _NINE:
        value = value * 10 + (np.int64(text[at]) - _ZERO)
        digits += 1
        at += 1
        if digits == 18:
            break
    return value if digits else np.int64(-1)


@njit(inline="always")
def _blank_end(text: Any, at: int, end: int) -> int:
    while at < end and text[at] <= 32:
        at += 1
    return at


@njit(inline="always")
def _scalar_end(text: Any, at: int, end: int) -> int:
    """Behind a number or word."""
    while at < end:
        byte = text[at]
        if byte == _COMMA or byte == _CLOSE or byte == _CLOSE_ARRAY or byte <= 32:
            break
        at += 1
    return at


@njit
def _value_end(text: Any, at: int, end: int) -> int:
    """Behind any value; ``end + 1`` if it has no end."""
    byte = text[at]
    if byte == _QUOTE:
        return _string_end(text, at, end) + 1
    if byte == _OPEN or byte == _OPEN_ARRAY:
        return _nested_end(text, at, end)[0]
    return _scalar_end(text, at, end)


@njit
def _nanoseconds(text: Any, at: int, stop: int) -> int:
    """A whole scalar value ``text[at:stop]`` in microseconds, as ns; `NO_TIME` if it is no number.

    Takes a sign, quotes, a fraction and an exponent; what is below 1 ns is rounded half to even.
    """
    if text[at] == _QUOTE:
        at += 1
        stop -= 1
    is_negative = at < stop and text[at] == _MINUS
    if at < stop and (is_negative or text[at] == _PLUS):
        at += 1
    digits, power, value = 0, 3, _NONE
    next_digit, lost = 0, False  # what stands behind the digits that fit, and behind that
    begin = at
    while at + 8 <= stop and digits + 8 <= 19:
        word = word_at(text, at) ^ _EIGHT_ZEROS
        if (word | (word + _SIXES)) & _HIGH:
            break
        value = value * np.uint64(100_000_000) + _eight_digits(word)
        digits += 8
        at += 8
    seen, point = at - begin, -1
    while at < stop:
        byte = text[at]
        if _ZERO <= byte <= _NINE:
            if digits < 19:
                value = value * np.uint64(10) + np.uint64(byte - _ZERO)
                digits += value != _NONE
                power -= point >= 0
            else:
                if digits == 19:
                    next_digit = np.int64(byte - _ZERO)
                else:
                    lost |= byte != _ZERO
                digits += 1
                power += point < 0
            seen += 1
        elif byte == _POINT and point < 0:
            point = at
        else:
            break
        at += 1
    if seen == 0:
        return NO_TIME
    if at < stop:
        if text[at] | 0x20 != 0x65:  # e
            return NO_TIME
        at += 1
        is_below = at < stop and text[at] == _MINUS
        if at < stop and (is_below or text[at] == _PLUS):
            at += 1
        exponent = 0
        if at == stop:
            return NO_TIME
        while at < stop:
            if not _ZERO <= text[at] <= _NINE:
                return NO_TIME
            exponent = min(exponent * 10 + (np.int64(text[at]) - _ZERO), 1_000_000)
            at += 1
        power += -exponent if is_below else exponent
    return _scaled(value, power, next_digit, lost, is_negative)


@njit(inline="always")
def _eight_digits(word: Any) -> Any:
    """Eight decimal digits, first in the lowest byte, to a number."""
    word = word * np.uint64(10) + (word >> np.uint64(8))
    low = (word & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
    high = ((word >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
    return (low + high) >> np.uint64(32)


@njit
def _scaled(value: Any, power: int, next_digit: int, lost: bool, is_negative: bool) -> int:
    """``value * 10**power`` as a signed number; NO_TIME beyond `LARGEST_NS`."""
    if value == _NONE:
        return np.int64(0)
    if power >= 0:
        if power > 18 or value > np.uint64(LARGEST_NS) // _TENS[power]:
            return NO_TIME
        value *= _TENS[power]
        if power == 0 and (next_digit > 5 or (next_digit == 5 and (lost or value & _ONE))):
            value += _ONE
    elif power < -19:
        value = _NONE
    else:
        unit = _TENS[-power]
        rest = value % unit
        value //= unit
        half = unit // np.uint64(2)
        if rest > half or (rest == half and (next_digit or lost or value & _ONE)):
            value += _ONE
    if value > np.uint64(LARGEST_NS):
        return NO_TIME
    return -np.int64(value) if is_negative else np.int64(value)


@njit
def _number(text: Any, at: int, stop: int) -> int:
    """A flow's id: up to 18 digits without a leading zero, quoted or not; else -1."""
    if text[at] == _QUOTE:
        at += 1
        stop -= 1
    if not 0 < stop - at <= 18 or (text[at] == _ZERO and stop - at > 1):
        return np.int64(-1)
    value = np.int64(0)
    while at < stop:
        if not _ZERO <= text[at] <= _NINE:
            return np.int64(-1)
        value = value * 10 + (np.int64(text[at]) - _ZERO)
        at += 1
    return value


@njit(inline="always")
def _hash(text: Any, at: int, length: int, seed: Any) -> Any:
    value = seed ^ (np.uint64(length) * _MIX)
    place = 0
    while place + 8 <= length:
        value = (value ^ word_at(text, at + place)) * _MIX
        value ^= value >> np.uint64(32)
        place += 8
    if place < length:
        rest = word_at(text, at + place) & (_ALL >> np.uint64(8 * (8 - length + place)))
        value = (value ^ rest) * _MIX
        value ^= value >> np.uint64(29)
    return value


@njit(inline="always")
def _is_equal(one: Any, at: int, other: Any, begin: int, length: int) -> bool:
    place = 0
    while place + 8 <= length:
        if word_at(one, at + place) != word_at(other, begin + place):
            return False
        place += 8
    if place == length:
        return True
    mask = _ALL >> np.uint64(8 * (8 - length + place))
    return (word_at(one, at + place) ^ word_at(other, begin + place)) & mask == _NONE


@njit
def _row_of(text: Any, at: int, length: int, strings: Any, marks: Any) -> int:
    """Row of ``text[at:at + length]`` among the strings, added if new; `_FULL` if there is no room."""
    slots, begins, lengths, hashes, arena, slot_count, capacity, arena_size = strings
    value = _hash(text, at, length, np.uint64(marks[M.seed]))
    mask = slot_count - 1
    slot = np.int64(value & np.uint64(mask))
    while True:
        row = slots[slot]
        if row < 0:
            break
        if (
            hashes[row] == value
            and lengths[row] == length
            and _is_equal(text, at, arena, begins[row], length)
        ):
            return np.int64(row)
        slot = (slot + 1) & mask
    row, begin = marks[M.strings], marks[M.arena]
    if row >= capacity or begin + length + BLOCK > arena_size:
        marks[M.needed] = length
        return np.int64(_FULL)
    for place in range(length):
        arena[begin + place] = text[at + place]
    slots[slot], begins[row], lengths[row], hashes[row] = row, begin, length, value
    marks[M.strings], marks[M.arena] = row + 1, begin + length
    return np.int64(row)


@njit(inline="always")
def _pair_slot(pair: int, mask: int) -> int:
    return np.int64((np.uint64(pair) * _MIX) >> np.uint64(32)) & mask


@njit
def _track_of(process: int, thread: int, pairs: Any, marks: Any) -> int:
    """Row of a process and thread; `_FULL` if there is no room."""
    slots, keys, slot_count, capacity = pairs
    pair = (process + 1) << 32 | (thread + 1)
    if pair == marks[M.last_pair]:
        return marks[M.last_track]
    mask = slot_count - 1
    slot = _pair_slot(pair, mask)
    while slots[slot] >= 0 and keys[slots[slot]] != pair:
        slot = (slot + 1) & mask
    row = np.int64(slots[slot])
    if row < 0:
        row = marks[M.tracks]
        if row >= capacity:
            return np.int64(_FULL)
        slots[slot], keys[row] = row, pair
        marks[M.tracks] = row + 1
    marks[M.last_pair], marks[M.last_track] = pair, row
    return row


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
        while at < end and (text[at] <= 32 or text[at] == _COMMA):
            at += 1
        if at >= end:
            return CUT, at
        if text[at] == _CLOSE:
            return DONE, at + 1
        if text[at] != _QUOTE:
            return ODD, at
        key_begin = at + 1
        length = trailing_zeros(equal_mask(text, key_begin, _QUOTE))
        if length == BLOCK or trailing_zeros(equal_mask(text, key_begin, _BACKSLASH)) < length:
            return ODD, at
        at = _blank_end(text, key_begin + length + 1, end)
        if at >= end:
            return CUT, at
        if text[at] != _COLON:
            return ODD, at
        begin = _blank_end(text, at + 1, end)
        if begin >= end:
            return CUT, at
        key = word_at(text, key_begin)
        if length < 8:
            key &= _ALL >> np.uint64(8 * (8 - length))
        if length == 4 and key == _ARGS and text[begin] == _OPEN:
            at, event[_CORRELATION] = _nested_end(text, begin, end)
            if at > end:
                return CUT, at
            event[_BEGIN], event[_LENGTH] = begin, at - begin
            continue
        at = _value_end(text, begin, end)
        if at > end:
            return CUT, at
        if (length == 4 and key == _NAME) or (length == 3 and key == _CAT):
            if text[begin] != _QUOTE:
                return ODD, at
            row = _row_of(text, begin + 1, at - begin - 2, strings, marks)
            if row == _FULL:
                return NO_ROOM, at
            event[_NAME_ROW if length == 4 else _CATEGORY_ROW] = row
        elif length == 3 and (key == _PID or key == _TID):
            if text[begin] == _OPEN or text[begin] == _OPEN_ARRAY:
                return ODD, at
            row = _row_of(text, begin, at - begin, strings, marks)
            if row == _FULL:
                return NO_ROOM, at
            event[_PROCESS if key == _PID else _THREAD] = row
        elif length == 3 and key == _DUR:
            event[_DURATION] = _nanoseconds(text, begin, at)
        elif length == 2 and key == _TS:
            event[_START] = _nanoseconds(text, begin, at)
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
    number = _number(text, begin, end)
    if number >= 0:
        return number
    row = _row_of(text, begin, end - begin, strings, marks)
    return NO_TIME if row == _FULL else -2 - row


@njit(inline="always")
def _is_repeated(name: int, track: int, arguments: int, recent: Any) -> bool:
    """Whether a metadata event is one that came lately; `recent` remembers it.

    Some writers name their threads 300,000 times.
    """
    key = np.uint64(name) * _MIX ^ np.uint64(track) * np.uint64(0xC2B2AE3D27D4EB4F)
    key = (key ^ np.uint64(arguments)) * _MIX
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
        while at < end and (text[at] <= 32 or text[at] == _COMMA):
            at += 1
        marks[M.position] = at
        if at >= end:
            return DONE
        if text[at] == _CLOSE_ARRAY:
            marks[M.position] = at + 1
            return CLOSED
        if text[at] != _OPEN:
            return ODD
        slice_row, flow_row, other_row = marks[M.slices], marks[M.flows], marks[M.others]
        marks[M.needed] = 0
        if slice_row >= room[0] or flow_row >= room[1] or other_row >= room[2]:
            return NO_ROOM
        ended, at = _read_event(text, at, end, event, strings, marks)
        if ended != DONE:
            return ended
        track = _track_of(event[_PROCESS], event[_THREAD], pairs, marks)
        if track == _FULL:
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
            row = _row_of(text, event[_BEGIN], event[_LENGTH], strings, marks)
            if row == _FULL:
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


@njit(void(I32, U64, int64), nogil=True, cache=True)
def fill_slots(slots: Any, hashes: Any, count: int) -> None:
    """Enter the first `count` strings into empty slots."""
    mask = len(slots) - 1
    for row in range(count):
        slot = np.int64(hashes[row] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row


@njit(void(I32, I64, int64), nogil=True, cache=True)
def fill_pair_slots(slots: Any, keys: Any, count: int) -> None:
    """Enter the first `count` tracks into empty slots."""
    mask = len(slots) - 1
    for row in range(count):
        slot = _pair_slot(keys[row], mask)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row
