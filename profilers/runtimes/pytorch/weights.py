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


def _values(tensor: Any) -> tuple[NDArray[Any], int]:
    """Of a large tensor only those that are looked at leave the device."""
    import torch

    count = tensor.numel()
    dense = tensor.detach().dequantize() if tensor.is_quantized else tensor.detach()
    seen = dense.flatten()[:: stride_of(count)].cpu()
    is_plain = seen.dtype in (torch.float16, torch.float32, torch.float64)
    if seen.is_floating_point() and not is_plain:
        seen = seen.float()  # numpy has no bfloat16 and no float8
    return seen.numpy(), count
