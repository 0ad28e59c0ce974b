"""Weights of a PyTorch model as arrays, for their statistics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from numpy.typing import NDArray

from profilers.parameter_statistics import stride_of

_ELSEWHERE = "_orig_mod."  # where torch.compile keeps the model


def weights_of(model: Any) -> Iterator[tuple[str, Callable[[], tuple[NDArray[Any], int]]]]:
    """Names and values of what a module keeps; nothing for a plain function."""
    import torch

    state: dict[str, Any] = getattr(model, "state_dict", dict)()
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            yield name.replace(_ELSEWHERE, ""), partial(_values, value)


def address_of(tensor: Any) -> int:
    """Where a tensor's values lie, which tells shared weights."""
    return int(stored(tensor)[-1].data_ptr())


def stored(tensor: Any) -> tuple[Any, ...]:
    """What holds a tensor's values: itself, or the indices and values of a sparse one."""
    import torch

    if tensor.layout == torch.sparse_coo:
        return tensor._indices(), tensor._values()
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices(), tensor.col_indices(), tensor.values()
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.ccol_indices(), tensor.row_indices(), tensor.values()
    return (tensor,)


def _values(tensor: Any) -> tuple[NDArray[Any], int]:
    """Of a large tensor only those that are looked at leave the device."""
    import torch

    tensor = stored(tensor)[-1].detach()
    count = tensor.numel()
    dense = tensor.dequantize() if tensor.is_quantized else tensor
    seen = dense.flatten()[:: stride_of(count)].cpu()
    is_plain = seen.dtype in (torch.float16, torch.float32, torch.float64)
    if seen.is_floating_point() and not is_plain:
        seen = seen.float()  # numpy has no bfloat16 and no float8
    return seen.numpy(), count
