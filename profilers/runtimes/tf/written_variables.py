"""Variables that a TensorFlow function changes while it runs, such as the state of a stateful LSTM."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_WRITES = re.compile(
    r"Assign\w*VariableOp|Resource(?!Gather)\w+|RngReadAndSkip|RngSkip"
    r"|Stateful(?:Standard|Truncated|Uniform|Random)\w+"
)


@contextmanager
def unchanged_variables(function: Any) -> Iterator[None]:
    """What a ConcreteFunction writes to has at the end the values that it has now."""
    written = _written_variables(function)
    values = [variable.numpy() for variable in written]
    try:
        yield
    finally:
        for variable, value in zip(written, values, strict=True):
            variable.assign(value)


def _written_variables(function: Any) -> list[Any]:
    known = {id(variable.handle): variable for variable in function.graph.variables}
    placeholders = set(written_placeholders(function))
    return [
        known[id(tensor)]
        for tensor, given in function.graph.captures
        if given.op.name in placeholders and id(tensor) in known
    ]


def written_placeholders(function: Any) -> list[str]:
    """Placeholders of variables that the function writes to: a state, or the seed of a dropout."""
    graph = function.graph
    return list(
        dict.fromkeys(_written_in(graph, {each.op.name: each.op.name for each in graph.inputs}))
    )


def _written_in(graph: Any, outer: Mapping[str, str]) -> Iterator[str]:
    """`outer` has the placeholder of the whole function for each of this graph's own."""
    for operation in graph.get_operations():
        given = [outer.get(tensor.op.name, "") for tensor in operation.inputs]
        if _WRITES.fullmatch(operation.type):
            held = zip(operation.inputs, given, strict=True)
            yield from (name for tensor, name in held if name and tensor.dtype.name == "resource")
        for body in _bodies(operation, graph):
            own = [tensor.op.name for tensor in body.inputs]
            yield from _written_in(
                body, dict(zip(own, given[len(given) - len(own) :], strict=False))
            )


def _bodies(operation: Any, graph: Any) -> Iterator[Any]:
    """Graphs of the functions that an operation calls; their arguments are its last inputs."""
    for value in operation.node_def.attr.values():
        for name in (value.func.name, *(each.name for each in value.list.func)):
            found: Any = graph._get_function(name) if name else None
            if getattr(found, "graph", None) is not None:
                yield found.graph
