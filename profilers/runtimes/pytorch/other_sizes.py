"""The inputs of a run at other sizes."""

from collections.abc import Sequence
from typing import Any

from profilers.request import InputSpec


def refitted(tensors: Sequence[Any], inputs: Sequence[InputSpec]) -> list[Any]:
    """The tensors cut to other sizes, or repeated to them.

    Made anew at random, masks, offsets and indices that a person gave would mean nothing any more.

    Parameters
    ----------
    tensors : sequence of torch.Tensor
    inputs : sequence of InputSpec
        One for each tensor, of as many dimensions.
    """
    return [_refitted(tensor, spec.shape) for tensor, spec in zip(tensors, inputs, strict=True)]


def _refitted(tensor: Any, shape: Sequence[int | str]) -> Any:
    import torch

    for dimension, size in enumerate(map(int, shape)):
        own = tensor.shape[dimension]
        if size != own:
            tensor = tensor.index_select(dimension, torch.arange(size, device=tensor.device) % own)
    return tensor
