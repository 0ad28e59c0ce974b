"""Arrays for a Keras model's inputs, checked against what it takes; knows no backend."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from profilers.errors import TwinscopeError
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.binding import arrays_for, misfit, spec_of


def bound_arrays(
    model: Any, request: RunRequest
) -> tuple[list[NDArray[Any]], tuple[InputSpec, ...]]:
    """Arrays in the model's order, matched as `arrays_for` does, and what they are.

    Raises
    ------
    TwinscopeError
        If an input is missing or does not fit, or the model does not say what it takes and neither
        does the request.
    """
    expected = _expected(model, request)
    wanted = {spec.name: spec.text for spec in expected}
    arrays = arrays_for(request, request.inputs or expected, wanted)
    used = tuple(map(spec_of, wanted, arrays))
    for spec, given in zip(expected, used, strict=True):
        if given.dtype != spec.dtype or not _fits(given.shape, spec.shape):
            raise misfit(wanted.values(), f"it was given {given.text}")
    return arrays, used


def _expected(model: Any, request: RunRequest) -> tuple[InputSpec, ...]:
    tensors = getattr(model, "inputs", None)
    if tensors:
        return tuple(InputSpec(t.name, t.dtype, tuple(s or "?" for s in t.shape)) for t in tensors)
    if not request.inputs:
        raise TwinscopeError(
            f"{Path(request.model_path).name} does not say what inputs it takes",
            "it is a subclassed model, or was never built",
            "Give each input as NAME=SHAPE:DTYPE.",
        )
    return request.inputs


def _fits(shape: Sequence[int | str], wanted: Sequence[int | str]) -> bool:
    return len(shape) == len(wanted) and all(
        isinstance(size, str) or size == given for size, given in zip(wanted, shape, strict=True)
    )
