"""Decimal numbers in text, exactly; the compiled twin of `profilers.traces.exact_time`."""

from typing import Any

import numpy as np
from numba import njit

from profilers.compiled.limits import LARGEST_NS, NO_TIME
from profilers.compiled.text_walk import NINE, NONE, ONE, QUOTE, ZERO
from profilers.compiled.vector import word_at

MINUS, _PLUS, _POINT = 0x2D, 0x2B, 0x2E
_EIGHT_ZEROS, _HIGH, _SIXES = (
    np.uint64(0x3030303030303030),
    np.uint64(0xF0F0F0F0F0F0F0F0),
    np.uint64(0x0606060606060606),
)
_TENS = np.array([10**power for power in range(20)], np.uint64)


@njit
def nanoseconds(text: Any, at: int, stop: int) -> int:
    """A whole scalar value ``text[at:stop]`` in microseconds, as ns; `NO_TIME` if it is no number.

    Takes a sign, quotes, a fraction and an exponent; what is below 1 ns is rounded half to even.
    """
    if text[at] == QUOTE:
        at += 1
        stop -= 1
    is_negative = at < stop and text[at] == MINUS
    if at < stop and (is_negative or text[at] == _PLUS):
        at += 1
    digits, power, value = 0, 3, NONE
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
        if ZERO <= byte <= NINE:
            if digits < 19:
                value = value * np.uint64(10) + np.uint64(byte - ZERO)
                digits += value != NONE
                power -= point >= 0
            else:
                if digits == 19:
                    next_digit = np.int64(byte - ZERO)
                else:
                    lost |= byte != ZERO
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
        is_below = at < stop and text[at] == MINUS
        if at < stop and (is_below or text[at] == _PLUS):
            at += 1
        exponent = 0
        if at == stop:
            return NO_TIME
        while at < stop:
            if not ZERO <= text[at] <= NINE:
                return NO_TIME
            exponent = min(exponent * 10 + (np.int64(text[at]) - ZERO), 1_000_000)
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
    if value == NONE:
        return np.int64(0)
    if power >= 0:
        if power > 18 or value > np.uint64(LARGEST_NS) // _TENS[power]:
            return NO_TIME
        value *= _TENS[power]
        if power == 0 and (next_digit > 5 or (next_digit == 5 and (lost or value & ONE))):
            value += ONE
    elif power < -19:
        value = NONE
    else:
        unit = _TENS[-power]
        rest = value % unit
        value //= unit
        half = unit // np.uint64(2)
        if rest > half or (rest == half and (next_digit or lost or value & ONE)):
            value += ONE
    if value > np.uint64(LARGEST_NS):
        return NO_TIME
    return -np.int64(value) if is_negative else np.int64(value)


@njit
def flow_id(text: Any, at: int, stop: int) -> int:
    """A number without a leading zero, quoted or not; else -1."""
    if text[at] == QUOTE:
        at += 1
        stop -= 1
    if text[at] == ZERO and stop - at > 1:
        return np.int64(-1)
    return plain_number(text, at, stop)


@njit
def plain_number(text: Any, at: int, stop: int) -> int:
    """Up to 18 digits and nothing else; -1 for anything else."""
    if not 0 < stop - at <= 18:
        return np.int64(-1)
    value = np.int64(0)
    while at < stop:
        if not ZERO <= text[at] <= NINE:
            return np.int64(-1)
        value = value * 10 + (np.int64(text[at]) - ZERO)
        at += 1
    return value
