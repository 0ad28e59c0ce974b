"""Floating-point operations of ONNX nodes from their shapes.

A multiply and an add count apart, so a matrix product of (m, k) by (k, n) is 2·m·k·n (Golub & Van
Loan, Matrix Computations, section 1.1). A convolution is the matrix product that im2col makes of
it (Chellapilla et al. 2006). Only these count, without their bias, as torch.utils.flop_counter does:
so the same model has the same figure in every framework.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from profilers.profile import UNKNOWN

Sizes = tuple[int, ...]
ShapeOf = Callable[[int], Sizes | None]
_Attributes = Mapping[str, Any]


def node_flops(
    operator: str, attributes: _Attributes, input_shape: ShapeOf, output_shape: ShapeOf
) -> int:
    """Operations of one run of a node, or UNKNOWN where the operator or a shape is not known.

    Parameters
    ----------
    operator : str
        ONNX operator type, also of ONNX Runtime's own domains.
    attributes : mapping
    input_shape, output_shape : callable
        Sizes of the input or output at a position, None if not known.
    """
    formula = _FORMULAS.get(operator)
    return UNKNOWN if formula is None else formula(attributes, input_shape, output_shape)


def _convolution(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    weight, result = inputs(1), outputs(0)
    if weight is None or result is None or len(weight) < 3:
        return UNKNOWN
    return math.prod(result) * 2 * math.prod(weight[1:])  # (out, in / group, *kernel)


def _transposed_convolution(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    image, weight = inputs(0), inputs(1)
    if image is None or weight is None or len(weight) < 3:
        return UNKNOWN
    return 2 * math.prod(image) * math.prod(weight[1:])  # weight: (in, out / group, *kernel)


def _matrix_product(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    left, result = inputs(0), outputs(0)
    if not left or result is None:
        return UNKNOWN
    shared = left[-2] if attributes.get("transA") and len(left) > 1 else left[-1]
    return 2 * math.prod(result) * shared


def _einsum(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    """A contraction of two operands without repeated or elided indices."""
    terms = str(attributes.get("equation", "")).replace(" ", "").partition("->")[0].split(",")
    shapes = [inputs(position) for position in range(len(terms))]
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        if shape is None or "." in term or len(term) != len(shape) or len(set(term)) != len(term):
            return UNKNOWN
        sizes.update(zip(term, shape, strict=True))
    return 2 * math.prod(sizes.values()) if len(terms) == 2 else UNKNOWN


def _recurrent(gates: int) -> Callable[[_Attributes, ShapeOf, ShapeOf], int]:
    def formula(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
        """Two matrix products per step; the gates' element-wise part is left out as small."""
        sequence, weight = inputs(0), inputs(1)
        if sequence is None or weight is None or len(sequence) != 3 or len(weight) != 3:
            return UNKNOWN
        directions, rows, width = weight  # (directions, gates * hidden, input)
        return 2 * sequence[0] * sequence[1] * directions * rows * (width + rows // gates)

    return formula


_FORMULAS: Mapping[str, Callable[[_Attributes, ShapeOf, ShapeOf], int]] = {
    "Conv": _convolution,
    "FusedConv": _convolution,
    "ConvInteger": _convolution,
    "ConvTranspose": _transposed_convolution,
    "MatMul": _matrix_product,
    "FusedMatMul": _matrix_product,
    "MatMulInteger": _matrix_product,
    "Gemm": _matrix_product,
    "FusedGemm": _matrix_product,
    "Einsum": _einsum,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
}
