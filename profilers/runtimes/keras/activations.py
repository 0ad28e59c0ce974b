"""Digests of what each Keras layer makes, in a pass of its own."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from profilers.activations import digest_of, first_of, write_layers


def write_activations(
    model: Any, call: Callable[..., Any], tensors: Sequence[Any], names: Sequence[str], folder: Path
) -> None:
    """Run `call` once, eagerly, with every layer's own call watched."""
    found: dict[str, dict[str, Any]] = {}
    layers = {layer.path or layer.name: layer for layer in _layers(model)}
    own = {name: layer.call for name, layer in layers.items()}
    for name, layer in layers.items():
        object.__setattr__(layer, "call", _watched(own[name], name, found))
    try:
        call(*tensors)
    finally:
        for layer in layers.values():
            object.__delattr__(layer, "call")
    given = {name: _digest(tensor) for name, tensor in zip(names, tensors, strict=False)}
    write_layers(folder, given, found)


def _layers(layer: Any) -> Iterator[Any]:
    """All layers within a layer."""
    for inner in getattr(layer, "_layers", ()):
        yield inner
        yield from _layers(inner)


def _watched(
    call: Callable[..., Any], name: str, found: dict[str, dict[str, Any]]
) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        output = call(*arguments, **named)
        found.pop(name, None)
        found[name] = _digest(output)
        return output

    return watched


def _digest(output: Any) -> dict[str, Any]:
    try:
        values = np.asarray(first_of(output))
        values = values.astype(np.float32) if values.dtype.name == "bfloat16" else values
        return digest_of(values, channels_first=False)
    except (TypeError, ValueError, NotImplementedError):  # ragged, sparse, symbolic
        return {}
