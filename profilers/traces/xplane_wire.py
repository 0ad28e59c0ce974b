"""Many protobuf messages at once: field after field over all of them, as numpy columns.

Each round reads one field of every message that is not at its end, so the work grows with the fields
of the longest message and not with the number of messages.
Source of the encoding: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int64

PADDING = bytes(32)  # readable behind the last message
MOST_FIELDS = 512  # of one message; what lies behind them is left out

VARINT, FIXED64, BLOCK, FIXED32 = 0, 1, 2, 5

_Words = NDArray[np.uint64]
_SIZES = {FIXED64: 8, FIXED32: 4}
_MORE = np.uint64(0x8080808080808080)  # the bits that say that a varint goes on
_ONE, _SEVEN = np.uint64(1), np.uint64(7)
_ORDINALS, _TOP_BYTE = np.uint64(0x0001020304050607), np.uint64(56)
_FOLDS = tuple(  # of 7-bit groups: masks of those that stay and that move, and by how many bits
    (np.uint64(stays), np.uint64(moves), np.uint64(bits))
    for stays, moves, bits in (
        (0x007F007F007F007F, 0x7F007F007F007F00, 1),
        (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
        (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
    )
)
_ENDLESS = 1 << 40


def key_of(number: int, wire: int) -> int:
    """The tag that a field with this number and wire type begins with."""
    return number << 3 | wire


@dataclass(frozen=True, eq=False)
class Fields:
    """The same field in several messages.

    `value` holds integers as signed 64-bit and the bits of fixed ones; a block lies at `begin` to
    `end`.
    """

    key: int
    message: Int64
    value: Int64
    begin: Int64
    end: Int64


class Messages:
    """Encoded messages in one text.

    Parameters
    ----------
    text : bytes
        Ends with `PADDING`.
    begin, end : ndarray of int64
        Where each message lies.
    """

    def __init__(self, text: bytes, begin: Int64, end: Int64) -> None:
        self._bytes = np.frombuffer(text, np.uint8)
        self._words: _Words = np.ndarray((len(text) - 7,), "<u8", text, 0, (1,))
        self._text, self._begin, self._end = text, begin, end
        self.is_damaged = np.zeros(len(begin), np.bool_)  # known when all fields are read

    def within(self, begin: Int64, end: Int64) -> "Messages":
        """Messages that lie in blocks of these."""
        return Messages(self._text, begin, end)

    def first_integer(self, key: int) -> Int64:
        """The value that each message begins with, -1 where it begins with another field."""
        is_first = self._bytes[self._begin] == key
        return np.where(is_first & (self._begin < self._end), self._varints(self._begin + 1)[0], -1)

    def fields(self) -> Iterator[Fields]:
        """All fields in the order of the messages; one entry for each kind met in a round."""
        message = np.flatnonzero(self._begin < self._end)
        at, end = self._begin[message], self._end[message]
        for _ in range(MOST_FIELDS):
            if not len(message):
                return
            key, body = self._tags(at)
            value, after = self._values(key & 7, body)
            is_sound = (after >= 0) & (after <= end) & (key >> 3 > 0)
            if not is_sound.all():
                self.is_damaged[message[~is_sound]] = True
                message, key, value, body, after, end = (
                    column[is_sound] for column in (message, key, value, body, after, end)
                )
            yield from _by_key(key, message, value, after)
            goes_on = after < end
            if goes_on.all():
                at = after
            else:
                message, at, end = message[goes_on], after[goes_on], end[goes_on]
        self.is_damaged[message] = True

    def _tags(self, at: Int64) -> tuple[Int64, Int64]:
        """Tags, and where their values begin."""
        tags = self._bytes[at].astype(np.int64)
        if tags.max(initial=0) < 0x80:
            return tags, at + 1
        tags, length = self._varints(at)
        return tags, at + length

    def _values(self, wire: Int64, at: Int64) -> tuple[Int64, Int64]:
        """Values (the length of a block), and where the next field begins; -1 if nowhere."""
        value, length = self._varints(at)
        after = at + length
        is_block = wire == BLOCK
        if is_block.any():
            room = np.clip(value, -1, _ENDLESS)
            after = np.where(is_block, np.where(room < 0, -1, after + room), after)
        if (wire > VARINT).any():
            for fixed, size in _SIZES.items():
                rows = np.flatnonzero(wire == fixed)
                value[rows] = self._words[np.minimum(at[rows], len(self._words) - 1)].view(np.int64)
                after[rows] = at[rows] + size
            after[~np.isin(wire, (VARINT, FIXED64, BLOCK, FIXED32))] = -1
        return value, after

    def _varints(self, at: Int64) -> tuple[Int64, Int64]:
        """Values and lengths in bytes; what never ends is longer than any message."""
        words = self._words[np.minimum(at, len(self._words) - 1)]
        stop = ~words & _MORE
        stop &= ~stop + _ONE  # the lowest bit that is set
        length = ((stop >> _SEVEN) * _ORDINALS >> _TOP_BYTE).view(np.int64) + 1
        words &= stop ^ (stop - _ONE)
        for stays, moves, bits in _FOLDS:
            words = words & stays | (words & moves) >> bits
        value = words.view(np.int64)
        long = np.flatnonzero(stop == 0)
        if len(long):
            value[long], length[long] = self._long_varints(at[long])
        return value, length

    def _long_varints(self, at: Int64) -> tuple[Int64, Int64]:
        """Those of nine and ten bytes."""
        at = np.minimum(at, len(self._words) - 3)
        value = self._words[at]
        value = value & ~_MORE
        for stays, moves, bits in _FOLDS:
            value = value & stays | (value & moves) >> bits
        ninth, tenth = (self._bytes[at + place].astype(np.uint64) for place in (8, 9))
        is_nine = ninth < 0x80
        value |= (ninth & np.uint64(0x7F)) << np.uint64(56)
        value |= np.where(is_nine, np.uint64(0), tenth << np.uint64(63))
        length = np.where(is_nine, 9, np.where(tenth < 0x80, 10, _ENDLESS))
        return value.view(np.int64), length


def _by_key(key: Int64, message: Int64, value: Int64, after: Int64) -> Iterator[Fields]:
    if not len(key):
        return
    first = int(key[0])
    if (key == first).all():
        yield _fields(first, message, value, after)
        return
    for each in np.flatnonzero(np.bincount(np.minimum(key, 256)))[:256].tolist():
        rows = np.flatnonzero(key == each)
        yield _fields(each, message[rows], value[rows], after[rows])


def _fields(key: int, message: Int64, value: Int64, after: Int64) -> Fields:
    begin = after - value if key & 7 == BLOCK else after
    return Fields(key, message, value, begin, after)
