"""Counts the repeated messages of a protobuf encoding before it is parsed.

Two bytes can encode an empty message that takes a hundred once parsed, so a small file could fill
the memory. The walk follows only the fields that it is given, which costs a microsecond for each.
"""

from collections.abc import Mapping
from typing import Any

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def check_entries(data: bytes, fields: Mapping[int, Any], most: int) -> None:
    """Refuse an encoding with more than `most` entries.

    Parameters
    ----------
    data : bytes
        One encoded message.
    fields : mapping
        Numbers of the message fields to count, each with the mapping for its own fields.
    most : int

    Raises
    ------
    ValueError
        If there are more entries, or the encoding is cut.
    """
    left = most
    waiting: list[tuple[int, int, Mapping[int, Any]]] = [(0, len(data), fields)]
    while waiting:
        at, end, wanted = waiting.pop()
        while at < end:
            tag, at = _varint(data, at, end)
            kind = tag & 7
            if kind == _LENGTH:
                length, at = _varint(data, at, end)
                inner = wanted.get(tag >> 3)
                if inner is not None:
                    left -= 1
                    if left < 0:
                        raise ValueError(f"it holds more than {most:,} entries")
                    if inner:
                        waiting.append((at, min(at + length, end), inner))
                at += length
            elif kind == _VARINT:
                _, at = _varint(data, at, end)
            elif kind in (_FIXED32, _FIXED64):
                at += 4 if kind == _FIXED32 else 8
            else:
                raise ValueError("its protobuf encoding is cut or damaged")
        if at > end:
            raise ValueError("its protobuf encoding is cut or damaged")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at` and where the next field begins."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("its protobuf encoding is cut or damaged")
