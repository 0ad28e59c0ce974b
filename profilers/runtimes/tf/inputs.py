"""Tensors for a TensorFlow model's inputs, checked against what it takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs
from profilers.request import InputSpec, RunRequest

_RAGGED_PART = re.compile(r"_\d+$")


def bind_inputs(
    request: RunRequest, expected: Mapping[str, Any]
) -> tuple[list[Any], tuple[InputSpec, ...]]:
    """Tensors in the order of `expected`, and what they are.

    Inputs are matched by name, or by position where the names differ but not their number.

    Parameters
    ----------
    expected : mapping of str to TensorSpec
        What the model takes.

    Raises
    ------
    TwinscopeError
        If an input is missing or does not fit.
    """
    import tensorflow as tf

    own = tuple(_own_spec(name, spec) for name, spec in expected.items())
    specs = request.inputs or own
    arrays = make_inputs(replace(request, inputs=specs))
    if not all(name in arrays for name in expected):
        if len(arrays) != len(expected):
            raise _misfit(expected, f"it was given {', '.join(arrays) or 'nothing'}")
        arrays = dict(zip(expected, arrays.values(), strict=True))
    tensors, used = [], []
    for name, spec in expected.items():
        array = arrays[name]
        dtype = "string" if array.dtype == object else array.dtype.name
        used.append(InputSpec(name, dtype, tuple(array.shape)))
        if not spec.shape.is_compatible_with(array.shape) or spec.dtype.name != dtype:
            raise _misfit(expected, f"it was given {used[-1].text}")
        tensors.append(tf.constant(array))
    return tensors, tuple(used)


def with_row_splits(
    expected: Mapping[str, Any], tensors: Sequence[Any], inputs: Sequence[InputSpec]
) -> tuple[list[Any], tuple[InputSpec, ...]]:
    """Row splits that fit their values, in place of random numbers.

    A signature takes a ragged tensor ``x`` in parts: its values ``x`` and where rows end, ``x_1``.
    """
    import tensorflow as tf

    given = dict(zip(expected, tensors, strict=True))
    for name, spec in expected.items():
        values = given.get(_RAGGED_PART.sub("", name))
        is_part = _RAGGED_PART.search(name) is not None and spec.shape.rank == 1
        if is_part and values is not None and spec.dtype.is_integer and values.shape.rank:
            rows = max(int(given[name].shape[0]) - 1, 1)
            ends = np.linspace(0, int(values.shape[0]), rows + 1).astype(int)
            given[name] = tf.constant(ends, spec.dtype)
    used = (replace(each, shape=tuple(given[each.name].shape.as_list())) for each in inputs)
    return list(given.values()), tuple(used)


def _own_spec(name: str, spec: Any) -> InputSpec:
    """What the model itself says, with 1 for each dynamic size."""
    sizes = spec.shape.as_list() if spec.shape.rank is not None else [1]
    return InputSpec(name, spec.dtype.name, tuple(1 if size is None else size for size in sizes))


def _misfit(expected: Mapping[str, Any], why: str) -> TwinscopeError:
    wanted = []
    for name, spec in expected.items():
        rank = spec.shape.rank
        sizes = "any" if rank is None else ",".join(str(s or "?") for s in spec.shape.as_list())
        wanted.append(f"{name}={sizes}:{spec.dtype.name}")
    return TwinscopeError(
        "The model does not take these inputs", why, f"It takes {' and '.join(wanted)}."
    )
