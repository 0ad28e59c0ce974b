"""An ONNX file without its weights, cut out of the protobuf bytes. Standard library only."""

import mmap
from pathlib import Path

from profilers.graphs.protobuf_wire import LENGTH, Field, field, fields

KEEP_BYTES = 1024  # smaller tensors hold shapes and axes, which shape inference reads
_DEEPEST = 100

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


def _strip(data: memoryview, message: str, depth: int) -> bytes:
    if depth > _DEEPEST:
        raise ValueError(f"its graphs nest deeper than {_DEEPEST} levels")
    children = _CHILDREN[message]
    pieces: list[bytes | memoryview] = []
    for each in fields(data):
        child = children.get(each.number) if each.wire_type == LENGTH else None
        if child is not None:
            pieces.append(field(each.number, _strip(data[each.body : each.end], child, depth + 1)))
        elif not (message == "Tensor" and _is_bulk(each)):
            pieces.append(data[each.start : each.end])
    return b"".join(pieces)


def _is_bulk(each: Field) -> bool:
    return each.number in _TENSOR_DATA and each.end - each.body > KEEP_BYTES
