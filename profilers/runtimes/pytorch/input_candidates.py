"""Guesses at what a live module takes, the likeliest first; each is to be tried."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from profilers.graphs.module_tree import Module, ModuleTensor
from profilers.models.torch_input_guess import guess_module_input
from profilers.models.torch_modules import plain_attributes
from profilers.request import InputSpec

_SIDES = (224, 32, 28, 64, 48, 128, 256, 96, 160, 192, 288, 299, 320, 384, 448, 512)
_SEQUENCE = 16
# What transformers calls them.
_IDS, _DECODED = "input_ids", "decoder_input_ids"
_IMAGE, _WAVE, _SPECTRUM = "pixel_values", "input_values", "input_features"
_SECOND_OF_SOUND = 16_000  # samples, at the rate that its models of sound are made for

Guess = tuple[InputSpec, ...]


def candidates(module: Any, required: Sequence[str]) -> Iterator[Guess]:
    """Inputs to try.

    Parameters
    ----------
    module : torch.nn.Module
    required : sequence of str
        Names of the parameters that its forward must be given.
    """
    yield from _configured(module)
    root = module_tree_of(module)
    for inner in root.walk():
        if inner.children and inner.kind != "TransformerEncoderLayer":
            continue
        names = list(required) or ["input"]
        first = guess_module_input(inner, root, names[0])
        if first is not None:
            for guess in _sizes(first, inner.kind):
                yield tuple(replace(guess, name=name) for name in names)
            return


def _sizes(first: InputSpec, kind: str) -> Iterator[InputSpec]:
    """The guess itself, then others of the same rank and more."""
    yield first
    shape = first.shape
    if kind == "Conv2d":
        for side in _SIDES:
            yield replace(first, shape=(*shape[:2], side, side))
    elif kind == "Linear":
        yield replace(first, shape=(shape[0], _SEQUENCE, shape[1]))
    elif kind.startswith("Embedding"):
        for length in (32, 64, 128):
            yield replace(first, shape=(1, length))
        yield replace(first, shape=(_SEQUENCE,))


def _configured(module: Any) -> Iterator[Guess]:
    """What the configurations of timm and transformers say."""
    settings = getattr(module, "default_cfg", None) or getattr(module, "pretrained_cfg", None)
    size = (settings or {}).get("input_size") if isinstance(settings, dict) else None
    if size:
        yield (InputSpec("x", "float32", (1, *size), guessed=True),)
    config = getattr(module, "config", None)
    main = getattr(module, "main_input_name", "")
    if config is None or not main:
        return
    ids = InputSpec(_IDS, "int64", (1, 32), 0.0, _words(config), guessed=True)
    if main == _IDS:
        if getattr(config, "is_encoder_decoder", False):
            yield ids, replace(ids, name=_DECODED)
        yield (ids,)
        yield ids, _image(config)  # of text and pictures, such as CLIP
    elif main == _IMAGE:
        yield (_image(config),)
    elif main == _WAVE:
        yield (InputSpec(main, "float32", (1, _SECOND_OF_SOUND), guessed=True),)
    elif main == _SPECTRUM:
        length = 2 * getattr(config, "max_source_positions", 1500)  # as Whisper halves it
        shape = (1, getattr(config, "num_mel_bins", 80), length)
        sound = InputSpec(main, "float32", shape, guessed=True)
        yield sound, replace(ids, name=_DECODED)
        yield (sound,)


def _words(config: Any) -> float:
    return float(getattr(_part(config, "text_config"), "vocab_size", 1000))


def _image(config: Any) -> InputSpec:
    config = _part(config, "vision_config")
    side = getattr(config, "image_size", 224)
    side = side if isinstance(side, int) else side[0]
    shape = (1, getattr(config, "num_channels", 3), side, side)
    return InputSpec(_IMAGE, "float32", shape, guessed=True)


def _part(config: Any, name: str) -> Any:
    """The configuration itself where it is not one of several models."""
    return getattr(config, name, None) or config


def module_tree_of(module: Any, path: str = "") -> Module:
    """A live module as the record that a file of it would give."""
    kind = type(module)
    tensors = [
        *module._parameters.items(),
        *module._buffers.items(),
    ]
    return Module(
        path,
        f"{kind.__module__}.{kind.__qualname__}",
        plain_attributes(vars(module)),
        tuple(
            ModuleTensor(name, str(t.dtype).removeprefix("torch."), tuple(t.shape), id(t))
            for name, t in tensors
            if t is not None
        ),
        tuple(
            module_tree_of(child, f"{path}.{name}".removeprefix("."))
            for name, child in module._modules.items()
            if child is not None
        ),
    )
