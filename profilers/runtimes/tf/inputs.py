"""Tensors for a TensorFlow model's inputs, checked against what it takes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from profilers.request import InputSpec, RunRequest
from profilers.runtimes.binding import arrays_for, misfit, spec_of

_RAGGED_PART = re.compile(r"_\d+$")
_SPARSE_SIDE = 16


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


def with_sparse_parts(
    expected: Mapping[str, Any], tensors: Sequence[Any], inputs: Sequence[InputSpec]
) -> tuple[list[Any], tuple[InputSpec, ...]]:
    """Places, values and a size that fit each other, in place of random numbers.

    A signature takes a sparse tensor ``x`` in parts: where its values are, ``x``; the values, ``x_1``;
    and how large it is, ``x_2``.
    """
    import tensorflow as tf

    given = dict(zip(expected, tensors, strict=True))
    for name in expected:
        places, values, size = (given.get(each) for each in (name, f"{name}_1", f"{name}_2"))
        if places is None or values is None or size is None:
            continue
        rank = places.shape[-1] if places.shape.rank == 2 else 0
        if places.dtype != tf.int64 or size.dtype != tf.int64 or size.shape != (rank,):
            continue
        count = int(values.shape[0])
        sizes = np.array([1, *[max(_SPARSE_SIDE, count)] * (rank - 1)])
        rows = np.zeros((count, rank), np.int64)
        rows[:, -1] = np.arange(count)
        sizes[-1] = max(sizes[-1], count)
        given[name], given[f"{name}_2"] = tf.constant(rows), tf.constant(sizes, tf.int64)
    used = (replace(each, shape=tuple(given[each.name].shape.as_list())) for each in inputs)
    return list(given.values()), tuple(used)


def _own_spec(name: str, spec: Any) -> InputSpec:
    """What the model itself says, with a usual size for each dynamic one."""
    sizes = spec.shape.as_list() if spec.shape.rank is not None else [1]
    shape = tuple("?" if size is None else size for size in sizes)
    return InputSpec(name, spec.dtype.name, shape).with_sizes()


def _text(name: str, spec: Any) -> str:
    """As a person writes it: ``x=?,32,32,3:float32``."""
    known = spec.shape.rank is not None
    sizes = ",".join(str(size or "?") for size in spec.shape.as_list()) if known else "any"
    return f"{name}={sizes}:{spec.dtype.name}"
