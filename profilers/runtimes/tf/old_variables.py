"""Variables of TensorFlow 1's own kind, references, which only a whole graph of TensorFlow runs."""

from dataclasses import replace
from typing import Any

from profilers.runtimes.tf.session import TracedModel

_VARIABLES = frozenset({"Variable", "VariableV2"})


def with_constants(traced: TracedModel) -> TracedModel:
    """The same model with constants for such variables; as it is where it does more than read them."""
    variables = [each for each in _operations(traced) if each.type in _VARIABLES]
    readers = [reader for each in variables for reader in each.outputs[0].consumers()]
    if not variables or any(reader.type != "Identity" for reader in readers):
        return traced
    function = _frozen(traced, variables)
    return replace(traced, function=function, call=function)


def _operations(traced: TracedModel) -> list[Any]:
    operations: list[Any] = traced.function.graph.get_operations()
    return operations


def _frozen(traced: TracedModel, variables: list[Any]) -> Any:
    """A function of the same names, which takes what `traced` is called with in that order."""
    import tensorflow as tf

    graph_def = traced.function.graph.as_graph_def()
    read = [each.outputs[0].consumers()[0].outputs[0] for each in variables]
    values = dict(zip((v.name for v in variables), traced.function.prune([], read)(), strict=True))
    for node in graph_def.node:
        if node.name in values:
            _make_constant(node, values[node.name])
    wrapped = tf.compat.v1.wrap_function(
        lambda: tf.compat.v1.import_graph_def(graph_def, name=""), []
    )
    own = traced.function.inputs[: len(traced.arguments)]
    given, made = (
        [wrapped.graph.get_tensor_by_name(tensor.name) for tensor in tensors]
        for tensors in (own, traced.function.outputs)
    )
    return wrapped.prune(given, made)


def _make_constant(node: Any, value: Any) -> None:
    import tensorflow as tf

    node.op = "Const"
    node.attr.clear()
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy(), value.dtype))
