"""Ends of JSON values in text, 64 bytes at a time; brackets inside of strings do not count."""

from typing import Any

import numpy as np
from numba import njit

from profilers.compiled.vector import BLOCK, equal_mask, folded_mask, trailing_zeros, word_at

QUOTE, BACKSLASH, COLON, COMMA = 0x22, 0x5C, 0x3A, 0x2C
OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY = 0x7B, 0x7D, 0x5B, 0x5D
ZERO, NINE = 0x30, 0x39
ALL, ONE, NONE = np.uint64(2**64 - 1), np.uint64(1), np.uint64(0)
_C = 0x63


def key_of(text: bytes) -> np.uint64:
    """Up to eight letters as `word_at` gives them."""
    return np.uint64(int.from_bytes(text, "little"))


_CORRELAT, _ION = key_of(b"correlat"), key_of(b'ion"')


@njit(inline="always")
def string_end(text: Any, at: int, end: int) -> int:
    """Place of the quote that closes the string opened at `at`; `end` if there is none."""
    at += 1
    while at < end:
        quotes = equal_mask(text, at, QUOTE)
        backslashes = equal_mask(text, at, BACKSLASH)
        quote = trailing_zeros(quotes)
        if backslashes == NONE or quote < trailing_zeros(backslashes):
            if quotes != NONE:
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
def nested_end(text: Any, at: int, end: int) -> tuple[int, int]:
    """Behind the bracket that closes what opens at `at`, and its own "correlation" (-1: none).

    ``end + 1`` stands for no end.
    """
    depth, correlation = 0, np.int64(-1)
    in_string, escaped = NONE, NONE
    while at < end:
        quotes = equal_mask(text, at, QUOTE)
        backslashes = equal_mask(text, at, BACKSLASH)
        if backslashes != NONE or escaped != NONE:
            carried = NONE
            while backslashes != NONE:
                bit = backslashes & (NONE - backslashes)
                backslashes ^= bit
                if escaped & bit == NONE:
                    if bit >> np.uint64(63):
                        carried = ONE
                    else:
                        escaped |= bit << ONE
            quotes &= ~escaped
            escaped = carried
        inside = _inside(quotes) ^ in_string
        in_string = NONE - (inside >> np.uint64(63))
        opening = folded_mask(text, at, OPEN) & ~inside
        closing = folded_mask(text, at, CLOSE) & ~inside
        keys = quotes & inside & equal_mask(text, at + 1, _C)
        marks = opening | closing | keys
        while marks != NONE:
            place = trailing_zeros(marks)
            bit = marks & (NONE - marks)
            marks ^= bit
            if opening & bit != NONE:
                depth += 1
            elif closing & bit != NONE:
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
    at = blank_end(text, at + 12, end)
    if at >= end or text[at] != COLON:
        return -1
    at = blank_end(text, at + 1, end)
    if at < end and text[at] == QUOTE:
        at += 1
    value, digits = np.int64(0), 0
    while at < end and ZERO <= text[at] <= NINE:
        value = value * 10 + (np.int64(text[at]) - ZERO)
        digits += 1
        at += 1
        if digits == 18:
            break
    return value if digits else np.int64(-1)


@njit(inline="always")
def blank_end(text: Any, at: int, end: int) -> int:
    while at < end and text[at] <= 32:
        at += 1
    return at


@njit(inline="always")
def _scalar_end(text: Any, at: int, end: int) -> int:
    """Behind a number or word."""
    while at < end:
        byte = text[at]
        if byte == COMMA or byte == CLOSE or byte == CLOSE_ARRAY or byte <= 32:
            break
        at += 1
    return at


@njit
def value_end(text: Any, at: int, end: int) -> int:
    """Behind any value; ``end + 1`` if it has no end."""
    byte = text[at]
    if byte == QUOTE:
        return string_end(text, at, end) + 1
    if byte == OPEN or byte == OPEN_ARRAY:
        return nested_end(text, at, end)[0]
    return _scalar_end(text, at, end)
