"""Given arrays as the inputs that a model takes, by name or by place."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs
from profilers.request import InputSpec, RunRequest


def arrays_for(
    request: RunRequest, specs: tuple[InputSpec, ...], wanted: Mapping[str, str]
) -> list[NDArray[Any]]:
    """The request's arrays in the order in which the model takes them.

    Inputs are matched by name, or by position where the names differ but not their number.

    Parameters
    ----------
    specs : tuple of InputSpec
        What is made where the request names no file.
    wanted : mapping of str to str
        What the model takes, as a person writes it, by name.

    Raises
    ------
    TwinscopeError
        If there are more or fewer arrays than the model takes.
    """
    arrays = make_inputs(replace(request, inputs=specs))
    if not wanted.keys() <= arrays.keys():
        if len(arrays) != len(wanted):
            raise misfit(wanted.values(), f"it was given {', '.join(arrays) or 'nothing'}")
        arrays = dict(zip(wanted, arrays.values(), strict=True))
    return [arrays[name] for name in wanted]


def spec_of(name: str, array: NDArray[Any]) -> InputSpec:
    """What an array is; objects are strings."""
    dtype = "string" if array.dtype == object else array.dtype.name
    return InputSpec(name, dtype, tuple(array.shape))


def misfit(wanted: Iterable[str], why: str) -> TwinscopeError:
    return TwinscopeError(
        "The model does not take these inputs", why, f"It takes {' and '.join(wanted)}."
    )
