"""Input tensors as a request gives them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from profilers.errors import TwinscopeError
from profilers.inputs import make_inputs
from profilers.request import RunRequest


def given_inputs(request: RunRequest, device: Any) -> tuple[RunRequest, list[Any]]:
    """The request, and its inputs as tensors in the model's order.

    Raises
    ------
    TwinscopeError
        If it gives none, or PyTorch has no such type.
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
    return request, [
        torch.from_numpy(array).to(device=device, dtype=_dtype(wanted.get(name, ""), array))
        for name, array in arrays.items()
    ]


def _dtype(name: str, array: Any) -> Any:
    import torch

    dtype = getattr(torch, name or array.dtype.name, None)
    if not isinstance(dtype, torch.dtype):
        raise TwinscopeError(
            f"PyTorch has no inputs of type {name}", "", "Use a type such as float32 or int64."
        )
    return dtype
