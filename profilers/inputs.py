"""Input arrays for a run: random within dtype and range, or from a .npz file."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.errors import TwinscopeError
from profilers.request import InputSpec, RunRequest

Array = NDArray[np.generic]
_MOST_ELEMENTS = 2**33


def make_inputs(request: RunRequest) -> dict[str, Array]:
    """Arrays by input name, in the request's order.

    Raises
    ------
    TwinscopeError
        If a dtype is unknown, a shape is not concrete, or the .npz lacks an input.
    """
    if request.inputs_file:
        return _from_file(request.inputs_file, () if _are_guesses(request) else request.inputs)
    rng = np.random.default_rng(request.seed)
    return {spec.name: random_array(spec, rng) for spec in request.inputs}


def refitted(arrays: Mapping[str, Array], inputs: Sequence[InputSpec]) -> dict[str, Array]:
    """The arrays cut to the sizes of `inputs`, or repeated to them.

    Made anew at random, masks, offsets and indices that a person gave would mean nothing any more.

    Parameters
    ----------
    inputs : sequence of InputSpec
        One for each array, of its name and as many dimensions.
    """
    return {spec.name: _refitted(arrays[spec.name], spec.shape) for spec in inputs}


def _refitted(array: Array, shape: Sequence[int | str]) -> Array:
    for dimension, size in enumerate(map(int, shape)):
        own = array.shape[dimension]
        if size != own:
            array = array.take(np.arange(size) % max(own, 1), dimension)
    return array


def named_by_file(request: RunRequest) -> RunRequest:
    """The request with the arrays of its file for inputs, where those of the model are mere guesses.

    Raises
    ------
    TwinscopeError
        If the file cannot be read.
    """
    if not request.inputs_file or not _are_guesses(request):
        return request
    arrays = _arrays(request.inputs_file)
    given = (
        InputSpec(name, "string" if each.dtype == object else each.dtype.name, each.shape)
        for name, each in arrays.items()
    )
    return replace(request, inputs=tuple(given))


def _are_guesses(request: RunRequest) -> bool:
    return all(spec.guessed for spec in request.inputs)


def random_array(spec: InputSpec, rng: np.random.Generator) -> Array:
    """Normal floats, integers in [low, high) (default 0 or 1), fair booleans, short strings."""
    if not spec.is_concrete or np.prod([int(s) for s in spec.shape], dtype=float) > _MOST_ELEMENTS:
        raise TwinscopeError(
            f"Cannot make the input {spec.text}",
            "its shape is not a list of plain sizes, or too large",
            "Give each dimension a size.",
        )
    shape = tuple(int(size) for size in spec.shape)
    if spec.dtype == "string":
        return np.full(shape, "hello", dtype=object)
    dtype = numpy_dtype(spec.dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        low = int(spec.low if spec.low is not None else 0)
        high = int(spec.high if spec.high is not None else low + 2)
        return rng.integers(low, max(high, low + 1), shape).astype(dtype)
    if spec.low is not None or spec.high is not None:
        values = rng.uniform(spec.low or 0.0, 1.0 if spec.high is None else spec.high, shape)
    else:
        values = rng.standard_normal(shape)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return np.asarray(values, dtype)


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype of a name; bfloat16 and float8 come from ml_dtypes where it is installed."""
    try:
        return np.dtype(name)
    except TypeError:
        pass
    try:
        import ml_dtypes

        special: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return special
    except (ImportError, AttributeError, TypeError):
        raise TwinscopeError(
            f"Cannot make an input of dtype {name!r}",
            "numpy has no such type here",
            "Use a numpy name such as float32, int64 or bool.",
        ) from None


def _from_file(path: str, specs: Sequence[InputSpec]) -> dict[str, Array]:
    arrays = _arrays(path)
    names = [spec.name for spec in specs] or list(arrays)
    missing = [name for name in names if name not in arrays]
    if missing:
        raise TwinscopeError(
            f"The inputs file {path} lacks {', '.join(missing)}",
            f"it holds {', '.join(arrays) or 'nothing'}",
            "Name its arrays like the model's inputs.",
        )
    return {name: arrays[name] for name in names}


def _arrays(path: str) -> dict[str, Array]:
    """The file's arrays by name; those of text as objects, which the frameworks take for strings."""
    what = f"Cannot read the inputs from {path}"
    remedy = "Save them with numpy.savez(path, name=array)."
    try:
        if not zipfile.is_zipfile(path) and Path(path).is_file():
            raise TwinscopeError(what, "it is no .npz file", remedy)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise TwinscopeError(what, why, remedy) from error
    return {
        name: each.astype(object) if each.dtype.kind in "US" else each
        for name, each in arrays.items()
    }
