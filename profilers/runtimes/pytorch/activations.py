"""Digests of what each module of a PyTorch model makes, in a pass of its own."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from profilers.activations import digest_of, first_of, write_layers


def write_activations(
    model: Any, inputs: Sequence[Any], names: Sequence[str], folder: Path
) -> None:
    """Run the model once with a hook on every module; of a module called twice the last call counts."""
    import torch

    found: dict[str, dict[str, Any]] = {}
    hooks = [
        module.register_forward_hook(partial(_keep, found, path))
        for path, module in model.named_modules()
        if path and not isinstance(module, torch.jit.ScriptModule)
    ]
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    given = {name: _digest(tensor) for name, tensor in zip(names, inputs, strict=False)}
    write_layers(folder, given, found)


def _keep(
    found: dict[str, dict[str, Any]], path: str, module: Any, given: Any, output: Any
) -> None:
    found.pop(path, None)  # so that the order is that of the last calls
    found[path] = _digest(first_of(output))


def _digest(tensor: Any) -> dict[str, Any]:
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.is_complex():
        return {}
    values = tensor.detach().cpu()
    values = values.float() if values.is_floating_point() else values
    return digest_of(values.numpy(), channels_first=True)
