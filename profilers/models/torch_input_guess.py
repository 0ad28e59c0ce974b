"""A guess at a PyTorch model's input from its modules: the first one whose input is known decides."""

from collections.abc import Iterable
from typing import Any

from profilers.graphs.module_tree import Module
from profilers.request import Dimension, InputSpec

_SEQUENCE = 16
_AUDIO = 1024
_SIDES = (224, 32, 28, 64, 96, 128, 160, 192, 256, 299, 320, 384, 448, 512, 16, 8)
_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})


def guess_input(root: Module, name: str = "input") -> InputSpec | None:
    """What the first module with a known input takes; None if there is no such module.

    The same model can take other shapes, so the result is marked as guessed.
    """
    guesses = (guess_module_input(module, root, name) for module in root.walk())
    return next((guess for guess in guesses if guess is not None), None)


def guess_module_input(module: Module, root: Module, name: str) -> InputSpec | None:
    """What this one module of a model takes, None if its class does not tell."""
    found = _taken(module, root)
    if found is None:
        return None
    dtype, shape, high = found
    low = None if high is None else 0.0
    return InputSpec(name, dtype or _dtype(root), shape, low, high, guessed=True)


def _taken(module: Module, root: Module) -> tuple[str, tuple[Dimension, ...], float | None] | None:
    """dtype ("" for that of the weights), shape and end of the range of what a module takes."""
    attributes = module.attributes
    match module.kind:
        case "Embedding" | "EmbeddingBag":
            rows = _number(attributes, "num_embeddings") or _rows(module)
            return ("int64", (1, _SEQUENCE), float(rows)) if rows else None
        case "Conv1d":
            channels = _channels(module)
            return ("", (1, channels, _AUDIO), None) if channels else None
        case "Conv2d":
            channels = _channels(module)
            side = _image_side(module, root)
            return ("", (1, channels, side, side), None) if channels else None
        case "Conv3d":
            channels = _channels(module)
            return ("", (1, channels, _SEQUENCE, 32, 32), None) if channels else None
        case "LSTM" | "GRU" | "RNN":
            width = _number(attributes, "input_size") or _columns(module)
            return ("", (1, _SEQUENCE, width), None) if width else None
        case "TransformerEncoderLayer" | "MultiheadAttention":
            width = _number(attributes, "embed_dim") or _width(module)
            return ("", (1, _SEQUENCE, width), None) if width else None
        case "Linear":
            width = _number(attributes, "in_features") or _columns(module)
            return ("", (1, width), None) if width else None
        case "LayerNorm":
            shape = attributes.get("normalized_shape")
            return ("", (1, _SEQUENCE, *shape), None) if isinstance(shape, tuple) else None
    return None


def _dtype(root: Module) -> str:
    """dtype of the first floating-point weight."""
    dtypes = (tensor.dtype for module in root.walk() for tensor in module.tensors)
    return next((dtype for dtype in dtypes if dtype in _FLOATS), "float32")


def _number(attributes: Any, name: str) -> int:
    value = attributes.get(name)
    return value if isinstance(value, int) and 0 < value < 2**31 else 0


def _weight(module: Module) -> tuple[int, ...]:
    return next((t.shape for t in module.tensors if t.name.startswith("weight")), ())


def _rows(module: Module) -> int:
    return next(iter(_weight(module)), 0)


def _columns(module: Module) -> int:
    weight = _weight(module)
    return weight[1] if len(weight) == 2 else 0


def _width(module: Module) -> int:
    """Width of a transformer layer: that of its attention."""
    found = (_number(child.attributes, "embed_dim") for child in module.walk())
    return next((width for width in found if width), 0)


def _channels(module: Module) -> int:
    weight = _weight(module)
    groups = _number(module.attributes, "groups") or 1
    return _number(module.attributes, "in_channels") or (
        weight[1] * groups if len(weight) > 1 else 0
    )


def _pair(value: Any, default: int = 1) -> int:
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        return value[0]
    return value if isinstance(value, int) else default


def _image_side(first: Module, root: Module) -> int:
    """Side of a square image: what a flattening classifier asks for, else as the stem suggests."""
    leaves = [module for module in root.walk() if not module.children]
    if not any(module.kind.startswith("Adaptive") for module in leaves):
        for side in _SIDES:
            if _reaches_classifier(leaves, side):
                return side
    if _pair(first.attributes.get("stride")) > 1 or _pair(first.attributes.get("kernel_size")) > 4:
        return 224
    return 28 if _channels(first) == 1 else 32


def _reaches_classifier(leaves: Iterable[Module], side: int) -> bool:
    """True if an image of this side, through all leaves in order, fills the first Linear exactly.

    A single remaining pixel tells nothing: the model may as well average over all of them.
    """
    channels = 0
    for leaf in leaves:
        attributes = leaf.attributes
        if leaf.kind == "Linear":
            pixels = side * side
            return pixels > 1 and channels * pixels == _number(attributes, "in_features")
        if leaf.kind in ("Conv2d", "MaxPool2d", "AvgPool2d"):
            kernel = _pair(attributes.get("kernel_size"))
            stride = _pair(attributes.get("stride"), kernel if "Pool" in leaf.kind else 1)
            reach = (kernel - 1) * _pair(attributes.get("dilation")) + 1
            padding = _pair(attributes.get("padding"), 0)
            side = (side + 2 * padding - reach) // max(stride, 1) + 1
            channels = _number(attributes, "out_channels") or channels
            if side < 1:
                return False
    return False
