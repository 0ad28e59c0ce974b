"""Finds the operator at which a converted TFLite model parts from the TensorFlow model."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.runtimes.tf.sources import Source
from profilers.runtimes.tflite.library import is_handle
from profilers.runtimes.tflite.results import result_names, result_tensors

_MOST_OFF = 0.05  # of the largest number, as for the results
_MOST_BYTES = 2**28  # of values that are looked at
_CALL = re.compile(r"^(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")
_NUMBER = re.compile(r"\d*$")  # the converter numbers tensors of one name
_OUTPUT = re.compile(r"^(?:(?:Stateful)?PartitionedCall|Identity)(?:_\d+)?(?::\d+)?$")
_ACTIVATIONS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "ReLU": lambda values: np.maximum(values, 0),
    "ReLU6": lambda values: np.clip(values, 0, 6),
}

Values = NDArray[Any]


def first_difference(source: Source, interpreter: Any) -> str:
    """Where they part, as a sentence: at the first result that TensorFlow has not under its name.

    Parameters
    ----------
    interpreter : Interpreter
        It has run the model on the arrays of `source` and kept every tensor.

    Returns
    -------
    str
        "" if names do not tell.
    """
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    tensors = result_tensors(interpreter, result_names(source.function))
    results = dict(zip(tensors, source.results, strict=False))
    computed = _values(source, {detail["name"] for detail in details.values()})
    for operator in interpreter._get_ops_details():
        for tensor in operator["outputs"]:
            if tensor not in details or is_handle(details[tensor]):
                continue
            name = details[tensor]["name"]
            expected = [results[tensor]] if tensor in results else _named(computed, name)
            place = f"{operator['op_name']} of {_short(name)}"
            told = _difference(expected, interpreter.get_tensor(tensor), place)
            if told:
                return told
    return ""


def _difference(expected: Sequence[Values], found: Values, place: str) -> str:
    """Compared with what its operations compute, the last one's at the end; "" if it is any of it."""
    fitting = [each for each in expected if each.shape == found.shape]
    if not fitting or _is_close(fitting[-1], found):
        return ""
    for name, activation in _ACTIVATIONS.items():
        if _is_close(fitting[-1], activation(found)):
            return f"The converter left out the {name} after {place}."
    return "" if any(_is_close(each, found) for each in fitting) else f"They part at {place}."


def _values(source: Source, names: set[str]) -> Mapping[str, Values]:
    """What TensorFlow computes, by the names of its operations."""
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    frozen = convert_variables_to_constants_v2(source.function, lower_control_flow=False)
    parts = {part for name in names for part in _parts(name)}
    wanted = parts | {_NUMBER.sub("", part) for part in parts}
    fetched: dict[str, Any] = {}
    room = _MOST_BYTES
    for operation in frozen.graph.get_operations():
        name = _CALL.sub("", operation.name)
        if name not in wanted or operation.type in ("Const", "Placeholder"):
            continue
        output = operation.outputs[0] if len(operation.outputs) == 1 else None
        if output is None or not output.shape.is_fully_defined() or not output.dtype.is_floating:
            continue
        room -= output.shape.num_elements() * output.dtype.size
        if room >= 0:
            fetched[name] = output
    function = frozen.prune(frozen.inputs, list(fetched.values()))
    return dict(zip(fetched, (t.numpy() for t in function(*source.model.arguments)), strict=True))


def _parts(name: str) -> list[str]:
    """The operations that a tensor's name joins."""
    return [_CALL.sub("", part) for part in name.split(";") if part]


def _named(computed: Mapping[str, Values], name: str) -> list[Values]:
    """Values of the operations of a name, in the order in which they run."""
    wanted = {part if part in computed else _NUMBER.sub("", part) for part in _parts(name)}
    return [values for each, values in computed.items() if each in wanted]


def _short(name: str) -> str:
    return "the model's result" if _OUTPUT.match(name) else name.replace(";", ", ")


def _is_close(expected: Values, found: Values) -> bool:
    if expected.dtype.kind != "f" or found.dtype.kind != "f":
        return True  # quantised values are none of TensorFlow's
    largest = float(np.abs(expected).max(initial=0))
    return bool(np.abs(expected - found).max(initial=0) <= _MOST_OFF * max(largest, 1e-12))
