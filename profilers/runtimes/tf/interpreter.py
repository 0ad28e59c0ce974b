"""Runs a TensorFlow graph operator by operator, as eager execution would."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from profilers.errors import CaptureFailed

Key = tuple[str, int]  # an operation's name and the number of its output
Values = dict[Key, Any]
Mark = Callable[[str], AbstractContextManager[Any]]

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_BRANCHES = {"If": ("then", "else"), "StatelessIf": ("then", "else")}
_LOOPS = frozenset({"While", "StatelessWhile"})
_CASES = frozenset({"Case", "StatelessCase"})
_ONLY_IN_GRAPHS = frozenset(
    {"Enter", "Exit", "Switch", "Merge", "NextIteration", "RefSwitch", "VariableV2", "Assign"}
)
_NO_WORK = frozenset({"NoOp", "Placeholder", "Assert"})


class Interpreter:
    """One function, compiled to steps once.

    Parameters
    ----------
    function : ConcreteFunction
    mark : callable
        Makes a range of an operation's name; calls and bodies stand in it as in a lowered graph.

    Raises
    ------
    CaptureFailed
        If the graph holds operators that exist in graphs only.
    """

    def __init__(self, function: Any, mark: Mark) -> None:
        self._programs: dict[str, _Program] = {}
        self._graph = function.graph
        self._captured = [(tensor, given.op.name) for tensor, given in self._graph.captures]
        self._arguments = [tensor.op.name for tensor in function.inputs]
        self._mark = mark
        self._main = self._program(self._graph, "")

    def __call__(self, *arguments: Any) -> list[Any]:
        values: Values = {
            (name, 0): value for name, value in zip(self._arguments, arguments, strict=False)
        }
        values |= {(name, 0): tensor for tensor, name in self._captured}
        return self._run(self._main, values, "")

    def _run(self, program: "_Program", values: Values, path: str) -> list[Any]:
        for step in program.steps:
            given = [values[key] for key in step.inputs]
            for number, result in enumerate(self._step(step, given, path)):
                values[step.name, number] = result
            for key in step.last_uses:
                values.pop(key, None)
        return [values[key] for key in program.results]

    def _step(self, step: "_Step", given: list[Any], path: str) -> Sequence[Any]:
        name = f"{path}{step.name}"
        if step.kind in _CALLS:
            return self._call(step.functions["f"], given, f"{name}/")
        if step.kind in _BRANCHES:
            label = _BRANCHES[step.kind][0 if bool(given[0].numpy()) else 1]
            return self._call(step.functions[f"{label}_branch"], given[1:], f"{name}/{label}/_0/")
        if step.kind in _CASES:
            number = min(int(given[0].numpy()), len(step.functions) - 1)
            branch = step.functions[f"branches:{number}"]
            return self._call(branch, given[1:], f"{name}/branch{number}/_0/")
        if step.kind in _LOOPS:
            return self._loop(step, given, name)
        with self._mark(name):
            return step.execute(given)

    def _loop(self, step: "_Step", state: Sequence[Any], name: str) -> Sequence[Any]:
        condition, body = step.functions["cond"], step.functions["body"]
        while bool(self._call(condition, state, f"{name}/cond/_0/")[0].numpy()):
            state = self._call(body, state, f"{name}/body/_0/")
        return state

    def _call(self, function: str, given: Sequence[Any], path: str) -> list[Any]:
        program = self._program(self._graph, function)
        values = {(name, 0): value for name, value in zip(program.arguments, given, strict=True)}
        return self._run(program, values, path)

    def _program(self, graph: Any, function: str) -> "_Program":
        if function not in self._programs:
            own = _body(graph, function) if function else graph
            self._programs[function] = _Program.of(own)
            for step in self._programs[function].steps:
                for name in step.functions.values():
                    self._program(own, name)
        return self._programs[function]


def _body(graph: Any, name: str) -> Any:
    """The graph of a function; one that was imported holds its definition only."""
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

    function = graph._get_function(name)
    found = getattr(function, "graph", None)
    if found is not None:
        return found
    with graph.as_default():
        return function_def_to_graph(function.definition)


@dataclass(frozen=True)
class _Step:
    name: str
    kind: str
    inputs: list[Key]
    execute: Callable[[Sequence[Any]], Sequence[Any]]
    functions: Mapping[str, str]
    last_uses: list[Key]


@dataclass(frozen=True)
class _Program:
    arguments: list[str]
    steps: list[_Step]
    results: list[Key]

    @classmethod
    def of(cls, graph: Any) -> "_Program":
        results = [_key(tensor) for tensor in graph.outputs]
        seen, steps = set(results), []
        for operation in reversed(graph.get_operations()):
            if operation.type in _NO_WORK:
                continue
            inputs = [_key(tensor) for tensor in operation.inputs]
            made = [(operation.name, number) for number in range(len(operation.outputs))]
            last = [key for key in dict.fromkeys([*inputs, *made]) if key not in seen]
            seen.update(last)
            steps.append(
                _Step(
                    operation.name,
                    operation.type,
                    inputs,
                    _executable(operation),
                    _functions(operation),
                    last,
                )
            )
        steps.reverse()
        return cls([tensor.op.name for tensor in graph.inputs], steps, results)


def _key(tensor: Any) -> Key:
    return tensor.op.name, tensor.value_index


def _functions(operation: Any) -> dict[str, str]:
    """Names of the functions that an operation calls, by attribute."""
    if operation.type not in _CALLS | _LOOPS | _CASES | set(_BRANCHES):
        return {}
    found = {}
    for key, value in operation.node_def.attr.items():
        if value.WhichOneof("value") == "func":
            found[key] = value.func.name
        for number, function in enumerate(value.list.func):
            found[f"{key}:{number}"] = function.name
    return found


def _executable(operation: Any) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The operation as a call on tensors; a constant is made once."""
    import tensorflow as tf
    from tensorflow.python.eager import context, execute
    from tensorflow.python.framework import tensor_util

    if operation.type in _ONLY_IN_GRAPHS:
        raise CaptureFailed(
            "The model cannot run operator by operator",
            f"it holds {operation.type}, which TensorFlow 1 runs in a whole graph only",
            "Run it in the mode tf-graph.",
        )
    if operation.type == "Const":
        made = [tf.constant(tensor_util.MakeNdarray(operation.node_def.attr["value"].tensor))]
        return lambda given: made
    kind, count = operation.type, len(operation.outputs)
    attributes = _attributes(operation)
    here = context.context()

    def run(given: Sequence[Any]) -> Sequence[Any]:
        results: Sequence[Any] = execute.execute(kind, count, list(given), attributes, here)
        return results

    return run


def _attributes(operation: Any) -> tuple[Any, ...]:
    """Names and values in turn, as the eager runtime takes them."""
    given = operation.node_def.attr
    flat: list[Any] = []
    for declared in operation.op_def.attr:
        if declared.name in given:
            flat += [declared.name, _plain(given[declared.name], declared.type)]
    return tuple(flat)


def _plain(value: Any, kind: str) -> Any:
    """An AttrValue as Python's own."""
    if kind.startswith("list("):
        inner = kind[len("list(") : -1]
        field = {"string": "s", "int": "i", "float": "f", "bool": "b"}.get(inner, inner)
        return [_shape(each) if inner == "shape" else each for each in getattr(value.list, field)]
    if kind == "shape":
        return _shape(value.shape)
    return getattr(value, value.WhichOneof("value")) if value.WhichOneof("value") else None


def _shape(shape: Any) -> list[int] | None:
    return None if shape.unknown_rank else [dimension.size for dimension in shape.dim]
