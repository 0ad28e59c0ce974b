"""Floating-point operations of TensorFlow operators from their shapes.

A multiplication and an addition count as two, as in ``tf.compat.v1.profiler`` (registered in
tensorflow/python/ops/nn_ops.py and math_ops.py). Only contractions are counted: what else an
operator does is far below their cost.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from profilers.graphs.builder import Shape
from profilers.graphs.einsum_flops import einsum_flops
from profilers.profile import UNKNOWN

_CONVOLUTIONS = ("Conv2D", "Conv3D", "DepthwiseConv2dNative")
_TRANSPOSED = frozenset({"Conv2DBackpropInput", "Conv3DBackpropInputV2"})


def operator_flops(
    operator: str, inputs: Sequence[Shape], output: Shape, attributes: Mapping[str, Any]
) -> int:
    """FLOPs of one call; UNKNOWN for an operator without a formula or a dynamic shape.

    Parameters
    ----------
    operator : str
        Also with the prefixes of fused kernels (``_FusedConv2D``, ``_MklNativeFusedMatMul``).
    inputs : sequence of Shape
        Shapes of the inputs in order.
    output : Shape
        Shape of the first output.
    attributes : mapping
        As `tf_nodes.attribute_values` gives them.
    """
    plain = operator.lstrip("_").removeprefix("Mkl").removeprefix("Native").removeprefix("Fused")
    made = _count(output)
    if made is None or len(inputs) < 2:
        return UNKNOWN
    first, second = inputs[0], inputs[1]
    if plain in _CONVOLUTIONS:
        return _convolution(plain, second, made)
    if plain in _TRANSPOSED:
        return _transposed(second, inputs[2] if len(inputs) > 2 else None)
    if plain in {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}:
        return _matrix_product(first, made, attributes)
    if plain == "Einsum":
        return einsum_flops(str(attributes.get("equation", "")), inputs)
    return UNKNOWN


def _count(shape: Shape) -> int | None:
    """Elements of a static shape."""
    sizes = [size for size in shape or () if isinstance(size, int) and size >= 0]
    return None if shape is None or len(sizes) != len(shape) else math.prod(sizes)


def _convolution(operator: str, kernel: Shape, made: int) -> int:
    """Filter layout [*window, channels per group, output channels or channel multiplier]."""
    if kernel is None or _count(kernel) is None:
        return UNKNOWN
    read = kernel[:-2] if operator == "DepthwiseConv2dNative" else kernel[:-1]
    return 2 * made * (_count(read) or 0)


def _transposed(kernel: Shape, given: Shape) -> int:
    """Each element given is multiplied with the whole filter of its channel."""
    taken = _count(given)
    if kernel is None or taken is None or _count(kernel) is None:
        return UNKNOWN
    return 2 * taken * (_count(kernel[:-1]) or 0)


def _matrix_product(first: Shape, made: int, attributes: Mapping[str, Any]) -> int:
    if first is None or len(first) < 2:
        return UNKNOWN
    flipped = attributes.get("transpose_a", False) or attributes.get("adj_x", False)
    inner = first[-2 if flipped else -1]
    return 2 * made * inner if isinstance(inner, int) and inner >= 0 else UNKNOWN
