"""An ONNX file without its weights, cut out of the protobuf bytes. Standard library only."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KEEP_BYTES = 1024  # smaller tensors hold shapes and axes, which shape inference reads
_DEEPEST = 100
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5

# Message type -> field number -> type of the message in that field (onnx.proto).
_CHILDREN = {
    "Model": {7: "Graph", 25: "Function"},
    "Function": {7: "Node"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}  # fmt: skip
_TENSOR_DATA = {4, 5, 6, 7, 9, 10, 11}  # float, int32, string, int64, raw, double, uint64


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


def strip_weights(data: bytes | memoryview) -> bytes:
    """The same model, with the data of every tensor above `KEEP_BYTES` left out; shapes stay.

    Raises
    ------
    ValueError
        If the bytes are no protobuf message, are cut, or nest too deep.
    """
    return _strip(memoryview(data), "Model", 0)


def strip_file(path: Path) -> bytes:
    """`strip_weights` of a file, which is mapped, not read.

    Raises
    ------
    ValueError
        As `strip_weights`; also if the file is empty.
    OSError
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return strip_weights(memoryview(data))


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


def _extent(data: memoryview, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == _VARINT:
        return position, read_varint(data, position)[1]
    if wire_type == _LENGTH:
        length, body = read_varint(data, position)
        return body, body + length
    if wire_type in (_FIXED64, _FIXED32):
        return position, position + (8 if wire_type == _FIXED64 else 4)
    raise ValueError(f"wire type {wire_type} before byte {position} is unknown")


def _strip(data: memoryview, message: str, depth: int) -> bytes:
    if depth > _DEEPEST:
        raise ValueError(f"its graphs nest deeper than {_DEEPEST} levels")
    children = _CHILDREN[message]
    pieces: list[bytes | memoryview] = []
    for field in fields(data):
        child = children.get(field.number) if field.wire_type == _LENGTH else None
        if child is not None:
            inner = _strip(data[field.body : field.end], child, depth + 1)
            pieces += [_varint(field.number << 3 | _LENGTH), _varint(len(inner)), inner]
        elif not (message == "Tensor" and _is_bulk(field)):
            pieces.append(data[field.start : field.end])
    return b"".join(pieces)


def _is_bulk(field: Field) -> bool:
    return field.number in _TENSOR_DATA and field.end - field.body > KEEP_BYTES


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
