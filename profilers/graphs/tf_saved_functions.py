"""Functions of a SavedModel that no signature names, from its object graph alone."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from profilers.graphs.builder import Shape
from profilers.graphs.tensorflow_protos import dtype_name, new
from profilers.graphs.tf_nodes import shape_of

_CALL = "StatefulPartitionedCall"
_FIRST = "__call__"
_DEEPEST_PART = 10
_MOST_FUNCTIONS = 200
_SHAPES = "_output_shapes"


@dataclass(frozen=True)
class SavedFunction:
    """What a saved object, or a part of it, was traced to.

    Parameters
    ----------
    name : str
        Attributes on the way to it, ``encoder.encode``; the second trace of one function is
        ``encode#2``.
    called : str
        Its name in the function library.
    """

    name: str
    called: str


def saved_functions(meta_graph: Any) -> list[SavedFunction]:
    """Traced functions: the object's own call first, those of parts and private ones last."""
    found: list[SavedFunction] = []
    for path, saved in _functions(meta_graph):
        for number, called in enumerate(concrete_functions(saved), 1):
            found.append(SavedFunction(f"{path}#{number}" if number > 1 else path, called))
        if len(found) >= _MOST_FUNCTIONS:
            break
    return sorted(found, key=lambda function: _order(function.name))


def untraced_functions(meta_graph: Any) -> list[str]:
    """Names of functions that were saved without having been called before."""
    return [path for path, saved in _functions(meta_graph) if not concrete_functions(saved)]


def inputs_of_function(meta_graph: Any, function: SavedFunction) -> list[tuple[str, str, Shape]]:
    """Name, dtype and shape of each argument that a caller gives.

    Raises
    ------
    ValueError
        If the object graph and the functions do not fit each other.
    """
    body, bound = _body_of(meta_graph, function)
    arguments = body.signature.input_arg
    own = len(arguments) - len(bound)
    found = []
    for number, argument in enumerate(arguments[:own]):
        shapes = body.arg_attr[number].attr[_SHAPES].list.shape
        found.append(
            (argument.name, dtype_name(argument.type), shape_of(shapes[0]) if shapes else None)
        )
    return found


def graph_of_function(meta_graph: Any, function: SavedFunction) -> tuple[Any, dict[str, str]]:
    """A GraphDef that calls a function on placeholders, and its results: tensors by name.

    Raises
    ------
    ValueError
        If the object graph and the functions do not fit each other.
    """
    body, bound = _body_of(meta_graph, function)
    signature = body.signature
    graph_def = new("GraphDef")
    graph_def.library.CopyFrom(meta_graph.graph_def.library)
    own = len(signature.input_arg) - len(bound)
    for number, argument in enumerate(signature.input_arg):
        node = graph_def.node.add(name=argument.name, op="Placeholder")
        node.attr["dtype"].type = argument.type
        variable = bound[number - own].variable if number >= own else None
        if variable is not None and variable.dtype:
            node.op, node.name = "VarHandleOp", variable.name or argument.name
            node.attr["dtype"].type = variable.dtype
            node.attr["shape"].shape.CopyFrom(variable.shape)
    given = [node.name for node in graph_def.node]
    call = graph_def.node.add(name=function.name, op=_CALL, input=given)
    call.attr["f"].func.name = function.called
    call.attr["Tout"].list.type.extend(result.type for result in signature.output_arg)
    results = {
        result.name: f"{function.name}:{number}"
        for number, result in enumerate(signature.output_arg)
    }
    return graph_def, results


def concrete_functions(saved_object: Any) -> list[str]:
    """Names in the function library of what a saved object was traced to."""
    bare = saved_object.bare_concrete_function.concrete_function_name
    return [*saved_object.function.concrete_functions, *([bare] if bare else ())]


def _body_of(meta_graph: Any, function: SavedFunction) -> tuple[Any, list[Any]]:
    """The FunctionDef, and the saved objects that its last arguments are bound to."""
    objects, called = meta_graph.object_graph_def, function.called
    library = meta_graph.graph_def.library.function
    body = next((each for each in library if each.signature.name == called), None)
    if body is None or called not in objects.concrete_functions:
        raise ValueError(f"its function {function.name} is not there")
    numbers = objects.concrete_functions[called].bound_inputs
    if not all(0 <= number < len(objects.nodes) for number in numbers):
        raise ValueError(f"its function {function.name} reads objects that are not there")
    return body, [objects.nodes[number] for number in numbers]


def _functions(meta_graph: Any) -> Iterator[tuple[str, Any]]:
    """(attributes on the way to it, saved function), each on its shortest way."""
    nodes = meta_graph.object_graph_def.nodes
    waiting = deque([(0, "", 0)] if nodes else ())
    seen = {0}
    while waiting:
        number, path, depth = waiting.popleft()
        for child in nodes[number].children:
            if child.node_id in seen or not 0 <= child.node_id < len(nodes):
                continue
            seen.add(child.node_id)
            saved, name = nodes[child.node_id], f"{path}{child.local_name}"
            if saved.HasField("function") or saved.HasField("bare_concrete_function"):
                yield name, saved
            elif depth < _DEEPEST_PART:
                waiting.append((child.node_id, f"{name}.", depth + 1))


def _order(name: str) -> tuple[bool, bool, int, str]:
    parts = name.partition("#")[0].split(".")
    is_private = any(part.startswith("_") and part != _FIRST for part in parts)
    return parts != [_FIRST], is_private, len(parts), name
