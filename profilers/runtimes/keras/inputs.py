"""Arrays for a Keras model's inputs, checked against what it takes; knows no backend."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs
from profilers.request import InputSpec, RunRequest


def bound_arrays(
    model: Any, request: RunRequest
) -> tuple[list[NDArray[Any]], tuple[InputSpec, ...]]:
    """Arrays in the model's order, and what they are.

    Inputs are matched by name, or by position where the names differ but not their number.

    Raises
    ------
    TwinscopeError
        If an input is missing or does not fit, or the model does not say what it takes and neither
        does the request.
    """
    expected = _expected(model, request)
    arrays = make_inputs(replace(request, inputs=request.inputs or expected))
    if not all(spec.name in arrays for spec in expected):
        if len(arrays) != len(expected):
            raise _misfit(expected, f"it was given {', '.join(arrays) or 'nothing'}")
        arrays = dict(zip((spec.name for spec in expected), arrays.values(), strict=True))
    bound, used = [], []
    for spec in expected:
        array = arrays[spec.name]
        dtype = "string" if array.dtype == object else array.dtype.name
        used.append(InputSpec(spec.name, dtype, tuple(array.shape)))
        if dtype != spec.dtype or not _fits(array.shape, spec.shape):
            raise _misfit(expected, f"it was given {used[-1].text}")
        bound.append(array)
    return bound, tuple(used)


def _expected(model: Any, request: RunRequest) -> tuple[InputSpec, ...]:
    tensors = getattr(model, "inputs", None)
    if tensors:
        return tuple(InputSpec(t.name, t.dtype, tuple(s or "?" for s in t.shape)) for t in tensors)
    if not request.inputs:
        raise TwinscopeError(
            f"{Path(request.model_path).name} does not say what inputs it takes",
            "it is a subclassed model",
            "Give each input as NAME=SHAPE:DTYPE.",
        )
    return request.inputs


def _fits(shape: Sequence[int], wanted: Sequence[int | str]) -> bool:
    return len(shape) == len(wanted) and all(
        isinstance(size, str) or size == given for size, given in zip(wanted, shape, strict=True)
    )


def _misfit(expected: Sequence[InputSpec], why: str) -> TwinscopeError:
    wanted = " and ".join(spec.text for spec in expected)
    return TwinscopeError("The model does not take these inputs", why, f"It takes {wanted}.")
