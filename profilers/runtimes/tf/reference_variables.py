"""Variables of TensorFlow 1's first kind, references, which only a whole graph of its own can hold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.runtimes.tf.session import TracedModel

_REFERENCES = frozenset({"Variable", "VariableV2"})
_OF_REFERENCES = {
    f"Ref{name}": name
    for name in ("Enter", "Exit", "Identity", "Merge", "NextIteration", "Select", "Switch")
}


def without_references(traced: TracedModel) -> TracedModel:
    """The same model with constants in their place; itself where it has none, or changes one."""
    operations = traced.function.graph.get_operations()
    held = [each for each in operations if each.type in _REFERENCES]
    reads = [_read(each) for each in held]
    if not held or any(read is None for read in reads):
        return traced
    values = traced.function.prune([], reads)()
    names = [operation.name for operation in held]
    constants = {name: value.numpy() for name, value in zip(names, values, strict=True)}
    function = _with_constants(traced.function, constants)
    return replace(traced, function=function, call=function)


def _read(variable: Any) -> Any:
    """What reads a variable, None if something writes to it."""
    readers = variable.outputs[0].consumers()
    if any(each.type not in ("Identity", *_OF_REFERENCES) for each in readers):
        return None
    return next((each.outputs[0] for each in readers if each.type == "Identity"), None)


def _with_constants(function: Any, constants: Mapping[str, NDArray[Any]]) -> Any:
    import tensorflow as tf

    graph_def = function.graph.as_graph_def()
    for node in graph_def.node:
        node.op = _OF_REFERENCES.get(node.op, node.op)
        if node.name in constants:
            node.op = "Const"
            node.attr.clear()
            tensor = tf.make_tensor_proto(np.asarray(constants[node.name]))
            node.attr["dtype"].type = tensor.dtype
            node.attr["value"].tensor.CopyFrom(tensor)
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.compat.v1.import_graph_def(graph_def, name=""), []
    )
    found = wrapped.graph.get_tensor_by_name
    results = tf.nest.map_structure(lambda each: found(each.name), function.structured_outputs)
    return wrapped.prune([found(each.name) for each in function.inputs], results)
