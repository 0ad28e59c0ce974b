"""Floating-point operations of JAX's primitives; a multiplication and an addition count as two.

Only contractions are counted: what else a primitive does is far below their cost.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from profilers.profile import UNKNOWN


def jax_flops(
    operator: str,
    inputs: Sequence[Sequence[int]],
    outputs: Sequence[Sequence[int]],
    attributes: Mapping[str, Any],
) -> int:
    """FLOPs of one call; UNKNOWN for a primitive without a formula or a size that is not known.

    Parameters
    ----------
    inputs, outputs : sequences of shapes
        -1 for a size that is not known.
    attributes : mapping
        The equation's parameters.
    """
    known = len(inputs) > 1 and len(outputs) == 1
    if not known or any(size < 0 for shape in (*inputs, *outputs) for size in shape):
        return UNKNOWN
    numbers = attributes.get("dimension_numbers")
    if operator == "dot_general" and numbers:
        contracted = math.prod(inputs[0][int(axis)] for axis in numbers[0][0])
        return 2 * math.prod(outputs[0]) * contracted
    if operator == "conv_general_dilated" and numbers:
        kernel = inputs[1]
        features = kernel[
            int(numbers[1][0])
        ]  # of the kernel's dimensions that of its outputs is first
        spread = int(
            math.prod(attributes.get("lhs_dilation") or (1,))
        )  # zeros between what is read
        return 2 * math.prod(outputs[0]) * math.prod(kernel) // max(features * spread, 1)
    return UNKNOWN
