"""Records one run of a model operator by operator, for models that no exporter can follow."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import EXECUTION_TRACE_FILE


def write_recorded_graph(
    call: Callable[..., Any],
    weights: Mapping[str, Any],
    inputs: Sequence[Any],
    input_names: Sequence[str],
    marking: Callable[[], AbstractContextManager[Any]],
    folder: Path,
) -> list[list[str]]:
    """Leave PyTorch's execution trace of one call as `EXECUTION_TRACE_FILE`.

    Returns
    -------
    list of [kind, name]
        As `name_tensors`, whose operators are the first.
    """
    import torch
    from torch.profiler import ExecutionTraceObserver

    observer = ExecutionTraceObserver()
    observer.register_callback(str(folder / EXECUTION_TRACE_FILE))
    try:
        with torch.no_grad(), marking():
            observer.start()
            names = name_tensors(weights, inputs, input_names)
            call(*inputs)
            observer.stop()
    finally:
        observer.unregister_callback()
    return names


def name_tensors(
    weights: Mapping[str, Any], inputs: Sequence[Any], input_names: Sequence[str]
) -> list[list[str]]:
    """Detach every weight and input once: what is recorded then tells which tensor each is.

    Returns
    -------
    list of [kind, name]
        "parameter" or "input", in the order of these operators.
    """
    import torch

    for tensor in (*weights.values(), *inputs):
        torch.ops.aten.detach(tensor)
    return [["parameter", name] for name in weights] + [["input", name] for name in input_names]
