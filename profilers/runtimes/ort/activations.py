"""Digests of every tensor that an ONNX model makes, in a pass of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from profilers.activations import MOST_OUTPUTS, digest_of, write
from profilers.graphs.onnx_strip import fields
from profilers.inputs import Array

_GRAPH, _NODE, _NODE_OUTPUT, _GRAPH_OUTPUT, _VALUE_NAME = (
    7,
    1,
    2,
    12,
    1,
)  # field numbers, onnx.proto
_LENGTH = 2
_AT_ONCE = 100  # tensors that one run returns


def write_activations(
    model: bytes,
    inputs: Mapping[str, Array],
    session_of: Callable[[bytes], Any],
    folder: Path,
) -> None:
    """Run the model with its inner tensors as further outputs, so many at a time."""
    names = list(tensor_names(model))[:MOST_OUTPUTS]
    found = [
        {"input": name, **digest_of(array, channels_first=True)} for name, array in inputs.items()
    ]
    for first in range(0, len(names), _AT_ONCE):
        wanted = names[first : first + _AT_ONCE]
        session = session_of(with_outputs(model, wanted))
        for name, values in zip(wanted, session.run(wanted, dict(inputs)), strict=True):
            if isinstance(values, np.ndarray):
                told = digest_of(values, channels_first=True)
                found += [{"tensor": name, **told}] if told else []
    write(folder, [each for each in found if "projection" in each])


def tensor_names(model: bytes) -> Iterator[str]:
    """Of what the nodes of the main graph make, in order. Raises ValueError if damaged."""
    data = memoryview(model)
    for graph in fields(data):
        if graph.number != _GRAPH:
            continue
        body = data[graph.body : graph.end]
        for node in fields(body):
            if node.number != _NODE:
                continue
            inner = body[node.body : node.end]
            for output in fields(inner):
                if output.number == _NODE_OUTPUT and output.end > output.body:
                    yield bytes(inner[output.body : output.end]).decode()


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with further outputs: a message that is encoded twice is merged."""
    values = [_field(_VALUE_NAME, name.encode()) for name in names]
    return model + _field(_GRAPH, b"".join(_field(_GRAPH_OUTPUT, value) for value in values))


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
