"""Inputs of a TFLite model, checked against what its interpreter takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.request import InputSpec, RunRequest
from profilers.runtimes.binding import arrays_for, misfit, spec_of


def bind_inputs(
    request: RunRequest, interpreter: Any
) -> tuple[list[NDArray[Any]], tuple[InputSpec, ...]]:
    """Arrays in the order of the interpreter's inputs, matched as `arrays_for` does, and what they are.

    Raises
    ------
    TwinscopeError
        If an input is missing or does not fit.
    """
    details = interpreter.get_input_details()
    specs = request.inputs
    if not specs and not request.inputs_file:
        specs = tuple(_own_spec(detail) for detail in details)
    wanted = {detail["name"]: _text(detail) for detail in details}
    arrays = arrays_for(request, specs, wanted)
    used = tuple(map(spec_of, wanted, arrays))
    for detail, given in zip(details, used, strict=True):
        if not _fits(detail, given):
            raise misfit(wanted.values(), f"it was given {given.text}")
    return arrays, used


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


def _fits(detail: dict[str, Any], given: InputSpec) -> bool:
    signature = [int(size) for size in detail["shape_signature"]]
    return (
        given.dtype == _dtype(detail)
        and len(signature) == len(given.shape)
        and all(size in (-1, own) for size, own in zip(signature, given.shape, strict=True))
    )


def _text(detail: dict[str, Any]) -> str:
    """As a person writes it: ``x=?,32,32,3:float32``."""
    sizes = ",".join("?" if size < 0 else str(size) for size in detail["shape_signature"])
    return f"{detail['name']}={sizes}:{_dtype(detail)}"
