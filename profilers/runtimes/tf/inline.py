"""The authored graph of a traced function: its calls inlined, its shapes those of this run."""

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from profilers.runtimes.tf.body_shapes import has_bodies, with_body_shapes

logger = logging.getLogger(__name__)

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_DEEPEST_CALL = 50


def authored_graph(
    function: Any, arguments: Sequence[Any], variables: Sequence[Mapping[str, Any]]
) -> Any:
    """A GraphDef with ``_output_shapes``, whose nodes are called as when they run.

    A signature only calls the function that was written; with calls inlined, the nodes of that
    function are in the main graph. Bodies of control flow stay functions.

    Parameters
    ----------
    function : ConcreteFunction
    arguments : sequence of Tensor
        In the order of ``function.inputs``.
    variables : sequence of mapping
        ``placeholder``, ``name``, ``dtype`` and ``shape`` of each captured variable; it becomes a
        VarHandleOp of that name.
    """
    plain = function.graph.as_graph_def(add_shapes=True)
    shapes = {
        given.op.name: tensor.shape
        for given, tensor in zip(function.inputs, arguments, strict=False)
    }
    try:
        with function.graph.as_default():
            flat = _inlined(plain)
        _fix_placeholders(flat, shapes, variables)
        is_open = not all(tensor.shape.is_fully_defined() for tensor in function.inputs)
        return (is_open and _with_body_shapes(flat)) or _with_shapes(flat)
    except Exception:  # inference may refuse what the executor accepts; the plain graph does too
        logger.warning("the function's calls could not be inlined", exc_info=True)
        return plain


def _inlined(graph_def: Any) -> Any:
    """The graph without calls of functions; call by call, from the outside in."""
    library = {function.signature.name: function for function in graph_def.library.function}
    for _ in range(_DEEPEST_CALL):
        calls = [
            node
            for node in graph_def.node
            if node.op in _CALLS and node.attr["f"].func.name in library
        ]
        if not calls:
            return graph_def
        graph_def = _without(calls, graph_def, library)
    raise ValueError("functions call each other without end")


def _without(calls: Sequence[Any], graph_def: Any, library: Mapping[str, Any]) -> Any:
    """The graph with the bodies of these calls in their place."""
    from tensorflow.core.framework import graph_pb2

    flat = graph_pb2.GraphDef(versions=graph_def.versions, library=graph_def.library)
    gone = {call.name for call in calls}
    flat.node.extend(node for node in graph_def.node if node.name not in gone)
    results: dict[str, str] = {}
    for call in calls:
        results |= _add_body(flat, call, library[call.attr["f"].func.name])
    for node in flat.node:
        inputs = [_followed(text, results) for text in node.input]
        del node.input[:]
        node.input.extend(text for text in inputs if text.removeprefix("^") not in gone)
    return flat


def _add_body(flat: Any, call: Any, function: Any) -> dict[str, str]:
    """Add the nodes of a called function; gives the tensor that each output of the call is."""
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph_def

    body, tensor_of = function_def_to_graph_def(function)
    arguments = [argument.name for argument in function.signature.input_arg]
    given = dict(zip(arguments, call.input, strict=False))

    def placed(text: str) -> str:
        name, colon, output = str(text).removeprefix("^").partition(":")
        if name in given:
            tensor = str(given[name])
            return "^" + tensor.partition(":")[0] if text.startswith("^") else tensor
        return f"{'^' if text.startswith('^') else ''}{call.name}/{name}{colon}{output}"

    for node in body.node:
        if node.name in given:
            continue
        added = flat.node.add()
        added.CopyFrom(node)
        added.name = f"{call.name}/{node.name}"
        del added.input[:]
        added.input.extend(placed(text) for text in node.input)
    return {
        f"{call.name}:{number}": placed(tensor_of[function.ret[result.name]])
        for number, result in enumerate(function.signature.output_arg)
    }


def _followed(text: str, results: Mapping[str, str]) -> str:
    """The tensor behind an input that names the output of a call, or of a call of a call."""
    while not text.startswith("^"):
        found = results.get(text if ":" in text else f"{text}:0")
        if found is None:
            break
        text = found
    return text


def _fix_placeholders(
    graph_def: Any, shapes: Mapping[str, Any], variables: Sequence[Mapping[str, Any]]
) -> None:
    """Give inputs the shapes of this run, and captured variables their name and shape."""
    import tensorflow as tf

    captured = {row["placeholder"]: row for row in variables}
    for node in graph_def.node:
        node.attr.pop("_output_shapes", None)
        if node.op != "Placeholder":
            continue
        if node.name in shapes and node.name not in captured:
            node.attr["shape"].shape.CopyFrom(shapes[node.name].as_proto())
        elif node.name in captured:
            row = captured[node.name]
            node.op = "VarHandleOp"
            node.attr.clear()
            node.attr["dtype"].type = tf.as_dtype(row["dtype"]).as_datatype_enum
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(row["shape"]).as_proto())
            node.attr["shared_name"].s = row["name"].encode()


def _with_body_shapes(graph_def: Any) -> Any:
    """The same graph with the sizes of this run within branches and loops; None if they do not follow."""
    if not has_bodies(graph_def):
        return None
    try:
        return with_body_shapes(copy.deepcopy(graph_def))
    except Exception:  # inference may refuse what the executor accepts
        logger.warning("shapes within branches and loops are not known", exc_info=True)
        return None


def _with_shapes(graph_def: Any) -> Any:
    """The same graph after TensorFlow's own shape inference."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(graph_def, name="")
        return graph.as_graph_def(add_shapes=True)
