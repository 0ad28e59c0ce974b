"""Fields of protobuf messages, read and written without their classes. Standard library only."""

from collections.abc import Iterator
from dataclasses import dataclass

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # wire types


@dataclass(frozen=True)
class Field:
    """One field of a message: its bytes with tag are ``data[start:end]``, its value begins at `body`."""

    number: int
    wire_type: int
    start: int
    body: int
    end: int


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of one protobuf message in order.

    Raises
    ------
    ValueError
        If the bytes are no protobuf message or end inside a field.
    """
    position = 0
    while position < len(data):
        start = position
        tag, position = read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError(f"a field at byte {start} has no number")
        body, end = _extent(data, position, wire_type)
        if end > len(data):
            raise ValueError(f"field {number} needs {end - len(data)} bytes more than there are")
        yield Field(number, wire_type, start, body, end)
        position = end


def read_varint(data: memoryview, position: int) -> tuple[int, int]:
    """A base-128 number and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("the data end inside a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"a number before byte {position} is longer than 10 bytes")


def field(number: int, content: bytes | int) -> bytes:
    """An encoded field: bytes or a message behind their length, or a number that is not negative."""
    if isinstance(content, int):
        return _varint(number << 3 | VARINT) + _varint(content)
    return _varint(number << 3 | LENGTH) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _extent(data: memoryview, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == VARINT:
        return position, read_varint(data, position)[1]
    if wire_type == LENGTH:
        length, body = read_varint(data, position)
        return body, body + length
    if wire_type in (FIXED64, FIXED32):
        return position, position + (8 if wire_type == FIXED64 else 4)
    raise ValueError(f"wire type {wire_type} before byte {position} is unknown")
