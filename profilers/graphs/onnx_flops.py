"""Floating-point operations of ONNX nodes from their shapes.

A multiply and an add count apart, so a matrix product of (m, k) by (k, n) is 2·m·k·n (Golub & Van
Loan, Matrix Computations, section 1.1). A convolution is the matrix product that im2col makes of
it (Chellapilla et al. 2006). Element-wise functions count one per element, whatever they cost, as
torch.utils.flop_counter and the TensorFlow profiler's statistics do for the ones they count.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from profilers.profile import UNKNOWN

Sizes = tuple[int, ...]
ShapeOf = Callable[[int], Sizes | None]
_Attributes = Mapping[str, Any]

_ELEMENTWISE = """
Add Sub Mul Div Pow Mod Neg Abs Sqrt Reciprocal Exp Log Relu LeakyRelu PRelu Sigmoid Tanh Erf Gelu
FastGelu QuickGelu BiasGelu Elu Selu Celu HardSigmoid HardSwish Softplus Softsign Mish Clip Floor
ThresholdedRelu Ceil Round Sign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Max Min Sum
Mean And Or Xor Not Equal Greater GreaterOrEqual Less LessOrEqual IsNaN IsInf Where BitShift
BitwiseAnd BitwiseOr BitwiseXor BitwiseNot
"""
_MOVES_ONLY = """
Reshape Transpose Flatten Squeeze Unsqueeze Identity Dropout Cast CastLike Shape Size Slice Gather
GatherElements GatherND Scatter ScatterElements ScatterND Concat Split Expand Tile Pad Constant
ConstantOfShape DepthToSpace SpaceToDepth Range OneHot NonZero EyeLike ReorderInput ReorderOutput
"""
_PER_OUTPUT_ELEMENT = {
    **dict.fromkeys(_ELEMENTWISE.split(), 1),
    **dict.fromkeys(_MOVES_ONLY.split(), 0),
    "BatchNormalization": 2,  # scale and shift, the statistics being folded into both
    "Softmax": 4,  # maximum, subtract and exponential as one, sum, divide
    "LogSoftmax": 4,
    "LayerNormalization": 7,  # sum, centre, square, sum, divide, scale, shift
    "SimplifiedLayerNormalization": 4,
    "RMSNormalization": 4,
    "SkipLayerNormalization": 8,
    "GroupNormalization": 7,
    "InstanceNormalization": 7,
}
_PER_INPUT_ELEMENT = {
    "ReduceMean": 1, "ReduceSum": 1, "ReduceMax": 1, "ReduceMin": 1, "ReduceProd": 1,
    "ReduceL1": 2, "ReduceL2": 2, "ReduceSumSquare": 2, "ReduceLogSumExp": 2,
    "ArgMax": 1, "ArgMin": 1, "GlobalAveragePool": 1, "GlobalMaxPool": 1, "CumSum": 1,
}  # fmt: skip


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
    if operator in _PER_OUTPUT_ELEMENT:
        return _elements(output_shape(0), _PER_OUTPUT_ELEMENT[operator])
    if operator in _PER_INPUT_ELEMENT:
        return _elements(input_shape(0), _PER_INPUT_ELEMENT[operator])
    formula = _FORMULAS.get(operator)
    return UNKNOWN if formula is None else formula(attributes, input_shape, output_shape)


def _elements(shape: Sizes | None, each: int) -> int:
    if each == 0:
        return 0
    return UNKNOWN if shape is None else each * math.prod(shape)


def _convolution(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    weight, result = inputs(1), outputs(0)
    if weight is None or result is None or len(weight) < 3:
        return UNKNOWN
    per_element = 2 * math.prod(weight[1:])  # (out, in / group, *kernel)
    return math.prod(result) * (per_element + (inputs(2) is not None))


def _transposed_convolution(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    image, weight, result = inputs(0), inputs(1), outputs(0)
    if image is None or weight is None or result is None or len(weight) < 3:
        return UNKNOWN
    bias = math.prod(result) if inputs(2) is not None else 0
    return 2 * math.prod(image) * math.prod(weight[1:]) + bias  # weight: (in, out / group, *kernel)


def _matrix_product(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    left, result = inputs(0), outputs(0)
    if not left or result is None:
        return UNKNOWN
    shared = left[-2] if attributes.get("transA") and len(left) > 1 else left[-1]
    return 2 * math.prod(result) * shared


def _general_matrix_product(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    product = _matrix_product(attributes, inputs, outputs)
    result = outputs(0)
    if product == UNKNOWN or result is None:
        return UNKNOWN
    return product + (math.prod(result) if inputs(2) is not None else 0)


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


def _pooling(attributes: _Attributes, inputs: ShapeOf, outputs: ShapeOf) -> int:
    kernel = attributes.get("kernel_shape")
    return _elements(outputs(0), math.prod(kernel)) if kernel else UNKNOWN


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
    "Gemm": _general_matrix_product,
    "FusedGemm": _general_matrix_product,
    "Einsum": _einsum,
    "MaxPool": _pooling,
    "AveragePool": _pooling,
    "LpPool": _pooling,
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
    "RNN": _recurrent(1),
}
