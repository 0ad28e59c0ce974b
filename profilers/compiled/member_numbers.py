"""Whole numbers of chosen members of many small JSON objects."""

from typing import Any

from numba import njit, void

from profilers.compiled.signatures import I64, READ_I64, TEXT
from profilers.compiled.text_numbers import MINUS, plain_number
from profilers.compiled.text_walk import (
    CLOSE,
    COLON,
    COMMA,
    OPEN,
    QUOTE,
    blank_end,
    string_end,
    value_end,
)
from profilers.compiled.vector import pointer


@njit
def _signed_number(text: Any, at: int, end: int, otherwise: int) -> int:
    """A number of up to 18 digits with or without a sign; `otherwise` for anything else."""
    is_negative = at < end and text[at] == MINUS
    value = plain_number(text, at + is_negative, end)
    if value < 0:
        return otherwise
    return -value if is_negative else value


@njit(void(TEXT, READ_I64, READ_I64, TEXT, READ_I64, I64), nogil=True, cache=True)
def member_numbers(
    text: Any, begins: Any, lengths: Any, keys: Any, key_begins: Any, numbers: Any
) -> None:
    """Put each number into ``numbers[object * keys + key]``; what is not found stays as it is.

    ``text[begins[i] : begins[i] + lengths[i]]`` is an object; `PADDING` bytes follow the text. The
    keys lie back to back, ``keys[key_begins[k] : key_begins[k + 1]]``.
    """
    count, bytes_at = len(key_begins) - 1, pointer(text)
    for row in range(len(begins)):
        at, end = begins[row], begins[row] + lengths[row]
        if at >= end or bytes_at[at] != OPEN:
            continue
        at += 1
        while True:
            while at < end and (bytes_at[at] <= 32 or bytes_at[at] == COMMA):
                at += 1
            if at >= end or bytes_at[at] != QUOTE:
                break
            name = at + 1
            closing = string_end(bytes_at, at, end)
            at = blank_end(bytes_at, closing + 1, end)
            if at >= end or bytes_at[at] != COLON:
                break
            value = blank_end(bytes_at, at + 1, end)
            if value >= end:
                break
            at = value_end(bytes_at, value, end)
            if at > end:
                break
            for key in range(count):
                size = key_begins[key + 1] - key_begins[key]
                if size != closing - name:
                    continue
                place = 0
                while place < size and bytes_at[name + place] == keys[key_begins[key] + place]:
                    place += 1
                if place == size:
                    here = row * count + key
                    numbers[here] = _signed_number(bytes_at, value, at, numbers[here])
            if at < end and bytes_at[at] == CLOSE:
                break
