"""Sizes that a capture is measured again with: how they are written, and what they change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from profilers.errors import TwinscopeError
from profilers.request import InputSpec

BATCH, SEQUENCE = "batch", "sequence"
AXES = (BATCH, SEQUENCE)
SWEEP_STAGE = "sweep"  # how its progress is told
_MOST_SIZES = 64

Sweep = Mapping[str, Sequence[int]]  # sizes by axis


def parse_sweep(text: str) -> dict[str, list[int]]:
    """Read ``batch=1,2,4,8; sequence=16,32``; an empty text is no sweep.

    Raises
    ------
    TwinscopeError
        If an axis is none of `AXES` or a size is no positive number.
    """
    found: dict[str, list[int]] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        axis, _, sizes = part.partition("=")
        words = [word.strip() for word in sizes.split(",") if word.strip()]
        if axis.strip() not in AXES or not words or not all(map(_is_size, words)):
            raise TwinscopeError(
                f"Cannot read the sweep {part!r}",
                f"a sweep is AXIS=SIZES, and an axis is one of {', '.join(AXES)}",
                "Write for example batch=1,2,4,8.",
            )
        found[axis.strip()] = list(dict.fromkeys(map(int, words)))[:_MOST_SIZES]
    return found


def sweep_text(sweep: Sweep) -> str:
    """As `parse_sweep` reads it."""
    return "; ".join(f"{axis}={','.join(map(str, sizes))}" for axis, sizes in sweep.items())


def resized(inputs: Sequence[InputSpec], axis: str, size: int) -> tuple[InputSpec, ...]:
    """The inputs with another size along an axis.

    The batch is the first dimension of every input that has as many entries there as the first
    input. The sequence is the second dimension of token ids (whole numbers of rank 2) and of
    sequences of vectors (rank 3).

    Raises
    ------
    TwinscopeError
        If no input has such a dimension.
    """
    at = AXES.index(axis)
    with_axis = [spec for spec in inputs if _has_axis(spec, axis)]
    if not with_axis:
        raise TwinscopeError(
            f"The model cannot be swept over its {axis}",
            f"none of its inputs has a {axis} dimension",
        )
    length = with_axis[0].shape[at]
    return tuple(
        replace(spec, shape=(*spec.shape[:at], size, *spec.shape[at + 1 :]))
        if spec in with_axis and spec.shape[at] == length
        else spec
        for spec in inputs
    )


def batch_of(inputs: Sequence[InputSpec]) -> int:
    """Samples in one step, -1 if that is not known."""
    first = next((spec.shape[0] for spec in inputs if spec.shape), -1)
    return first if isinstance(first, int) else -1


def _has_axis(spec: InputSpec, axis: str) -> bool:
    if axis == BATCH:
        return bool(spec.shape)
    is_whole = "int" in spec.dtype
    return len(spec.shape) == 3 or (len(spec.shape) == 2 and is_whole)


def _is_size(word: str) -> bool:
    return word.isdecimal() and 0 < int(word) < 2**31
