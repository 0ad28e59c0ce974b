"""Inputs of a TFLite model, checked against what its interpreter takes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs
from profilers.request import InputSpec, RunRequest


def bind_inputs(
    request: RunRequest, interpreter: Any
) -> tuple[list[NDArray[Any]], tuple[InputSpec, ...]]:
    """Arrays in the order of the interpreter's inputs, and what they are.

    Inputs are matched by name, or by position where the names differ but not their number.

    Raises
    ------
    TwinscopeError
        If an input is missing or does not fit.
    """
    details = interpreter.get_input_details()
    specs = request.inputs
    if not specs and not request.inputs_file:
        specs = tuple(_own_spec(detail) for detail in details)
    arrays = make_inputs(replace(request, inputs=specs))
    names = [detail["name"] for detail in details]
    if not set(names) <= set(arrays):
        if len(arrays) != len(names):
            raise _misfit(details, f"it was given {', '.join(arrays) or 'nothing'}")
        arrays = dict(zip(names, arrays.values(), strict=True))
    ordered = [arrays[name] for name in names]
    for detail, array in zip(details, ordered, strict=True):
        if not _fits(detail, array):
            sizes = ",".join(map(str, array.shape))
            raise _misfit(details, f"it was given {detail['name']}={sizes}:{array.dtype}")
    inputs = tuple(
        InputSpec(name, "string" if array.dtype == object else array.dtype.name, array.shape)
        for name, array in zip(names, ordered, strict=True)
    )
    return ordered, inputs


def order_of(details: Sequence[dict[str, Any]], inputs: Sequence[InputSpec]) -> list[int]:
    """Which of `inputs` each input takes: by name where the converter kept it, else by position."""
    names = [spec.name for spec in inputs]
    told = [detail["name"].removeprefix("serving_default_").split(":")[0] for detail in details]
    own = [detail["name"] for detail in details]
    for wanted in (own, told):
        if sorted(wanted) == sorted(names) and len(set(names)) == len(names):
            return [names.index(name) for name in wanted]
    return list(range(len(details)))


def _own_spec(detail: dict[str, Any]) -> InputSpec:
    sizes = tuple(max(int(size), 1) for size in detail["shape_signature"])
    return InputSpec(detail["name"], _dtype(detail), sizes)


def _dtype(detail: dict[str, Any]) -> str:
    dtype = np.dtype(detail["dtype"])
    return "string" if dtype.kind in "SUO" else dtype.name


def _fits(detail: dict[str, Any], array: NDArray[Any]) -> bool:
    dtype = "string" if array.dtype == object else array.dtype.name
    signature = [int(size) for size in detail["shape_signature"]]
    return (
        dtype == _dtype(detail)
        and len(signature) == array.ndim
        and all(size in (-1, own) for size, own in zip(signature, array.shape, strict=True))
    )


def _misfit(details: Sequence[dict[str, Any]], why: str) -> TwinscopeError:
    wanted = []
    for detail in details:
        sizes = ",".join("?" if size < 0 else str(size) for size in detail["shape_signature"])
        wanted.append(f"{detail['name']}={sizes}:{_dtype(detail)}")
    return TwinscopeError(
        "The model does not take these inputs", why, f"It takes {' and '.join(wanted)}."
    )
