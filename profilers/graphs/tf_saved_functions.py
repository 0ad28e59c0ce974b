"""Functions of a SavedModel that no signature names, from its object graph alone."""

from collections.abc import Iterator
from typing import Any

from profilers.graphs.tensorflow_protos import new

_CALL = "StatefulPartitionedCall"
_FIRST = "__call__"


def function_names(meta_graph: Any) -> list[str]:
    """Names of the traced functions of the saved object, its call first."""
    names = [name for name, concrete in _functions(meta_graph) if concrete]
    return sorted(names, key=lambda name: (name != _FIRST, name))


def graph_of_function(meta_graph: Any, name: str) -> tuple[Any, dict[str, str]]:
    """A GraphDef that calls a function on placeholders, and its results: tensors by name.

    Raises
    ------
    ValueError
        If the object graph and the functions do not fit each other.
    """
    objects = meta_graph.object_graph_def
    called = dict(_functions(meta_graph))[name][0]
    library = meta_graph.graph_def.library
    bodies = {each.signature.name: each for each in library.function}
    if called not in bodies or called not in objects.concrete_functions:
        raise ValueError(f"its function {name} is not there")
    signature = bodies[called].signature
    numbers = objects.concrete_functions[called].bound_inputs
    if not all(0 <= number < len(objects.nodes) for number in numbers):
        raise ValueError(f"its function {name} reads objects that are not there")
    bound = [objects.nodes[number] for number in numbers]
    graph_def = new("GraphDef")
    graph_def.library.CopyFrom(library)
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
    call = graph_def.node.add(name=name, op=_CALL, input=given)
    call.attr["f"].func.name = called
    call.attr["Tout"].list.type.extend(result.type for result in signature.output_arg)
    results = {
        result.name: f"{name}:{number}" for number, result in enumerate(signature.output_arg)
    }
    return graph_def, results


def _functions(meta_graph: Any) -> Iterator[tuple[str, list[str]]]:
    """(name, names of what it was traced to) of each function of the saved object."""
    objects = meta_graph.object_graph_def
    for child in objects.nodes[0].children if objects.nodes else ():
        if not 0 <= child.node_id < len(objects.nodes):
            continue
        yield child.local_name, concrete_functions(objects.nodes[child.node_id])


def concrete_functions(saved_object: Any) -> list[str]:
    """Names in the function library of what a saved object was traced to."""
    bare = saved_object.bare_concrete_function.concrete_function_name
    return [*saved_object.function.concrete_functions, *([bare] if bare else ())]
