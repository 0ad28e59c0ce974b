"""Which operators of a graph XLA has no kernel for: its own refusal names the first alone."""

from collections.abc import Iterator
from typing import Any

_DEVICES = {"cpu": "XLA_CPU_JIT", "cuda": "XLA_GPU_JIT"}
_GIVEN = frozenset({"Placeholder", "VarHandleOp", "_Arg"})  # what a program takes


def without_xla_kernel(graph: Any, device: str) -> list[str]:
    """Operators of a GraphDef, and of the functions that it calls, in their order.

    Parameters
    ----------
    device : str
        As "cpu" or "cuda:0".
    """
    from tensorflow.python.framework import kernels

    wanted = _DEVICES[device.partition(":")[0]]

    def lacks(operator: str) -> bool:
        known = kernels.get_registered_kernels_for_op(operator).kernel
        return bool(known) and all(each.device_type != wanted for each in known)

    operators = dict.fromkeys(node.op for node in _nodes(graph))
    return [each for each in operators if each not in _GIVEN and lacks(each)]


def _nodes(graph: Any) -> Iterator[Any]:
    """Those that a call reaches: a graph also holds functions that others left in it."""
    functions = {each.signature.name: each.node_def for each in graph.library.function}
    waiting = [graph.node]
    while waiting:
        for node in waiting.pop():
            yield node
            called = [node.op, *(name for each in node.attr.values() for name in _names(each))]
            waiting += [functions.pop(name) for name in called if name in functions]


def _names(attribute: Any) -> Iterator[str]:
    yield attribute.func.name
    yield from (each.name for each in attribute.list.func)
