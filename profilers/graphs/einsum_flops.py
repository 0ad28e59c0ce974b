"""Floating-point operations of an Einstein sum; a multiplication and an addition count as two."""

import math
from collections.abc import Sequence

from profilers.graphs.builder import Shape
from profilers.profile import UNKNOWN


def einsum_flops(equation: str, inputs: Sequence[Shape]) -> int:
    """Twice the product of all labelled sizes; UNKNOWN with "..." or a size that is not known."""
    terms = equation.split("->")[0].split(",")
    if "." in equation or len(terms) != len(inputs):
        return UNKNOWN
    sizes: dict[str, int] = {}
    for labels, shape in zip(terms, inputs, strict=True):
        letters = labels.strip()
        if shape is None or len(letters) != len(shape):
            return UNKNOWN
        for letter, size in zip(letters, shape, strict=True):
            if not isinstance(size, int) or size < 0:
                return UNKNOWN
            sizes[letter] = max(size, sizes.get(letter, 0))
    return 2 * math.prod(sizes.values())
