"""Runs a SavedModel's signature or function, or a frozen GraphDef, as a TensorFlow graph function."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from profilers.errors import TwinscopeError, first_line
from profilers.graphs.tf_ends import (
    read_inputs,
    session_ends,
    table_fillers,
    unread_results,
)
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.tf.encoded_text import with_encoded_text
from profilers.runtimes.tf.functions import traced_part
from profilers.runtimes.tf.inputs import bind_inputs, with_row_splits, with_sparse_parts
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT, TracedModel, run_traced

__all__ = ["WORKER_ENVIRONMENT", "load", "run", "signature_name"]

_DEFAULT_SIGNATURE = "serving_default"
_NOT_REGISTERED = re.compile(r"Op type not registered '([^']+)'")
_LOST_WEIGHTS = (
    "Read less bytes than requested", "sstable", "Checksum does not match", "variables/variables.",
    "variables\\variables.",
)  # fmt: skip


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a SavedModel folder or a frozen GraphDef file.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded, has no such signature, or does not take the inputs.
    """
    import tensorflow as tf

    return run_traced(request, folder, report, f"TensorFlow {tf.__version__}", load)


def load(request: RunRequest) -> TracedModel:
    """The signature of a SavedModel folder, or a frozen GraphDef file. Raises as `run` does."""
    read = _load_saved_model if Path(request.model_path).is_dir() else _load_frozen
    return read(request)


def _load_saved_model(request: RunRequest) -> TracedModel:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(request.model_path)
    except Exception as error:  # the loader raises whatever its parts raise
        raise _unloadable(request, error) from error
    if not loaded.signatures:
        is_session = hasattr(loaded, "prune")  # TensorFlow 1's: one graph, and no functions
        return _whole_graph(loaded, request) if is_session else traced_part(loaded, request)
    function = _signature(loaded, request)
    expected = function.structured_input_signature[1]
    tensors, inputs = bind_inputs(request, expected)
    if not request.inputs_file:
        if _takes_ragged(function):
            tensors, inputs = with_row_splits(expected, tensors, inputs)
        tensors, inputs = with_sparse_parts(expected, tensors, inputs)
        tensors = with_encoded_text(function, tensors)
    arguments = dict(zip(expected, tensors, strict=True))
    names = sorted(arguments)

    def call(*given: Any) -> Any:
        return function(**dict(zip(names, given, strict=True)))

    tensors = [arguments[name] for name in names]
    return TracedModel(function, call, tensors, inputs, owner=loaded, runs_nodes=True)


def _takes_ragged(function: Any) -> bool:
    """True if some of what it runs is made for ragged tensors, which a signature takes in parts."""
    graph_def = function.graph.as_graph_def()
    nodes = (node.name for each in graph_def.library.function for node in each.node_def)
    return any("Ragged" in name for name in nodes)


def signature_name(loaded: Any, request: RunRequest) -> str:
    """The signature that a request means, "" if the SavedModel has no such one."""
    names = list(loaded.signatures)
    wanted = request.signature or (names[0] if len(names) == 1 else _DEFAULT_SIGNATURE)
    return wanted if wanted in names else ""


def _signature(loaded: Any, request: RunRequest) -> Any:
    name = signature_name(loaded, request)
    if not name:
        raise TwinscopeError(
            f"{Path(request.model_path).name} has no signature "
            f"{request.signature or _DEFAULT_SIGNATURE!r}",
            f"it has {', '.join(loaded.signatures)}",
            "Choose one of them.",
        )
    return loaded.signatures[name]


def _load_frozen(request: RunRequest) -> TracedModel:
    import tensorflow as tf

    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(Path(request.model_path).read_bytes())
        _check_operators(graph_def)
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.compat.v1.import_graph_def(graph_def, name=""), []
        )
        names = read_inputs(graph_def.node)
        function, inputs = _pruned(wrapped, names, unread_results(graph_def.node))
        fillers = [
            wrapped.graph.get_operation_by_name(name) for name in table_fillers(graph_def.node)
        ]
        if fillers:  # as loading a SavedModel does
            wrapped.prune([], fillers)()
    except Exception as error:  # the importer raises whatever its parts raise
        raise _unloadable(request, error) from error
    return _traced(function, inputs, request)


def _whole_graph(loaded: Any, request: RunRequest) -> TracedModel:
    """A SavedModel of TensorFlow 1 that has no signature, from its placeholders on."""
    function, inputs = _pruned(loaded, *session_ends(loaded.graph.as_graph_def().node))
    return replace(_traced(function, inputs, request), owner=loaded)


def _pruned(wrapped: Any, names: Iterable[str], results: Iterable[str]) -> tuple[Any, list[Any]]:
    """The function from the placeholders `names` to the outputs of `results`, and its inputs."""
    operation = wrapped.graph.get_operation_by_name
    outputs = [output for name in results for output in operation(name).outputs]
    if not outputs:
        raise ValueError("the graph has no output")
    inputs = [operation(name).outputs[0] for name in names]
    return wrapped.prune(inputs, outputs), inputs


def _traced(function: Any, inputs: Iterable[Any], request: RunRequest) -> TracedModel:
    import tensorflow as tf

    expected = {
        tensor.op.name: tf.TensorSpec(tensor.shape, tensor.dtype, tensor.op.name)
        for tensor in inputs
    }
    tensors, specs = bind_inputs(request, expected)
    return TracedModel(function, function, tensors, specs, runs_nodes=True)


def _check_operators(graph_def: Any) -> None:
    """Name all operators that are missing; TensorFlow names the first one only."""
    from tensorflow.python.framework import op_def_registry

    functions = graph_def.library.function
    own = {function.signature.name for function in functions}
    nodes = [*graph_def.node, *(node for function in functions for node in function.node_def)]
    missing = {node.op for node in nodes if node.op not in own and not op_def_registry.get(node.op)}
    if missing:
        raise _MissingOperators(sorted(missing))


class _MissingOperators(Exception):
    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def _unloadable(request: RunRequest, error: Exception) -> TwinscopeError:
    told = _NOT_REGISTERED.findall(str(error))
    missing = error.names if isinstance(error, _MissingOperators) else list(dict.fromkeys(told))
    if missing:
        return TwinscopeError(
            f"TensorFlow cannot load {Path(request.model_path).name}",
            f"this build has no operator {' and no '.join(missing)}",
            "Its graph can be looked at; to run it, leave these operators out, or convert the model "
            "where the package that brings them is installed.",
        )
    if any(sign in str(error) for sign in _LOST_WEIGHTS):
        return TwinscopeError(
            f"TensorFlow cannot load {Path(request.model_path).name}",
            "the files in its variables folder are damaged or not all there",
            "Copy the whole folder again.",
            str(error),
        )
    return TwinscopeError(
        f"TensorFlow cannot load {Path(request.model_path).name}",
        first_line(error),
        "Check that the file is complete and was made for this version of TensorFlow.",
    )
