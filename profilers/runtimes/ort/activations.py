"""Digests of every tensor that an ONNX model makes, in a pass of its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from profilers.activations import MOST_OUTPUTS, digest_of, write
from profilers.graphs.protobuf_wire import field, fields
from profilers.inputs import Array

_GRAPH = 7  # field numbers of onnx.proto: of a model,
_NODE, _GRAPH_OUTPUT = 1, 12  # of a graph,
_NODE_OUTPUT = 2  # of a node,
_VALUE_NAME = 1  # of an output
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
    for graph in _inside(memoryview(model), _GRAPH):
        for node in _inside(graph, _NODE):
            for name in _inside(node, _NODE_OUTPUT):
                if name:
                    yield bytes(name).decode()


def _inside(message: memoryview, number: int) -> Iterator[memoryview]:
    """The values of all fields of a number."""
    return (message[each.body : each.end] for each in fields(message) if each.number == number)


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """The model with further outputs: a message that is encoded twice is merged."""
    values = [field(_VALUE_NAME, name.encode()) for name in names]
    return model + field(_GRAPH, b"".join(field(_GRAPH_OUTPUT, value) for value in values))
