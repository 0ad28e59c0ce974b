"""Tensors for a TensorFlow model's inputs, checked against what it takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from profilers.request import InputSpec, RunRequest
from profilers.runtimes.binding import arrays_for, misfit, spec_of

_RAGGED_PART = re.compile(r"_\d+$")


def bind_inputs(
    request: RunRequest, expected: Mapping[str, Any]
) -> tuple[list[Any], tuple[InputSpec, ...]]:
    """Tensors in the order of `expected`, matched as `arrays_for` does, and what they are.

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
    wanted = {name: _text(name, spec) for name, spec in expected.items()}
    arrays = arrays_for(request, request.inputs or own, wanted)
    used = tuple(map(spec_of, wanted, arrays))
    for spec, given in zip(expected.values(), used, strict=True):
        if not spec.shape.is_compatible_with(given.shape) or spec.dtype.name != given.dtype:
            raise misfit(wanted.values(), f"it was given {given.text}")
    return [tf.constant(array) for array in arrays], used


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


def _text(name: str, spec: Any) -> str:
    """As a person writes it: ``x=?,32,32,3:float32``."""
    known = spec.shape.rank is not None
    sizes = ",".join(str(size or "?") for size in spec.shape.as_list()) if known else "any"
    return f"{name}={sizes}:{spec.dtype.name}"
