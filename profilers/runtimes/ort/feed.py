"""Inputs in the form in which ONNX Runtime takes them: some types are none of numpy's own."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError
from profilers.inputs import Array

_ELEMENT_TYPES = {  # of TensorProto in onnx.proto: numpy's name, number, what carries the bytes
    "bfloat16": (16, "uint16"),
    "float8_e4m3fn": (17, "uint8"),
    "float8_e4m3fnuz": (18, "uint8"),
    "float8_e5m2": (19, "uint8"),
    "float8_e5m2fnuz": (20, "uint8"),
}
_OWN_KINDS = "biufcSUO"


def feed_of(arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Arrays as they are, or all of them as ONNX Runtime's own values if one needs that.

    Raises
    ------
    TwinscopeError
        If ONNX Runtime's Python interface has no way to take one, such as four-bit integers.
    """
    if all(_is_own(array) for array in arrays.values()):
        return dict(arrays)
    return {name: _value(name, array) for name, array in arrays.items()}


def run_fed(session: Any, fed: Mapping[str, Any]) -> Any:
    """One run on what `feed_of` gave."""
    if all(isinstance(value, np.ndarray) for value in fed.values()):
        return session.run(None, dict(fed))
    names = [output.name for output in session.get_outputs()]
    return session.run_with_ort_values(names, dict(fed))


def _is_own(array: Array) -> bool:
    return (
        array.dtype.kind in _OWN_KINDS
        and array.dtype.name not in _ELEMENT_TYPES
        and (array.dtype.isbuiltin == 1 or array.dtype.kind in "SUO")
    )


def _value(name: str, array: Array) -> Any:
    from onnxruntime import OrtValue

    if _is_own(array):
        return OrtValue.ortvalue_from_numpy(array)
    if array.dtype.name not in _ELEMENT_TYPES:
        raise TwinscopeError(
            f"ONNX Runtime cannot be given the input {name}",
            f"its Python interface takes no {array.dtype.name}",
            "Give the model an input of a wider type that it casts.",
        )
    number, carrier = _ELEMENT_TYPES[array.dtype.name]
    return OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(carrier), number)
