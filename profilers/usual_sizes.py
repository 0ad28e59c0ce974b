"""Sizes to try a model with where its file leaves them open. Standard library only."""

from collections.abc import Sequence

_CHANNELS = (1, 3, 4)
_IMAGE_SIDE = 224
_IMAGE_RANK = 4
_LENGTH = 16


def usual_sizes(shape: Sequence[int | str]) -> tuple[int, ...]:
    """A size for each dimension: one sample, images of 224 pixels, else sequences of 16.

    A convolution or a pooling finds nothing to do in an image of one pixel. Dimensions that are told
    as a sum, such as ``past + 1``, get the sum.
    """
    usual = _IMAGE_SIDE if _is_image(shape) else _LENGTH
    return tuple(
        size if isinstance(size, int) else _size_of(size, usual if axis else 1)
        for axis, size in enumerate(shape)
    )


def _is_image(shape: Sequence[int | str]) -> bool:
    """One with its channels first, as in PyTorch, or last, as in TensorFlow."""
    return len(shape) == _IMAGE_RANK and (shape[1] in _CHANNELS or shape[-1] in _CHANNELS)


def _size_of(symbol: str, usual: int) -> int:
    parts = [part.strip() for part in symbol.split("+")]
    return sum(int(part) if part.isdecimal() else usual for part in parts)
