"""Executors that still tell the profiler of every operator of a loop.

What TensorFlow's executor found to be cheap is left out of traces, whatever level they are asked for. It
takes a node some 90 runs to be found so, and the body of a loop makes as many within a few steps.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

_LOOPS = frozenset({"While", "StatelessWhile", "NextIteration"})
_MOST_EXECUTORS = (
    10  # each is another pass of Grappler: 0.1 to 0.3 s for a model of recurrent layers
)


def with_fresh_executors(step: Callable[[], None], function: Any, count: int) -> Callable[[], None]:
    """The step, its calls taking turns among executors that ran it once; itself if it has no loop.

    Parameters
    ----------
    function : ConcreteFunction
        What the step runs.
    count : int
        Calls to come.
    """
    if not has_loops(function.graph.as_graph_def()):
        return step
    calls = [_call_with(step, options) for options in _options(min(count, _MOST_EXECUTORS))]
    for call in calls:
        call()
    turns = cycle(calls)
    return lambda: next(turns)()


def has_loops(graph: Any) -> bool:
    """Whether a GraphDef or a function that comes with it holds a loop."""
    bodies = (graph.node, *(function.node_def for function in graph.library.function))
    return any(node.op in _LOOPS for body in bodies for node in body)


def _options(count: int) -> Iterator[Any]:
    """Ways to call a function that differ in nothing but that an executor is kept for each."""
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.python.eager import context

    given = context.context().function_call_options
    for number in range(1, count + 1):
        config = config_pb2.ConfigProto.FromString(given.config_proto_serialized)
        config.graph_options.timeline_step = number  # read by sessions alone
        yield context.FunctionCallOptions(
            config_proto=config, executor_type=given.executor_type or None
        )


def _call_with(step: Callable[[], None], options: Any) -> Callable[[], None]:
    from tensorflow.python.eager import context

    def call() -> None:
        current = context.context()
        given = current.function_call_options
        current.function_call_options = options
        try:
            step()
        finally:
            current.function_call_options = given

    return call
