"""Records one run of a model from the profiler's own events, where PyTorch's execution trace fails.

An execution trace asks each tensor for its sizes. Nested tensors have none, and then the trace loses
its place and ends the process. The profiler's events tell only what an operator takes; what it makes
are the storages that were allocated in it and outlive it, and those that it changes or gives a view of.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from profilers.captures.pytorch.files import EXECUTION_TRACE_FILE
from profilers.runtimes.pytorch.recorded_graph import name_tensors

Json = dict[str, Any]


class _Tensor(NamedTuple):
    storage: int
    sizes: tuple[int, ...] = ()
    dtype: str = ""


_NESTED = _Tensor(-1)  # events do not tell which one: that of the operator before
_KINDS = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char",
    "uint8": "unsigned char", "bool": "bool", "complex64": "c10::complex<float>",
}  # fmt: skip


def write_profiled_graph(
    call: Callable[..., Any],
    weights: Mapping[str, Any],
    inputs: Sequence[Any],
    input_names: Sequence[str],
    marking: Callable[[], AbstractContextManager[Any]],
    folder: Path,
) -> list[list[str]]:
    """As `recorded_graph.write_recorded_graph`, in the same file and form."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    recorded = profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True)
    with torch.no_grad(), marking(), recorded:
        names = name_tensors(weights, inputs, input_names)
        call(*inputs)
    recorder: Any = recorded.profiler
    nodes: list[Json] = []
    for event in recorder.kineto_results.experimental_event_tree():
        _add(event, 0, nodes)
    (folder / EXECUTION_TRACE_FILE).write_text(json.dumps({"nodes": nodes}))
    return names


def runs_nested_tensors(call: Callable[..., Any], inputs: Sequence[Any]) -> bool:
    """Whether one more run goes by nested tensors, in which rows differ in length."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as watched:
        call(*inputs)
    recorder: Any = watched.profiler
    return any(makes_nested(event.name()) for event in recorder.kineto_results.events())


def makes_nested(operator: str) -> bool:
    """Whether an operator makes a nested tensor."""
    return "::_nested_" in operator


def _add(event: Any, above: int, nodes: list[Json]) -> None:
    """An operator or range and all that it encloses; they are numbered as they begin."""
    if event.typed[0].name != "TorchOp":
        return
    number = len(nodes) + 1
    taken = list(_tensors(event.name, event.typed[1].inputs))
    nodes.append(
        {
            "id": number,
            "ctrl_deps": above,
            "name": event.name,
            "inputs": _side([tensor for _, tensor in taken]),
            "outputs": _side([_Tensor(storage) for storage in _made(event, taken)]),
        }
    )
    for child in event.children:
        _add(child, number, nodes)


def _tensors(operator: str, values: Sequence[Any]) -> Iterator[tuple[int, _Tensor]]:
    """Position and tensor of the arguments, those in lists too; some are not yet allocated."""
    required = _required(operator)
    for position, value in enumerate(values):
        if value is None and position in required:
            yield position, _NESTED
        for each in value if isinstance(value, list) else [value]:
            if getattr(each, "id", None) is not None:
                dtype = str(each.dtype).removeprefix("torch.")
                yield position, _Tensor(each.id, tuple(each.sizes), dtype)


def _made(event: Any, taken: Sequence[tuple[int, _Tensor]]) -> list[int]:
    """Storages of the results; an operator that shows none hands on what it took."""
    kept = dict.fromkeys(_allocated(event))
    handed_on = _handed_on(event.name)
    kept.update((tensor.storage, None) for at, tensor in taken if at in handed_on)
    if makes_nested(event.name) or any(tensor is _NESTED for _, tensor in taken):
        kept[_NESTED.storage] = None
    return list(kept) or [tensor.storage for _, tensor in taken[:1]]


def _allocated(event: Any) -> list[int]:
    """Storages that were allocated in an operator and are still there at its end, in order."""
    left: dict[int, None] = {}
    for child in event.children:
        if child.typed[0].name == "Allocation":
            block = child.typed[1]
            if block.id is not None and block.alloc_size > 0:
                left[block.id] = None
            else:
                left.pop(block.id, None)
        elif child.typed[0].name == "TorchOp":
            left.update(dict.fromkeys(_allocated(child)))
    return list(left)


def _schemas(operator: str) -> Sequence[Any]:
    """All forms of an operator; none of a range or of what autograd calls."""
    import torch

    space, found, _ = operator.partition("::")
    is_operator = bool(found) and space.isidentifier()
    return torch._C._jit_get_schemas_for_operator(operator) if is_operator else ()


@cache
def _handed_on(operator: str) -> frozenset[int]:
    """Positions of the arguments that an operator changes or gives a view of."""
    return frozenset(
        position
        for schema in _schemas(operator)
        for position, argument in enumerate(schema.arguments)
        if argument.alias_info is not None
    )


@cache
def _required(operator: str) -> frozenset[int]:
    """Positions that must hold a tensor in every form of an operator."""
    forms = [
        {at for at, each in enumerate(schema.arguments) if each.type.kind() == "TensorType"}
        for schema in _schemas(operator)
    ]
    return frozenset(set.intersection(*forms) if forms else ())


def _side(tensors: Sequence[_Tensor]) -> Json:
    return {
        "values": [[tensor.storage] for tensor in tensors],
        "shapes": [list(tensor.sizes) for tensor in tensors],
        "types": [f"Tensor({_KINDS.get(tensor.dtype, '')})" for tensor in tensors],
    }
