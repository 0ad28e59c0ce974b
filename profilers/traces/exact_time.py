"""Decimal microseconds as text to int64 nanoseconds, without a float in between.

A 19-digit time such as ``1712345678901234.567`` does not fit a float64: read as one, it moves by up
to 250 ns and invents overlaps between neighbouring slices.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import numpy as np

from profilers.compiled.limits import LARGEST_NS, NO_TIME
from profilers.profile.table import Int64

_WHOLE_DIGITS = 16
_FRACTION_DIGITS = 3
_NEWLINE, _POINT, _ZERO, _FOUR, _NINE = b"\n.049"


def microseconds_to_ns(texts: Sequence[bytes]) -> Int64:
    """Parse ``b"12.345"``, ``b"-7"``, ``b'"9"'`` or ``b"1.5e6"``; digits below 1 ns are rounded off.

    What is no number, or beyond 126 years, reads as `NO_TIME`.
    """
    data = np.frombuffer(b"\n".join([*texts, b""]), np.uint8)
    ends = np.flatnonzero(data == _NEWLINE)
    if len(ends) != len(texts):  # a text has a line break: no number
        return np.array([_slowly(bytes(text)) for text in texts], np.int64)
    begins = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    points = np.flatnonzero(data == _POINT)
    rows = np.searchsorted(ends, points)
    point_at = ends.copy()
    point_at[rows[::-1]] = points[::-1]
    whole, fraction = point_at - begins, np.maximum(ends - point_at - 1, 0)
    is_plain = (whole > 0) & (fraction <= _FRACTION_DIGITS)
    is_plain &= (whole < _WHOLE_DIGITS) | (whole == _WHOLE_DIGITS) & (data[begins] < _FOUR)
    is_plain[rows[1:][rows[1:] == rows[:-1]]] = False
    odd = ((data < _ZERO) | (data > _NINE)) & (data != _POINT) & (data != _NEWLINE)
    is_plain[np.searchsorted(ends, np.flatnonzero(odd))] = False
    values = np.zeros(len(ends), np.int64)
    for place in range(int(whole[is_plain].max(initial=0))):
        digits = data[np.maximum(point_at - 1 - place, 0)].astype(np.int64) - _ZERO
        values += np.where(place < whole, digits, 0) * 10 ** (place + _FRACTION_DIGITS)
    for place in range(_FRACTION_DIGITS):
        digits = data[np.minimum(point_at + 1 + place, len(data) - 1)].astype(np.int64) - _ZERO
        values += np.where(place < fraction, digits, 0) * 10 ** (_FRACTION_DIGITS - 1 - place)
    for row in np.flatnonzero(~is_plain).tolist():
        values[row] = _slowly(bytes(texts[row]))
    return values


def _slowly(text: bytes) -> int:
    try:
        nanoseconds = Decimal(text.strip(b'" ').decode("ascii")) * 1000
        if not nanoseconds.is_finite() or abs(nanoseconds) > LARGEST_NS:
            return NO_TIME
        return round(nanoseconds)
    except (InvalidOperation, UnicodeDecodeError):
        return NO_TIME
