"""Any model file that TensorFlow runs, loaded for a mode that converts or compiles it."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.errors import TrustRequired
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.keras import on_tf as keras_tf
from profilers.runtimes.tf import graph as tf_graph
from profilers.runtimes.tf.errors import run_failure
from profilers.runtimes.tf.reference_variables import without_references
from profilers.runtimes.tf.session import TracedModel
from profilers.runtimes.tf.written_variables import unchanged_variables

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class Source:
    """A model to convert, as a function of the shapes of this run.

    Parameters
    ----------
    function : ConcreteFunction
    arrays, inputs : sequences
        Values and descriptions of its arguments, in their order.
    results : sequence of array
        What TensorFlow makes of these in its first call.
    model : TracedModel
        Keeps the variables of the function alive, as they were before that call.
    """

    function: Any
    arrays: Sequence[NDArray[Any]]
    inputs: tuple[InputSpec, ...]
    results: Sequence[NDArray[Any]]
    model: TracedModel


def load_any(request: RunRequest) -> TracedModel:
    """A Keras file, a SavedModel's signature or a frozen GraphDef. Raises as their modes do."""
    if is_keras(Path(request.model_path)):
        return keras_tf.load(request)
    return without_references(tf_graph.load(request))


def load_source(request: RunRequest) -> Source:
    """The model of a request, and its results.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded, needs trust, or does not take the inputs.
    """
    import tensorflow as tf

    if request.options.get("needs_trust") and not request.trusted:
        raise TrustRequired(
            f"{Path(request.model_path).name} was not loaded",
            "loading or running it can execute code",
            "Run it only if you trust where it comes from.",
        )
    traced = load_any(request)
    inputs = _in_order(traced)
    try:
        with unchanged_variables(traced.function):
            results = tf.nest.flatten(traced.call(*traced.arguments))
    except tf.errors.OpError as error:
        raise run_failure(error) from error
    return Source(
        _of_these_shapes(traced, inputs),
        [np.asarray(argument.numpy()) for argument in traced.arguments],
        inputs,
        [tensor.numpy() for tensor in results],
        traced,
    )


def lookups_of(function: Any) -> list[str]:
    """Operators of a ConcreteFunction that read lookup tables."""
    return sorted(each for each in operators_of(function) if each.startswith("LookupTable"))


def operators_of(function: Any) -> set[str]:
    """Of a ConcreteFunction and of the functions that it calls."""
    graph_def = function.graph.as_graph_def()
    bodies = (graph_def.node, *(each.node_def for each in graph_def.library.function))
    return {node.op for body in bodies for node in body}


def is_keras(path: Path) -> bool:
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(len(_HDF5)) == _HDF5 or zipfile.is_zipfile(path)


def _of_these_shapes(traced: TracedModel, inputs: Sequence[InputSpec]) -> Any:
    """The function for the arguments' own shapes: dynamic ones cost what runs the result."""
    import tensorflow as tf

    if all(tensor.shape.is_fully_defined() for tensor in traced.function.inputs):
        return traced.function
    specs = [
        tf.TensorSpec(argument.shape, argument.dtype, spec.name)
        for argument, spec in zip(traced.arguments, inputs, strict=True)
    ]

    def converted_model(*arguments: Any) -> Any:
        return traced.call(*arguments)

    return tf.function(converted_model, autograph=False).get_concrete_function(*specs)


def _in_order(traced: TracedModel) -> tuple[InputSpec, ...]:
    """The inputs in the order of the arguments, which may be another than the model's own."""
    left = list(traced.inputs)
    ordered = []
    for argument in traced.arguments:
        shape = tuple(argument.shape.as_list())
        fits = [s for s in left if s.shape == shape and s.dtype == argument.dtype.name]
        ordered.append(fits[0] if fits else left[0])
        left.remove(ordered[-1])
    return tuple(ordered)
