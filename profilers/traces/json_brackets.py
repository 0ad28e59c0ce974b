"""Where the objects of a JSON array end, found by counting brackets; for text that is cut or broken."""

from typing import Any

import numpy as np

_STEP = 1 << 20
_QUOTE, _BACKSLASH = 0x22, 0x5C
_OPENING, _CLOSING = (0x7B, 0x5B), (0x7D, 0x5D)

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


def whole_objects(text: bytes) -> tuple[list[int], int]:
    """Ends of the objects in the inside of an array, and where the array closes.

    Parameters
    ----------
    text : bytes
        What follows the array's opening bracket, or one of its commas.

    Returns
    -------
    ends : list of int
        Each just behind the ``}`` of an object that lies directly in the array.
    closing : int
        Place of the ``]`` that closes the array, -1 if the text ends before.
    """
    found: list[int] = []
    depth, in_string, backslashes = 0, False, 0
    for at in range(0, len(text), _STEP):
        window = np.frombuffer(text, np.uint8, min(_STEP, len(text) - at), at)
        quotes, backslashes = _unescaped_quotes(window, backslashes)
        inside = (np.cumsum(quotes) + in_string) % 2 == 1
        plain = ~inside & ~quotes
        changes = (np.isin(window, _OPENING) & plain).astype(np.int8)
        changes -= np.isin(window, _CLOSING) & plain
        depths = depth + np.cumsum(changes, dtype=np.int64)
        ends = np.flatnonzero((window == _CLOSING[0]) & plain & (depths == 0))
        below = np.flatnonzero(depths < 0)
        if len(below):
            found += (at + ends[ends < below[0]] + 1).tolist()
            return found, at + int(below[0])
        found += (at + ends + 1).tolist()
        depth, in_string = int(depths[-1]), bool(inside[-1])
    return found, -1


def _unescaped_quotes(window: Bytes, backslashes: int) -> tuple[Flags, int]:
    """Quotes that begin or end a string: an even number of backslashes stands before them.

    Takes and gives how many backslashes stand right before the window and at its end.
    """
    quotes: Flags = window == _QUOTE
    is_backslash = window == _BACKSLASH
    if not backslashes and not is_backslash.any():
        return quotes, 0
    places = np.arange(len(window))
    other = np.maximum.accumulate(np.where(is_backslash, -1, places))  # the last one up to here
    runs = np.where(other < 0, places + 1 + backslashes, places - other)
    quotes[1:] &= runs[:-1] % 2 == 0
    quotes[0] &= backslashes % 2 == 0
    return quotes, int(runs[-1])
