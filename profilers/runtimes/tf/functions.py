"""Functions of a SavedModel that has no signature, called with what they were traced for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError
from profilers.request import RunRequest
from profilers.runtimes.tf.encoded_text import with_encoded_text
from profilers.runtimes.tf.inputs import bind_inputs, with_row_splits, with_sparse_parts
from profilers.runtimes.tf.session import TracedModel

_DEFAULT = "__call__"
_TRACE = "#"  # "encode#2" is the second of what encode was traced to


def traced_part(loaded: Any, request: RunRequest) -> TracedModel:
    """The function that ``request.signature`` names, or the object's own call.

    Raises
    ------
    TwinscopeError
        If there is none of that name, or it does not take the inputs.
    """
    import tensorflow as tf

    function = _function(loaded, request)
    own = function.inputs[: len(function.inputs) - len(function.captured_inputs)]
    expected = {
        tensor.op.name: tf.TensorSpec(tensor.shape, tensor.dtype, tensor.op.name) for tensor in own
    }
    tensors, inputs = bind_inputs(request, expected)
    structure = function.structured_input_signature
    is_ragged = any(isinstance(each, tf.RaggedTensorSpec) for each in tf.nest.flatten(structure))
    if not request.inputs_file:
        if is_ragged:
            tensors, inputs = with_row_splits(expected, tensors, inputs)
        tensors, inputs = with_sparse_parts(expected, tensors, inputs)
        tensors = with_encoded_text(function, tensors)
    parts = tf.nest.flatten(structure, expand_composites=True)

    def call(*given: Any) -> Any:
        """Tensors stand where the function was traced for tensors; the rest are its constants."""
        left = iter(given)
        filled = [next(left) if isinstance(part, tf.TypeSpec) else part for part in parts]
        args, named = tf.nest.pack_sequence_as(structure, filled, expand_composites=True)
        return function(*args, **named)

    return TracedModel(function, call, tensors, inputs, owner=loaded, runs_nodes=True)


def _function(loaded: Any, request: RunRequest) -> Any:
    path, _, trace = (request.signature or _DEFAULT).partition(_TRACE)
    part = loaded
    for name in path.split("."):
        part = _child(part, name)
    traces = getattr(part, "concrete_functions", [part] if hasattr(part, "captured_inputs") else [])
    number = int(trace) if trace.isdecimal() else 1
    if not 1 <= number <= len(traces):
        raise TwinscopeError(
            f"{Path(request.model_path).name} has no function {request.signature or _DEFAULT!r}",
            "it has no signature either",
            "Choose one of the functions that `twinscope info` lists.",
        )
    return traces[number - 1]


def _child(part: Any, name: str) -> Any:
    """An attribute, or an element of a list or mapping that was saved; None if there is none."""
    if isinstance(part, Mapping):
        return part.get(name)
    if name.isdecimal() and hasattr(part, "__getitem__"):
        return part[int(name)] if int(name) < len(part) else None
    return getattr(part, name, None)
