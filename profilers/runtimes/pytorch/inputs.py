"""A request's inputs as tensors on the device."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs, named_by_file
from profilers.request import RunRequest
from profilers.runtimes.pytorch.options import MEMORY_FORMAT, chosen


def input_tensors(request: RunRequest, device: Any) -> list[Any]:
    """Tensors in the model's order.

    Raises
    ------
    TwinscopeError
        If they are not known, or PyTorch has no such type.
    """
    import torch

    if not request.inputs and not request.inputs_file:
        raise TwinscopeError(
            "The model's inputs are not known",
            "the file does not say them",
            "Give each input as NAME=SHAPE:DTYPE.",
        )
    low_precision = [spec for spec in request.inputs if spec.dtype == "bfloat16"]
    if low_precision and not request.inputs_file:
        known = [
            replace(spec, dtype="float32") if spec in low_precision else spec
            for spec in request.inputs
        ]
        arrays = make_inputs(replace(request, inputs=tuple(known)))
    else:
        arrays = make_inputs(request)
    wanted: Mapping[str, str] = {spec.name: spec.dtype for spec in request.inputs}
    tensors = [
        torch.from_numpy(array).to(device=device, dtype=_dtype(wanted.get(name, ""), array))
        for name, array in arrays.items()
    ]
    return laid_out(tensors, request)


def laid_out(tensors: list[Any], request: RunRequest) -> list[Any]:
    """Images with their channels innermost, where the request wants that."""
    is_channels_last = chosen(request.options, MEMORY_FORMAT) == "channels-last"
    return [channels_last(tensor) for tensor in tensors] if is_channels_last else tensors


def given_inputs(request: RunRequest, device: Any) -> tuple[RunRequest, list[Any]]:
    """The request as it is, its inputs' names by its file where they are guesses, and its tensors."""
    request = named_by_file(request)
    return request, input_tensors(request, device)


def channels_last(tensor: Any) -> Any:
    """The tensor with its channels innermost, if it is an image or a volume."""
    import torch

    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if tensor.dim() not in formats:
        return tensor
    return tensor.contiguous(memory_format=formats[tensor.dim()])


def weights_channels_last(module: Any) -> int:
    """Lay the weights of convolutions out anew; how many there were."""
    count = 0
    for parameter in module.parameters():
        if parameter.dim() in (4, 5):
            parameter.data = channels_last(parameter.data)
            count += 1
    return count


def _dtype(name: str, array: Any) -> Any:
    import torch

    dtype = getattr(torch, name or array.dtype.name, None)
    if not isinstance(dtype, torch.dtype):
        raise TwinscopeError(
            f"PyTorch has no inputs of type {name}", "", "Use a type such as float32 or int64."
        )
    return dtype
