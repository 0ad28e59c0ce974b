"""An unpacked TFLite model: shapes of a run written into it, its weights read, then left out."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

_IDENTIFIER = b"TFL3"
_LARGEST_CONSTANT_BYTES = 1024
_STORED_ELSEWHERE = 2  # an offset above 1 says that the bytes lie outside of the flatbuffer


def actual_shapes(model: Any, interpreter: Any) -> None:
    """Give the tensors of the main subgraph the shapes that they have in the interpreter."""
    tensors = model.subgraphs[0].tensors
    for detail in interpreter.get_tensor_details():
        if detail["index"] < len(tensors):
            tensor = tensors[detail["index"]]
            tensor.shape = np.asarray(detail["shape"], np.int32)
            tensor.shapeSignature = None


def weights_of(
    model: Any,
) -> Iterator[tuple[str, Callable[[], tuple[NDArray[Any], int]]]]:
    """Names and values of the stored tensors whose type numpy knows."""
    names: set[str] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            name = tensor.name.decode("utf-8", "replace") if tensor.name else ""
            data = model.buffers[tensor.buffer].data
            dtype = _DTYPES.get(tensor.type)
            if dtype is None or data is None or len(data) == 0 or name in names:
                continue
            names.add(name)
            yield name, partial(_values, data, dtype)


def packed(model: Any) -> bytes:
    """The flatbuffer of an unpacked model."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def is_stored_elsewhere(buffer: Any) -> bool:
    """Whether the bytes of a buffer lie outside of the flatbuffer."""
    return bool(buffer.offset >= _STORED_ELSEWHERE)


def stripped(model: Any, schema: Any) -> Any:
    """The same model; large buffers become buffers that lie elsewhere."""
    for place, buffer in enumerate(model.buffers):
        if buffer.data is not None and len(buffer.data) > _LARGEST_CONSTANT_BYTES:
            model.buffers[place] = schema.BufferT()
            model.buffers[place].offset = _STORED_ELSEWHERE
    model.metadata = model.signatureDefs = None
    return model


_DTYPES = {
    0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16",
    9: "int8", 10: "float64", 12: "uint64", 15: "uint32", 16: "uint16",
}  # fmt: skip  # TensorType in the schema


def _values(data: Any, dtype: str) -> tuple[NDArray[Any], int]:
    values = np.asarray(data, np.uint8).view(dtype)
    return values, len(values)
