"""Decimal microseconds as text to int64 nanoseconds, without a float in between.

A 19-digit time such as ``1712345678901234.567`` does not fit a float64: read as one, it moves by up
to 250 ns and invents overlaps between neighbouring slices.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from profilers.profile.table import Int64

_FRACTION_DIGITS = 3
_WIDEST = 24
_LARGEST_NS = 2**62


def microseconds_to_ns(texts: Sequence[bytes]) -> Int64:
    """Parse ``b"12.345"``, ``b"-7"``, ``b'"9"'`` or ``b"1.5e6"``; digits below 1 ns are rounded off.

    What is no number, or beyond 146 years, reads as 0.
    """
    values = np.zeros(len(texts), np.int64)
    if not len(texts):
        return values
    table = np.array(texts, f"S{_WIDEST}").view(np.uint8).reshape(len(texts), _WIDEST)
    is_digit = (table >= 48) & (table <= 57)
    is_point = table == 46
    is_end = table == 0
    lengths = _WIDEST - is_end.sum(axis=1)
    points = is_point.sum(axis=1)
    point_at = np.where(points == 1, is_point.argmax(axis=1), lengths)
    is_plain = (
        (is_digit | is_point | is_end).all(axis=1)
        & (points <= 1)
        & (lengths > 0)
        & (lengths < _WIDEST)
        & ((point_at < 16) | (point_at == 16) & (table[:, 0] < 52))  # below 4e15 us: no overflow
        & (lengths - point_at <= _FRACTION_DIGITS + 1)
    )
    whole_end = np.where(is_plain, point_at, 0)
    for place in range(16):
        inside = place < whole_end
        values[inside] = values[inside] * 10 + (table[inside, place] - 48)
    for step in range(1, _FRACTION_DIGITS + 1):
        place = point_at + step
        inside = is_plain & (place < lengths)
        digits = np.zeros(len(texts), np.int64)
        digits[inside] = table[inside, place[inside]].astype(np.int64) - 48
        values = values * 10 + digits
    for row in np.flatnonzero(~is_plain).tolist():
        values[row] = _slowly(texts[row])
    return values


def _slowly(text: bytes) -> int:
    try:
        nanoseconds = Decimal(text.strip(b'" ').decode("ascii")) * 1000
        if not nanoseconds.is_finite() or abs(nanoseconds) > _LARGEST_NS:
            return 0
        return round(nanoseconds)
    except (InvalidOperation, UnicodeDecodeError):
        return 0
