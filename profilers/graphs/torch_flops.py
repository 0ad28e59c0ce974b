"""FLOPs of PyTorch operators from the shapes of their tensors, multiply and add counted apart.

The formulas are those of ``torch.utils.flop_counter`` (matrix products, convolutions and scaled
dot-product attention); recurrent layers count the matrix products of every time step.
"""

import math
from collections.abc import Callable, Sequence

from profilers.graphs.builder import Shape
from profilers.profile import UNKNOWN

Sizes = tuple[int, ...]


def torch_flops(operator: str, inputs: Sequence[Shape], output: Shape) -> int:
    """FLOPs of one call, UNKNOWN without a formula or where a size is not known.

    Parameters
    ----------
    operator : str
        As a graph or a trace names it: "aten.conv2d.default", "aten::addmm", "linear".
    inputs : sequence of Shape
        Shapes of the tensor arguments in the operator's order, lists of tensors flattened.
    output : Shape
        Shape of the first output.
    """
    name = _plain_name(operator)
    if name in _RECURRENT:
        return _recurrent(inputs)
    formula = _FORMULAS.get(name)
    if formula is None:
        return UNKNOWN
    shapes = [_sizes(shape) for shape in (*inputs, output)]
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return UNKNOWN
    try:
        return formula(known[:-1], known[-1])
    except (IndexError, ValueError):
        return UNKNOWN


def _plain_name(operator: str) -> str:
    name = operator.removeprefix("torch.ops.").replace("::", ".").removeprefix("aten.")
    return name.split(".")[0].rstrip("_")


def _sizes(shape: Shape) -> Sizes | None:
    sizes = [size for size in shape or () if isinstance(size, int) and size >= 0]
    return tuple(sizes) if shape is not None and len(sizes) == len(shape) else None


def _product(left: Sizes, output: Sizes) -> int:
    """Every element of the output sums over the last dimension of the left operand."""
    return 2 * math.prod(output) * left[-1]


def _matmul(inputs: list[Sizes], output: Sizes) -> int:
    return _product(inputs[0], output)


def _addmm(inputs: list[Sizes], output: Sizes) -> int:
    return _product(inputs[1], output)


def _convolution(inputs: list[Sizes], output: Sizes) -> int:
    """The weight's second dimension is already the number of input channels per group."""
    return 2 * math.prod(output) * math.prod(inputs[1][1:])


def _transposed_convolution(inputs: list[Sizes], output: Sizes) -> int:
    return 2 * math.prod(inputs[0]) * math.prod(inputs[1][1:])


def _attention(inputs: list[Sizes], output: Sizes) -> int:
    """Scores and their product with the values; a causal mask is not counted off."""
    query, key, value = inputs[:3]
    return 2 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _recurrent(inputs: Sequence[Shape]) -> int:
    """Each weight matrix is applied once per time step and sample of the first input.

    The states' sizes do not matter, which a graph often does not know.
    """
    sizes = [_sizes(shape) for shape in inputs]
    weights = [shape for shape in sizes[1:] if shape is not None and len(shape) == 2]
    if not weights or sizes[0] is None:
        return UNKNOWN
    return 2 * math.prod(sizes[0][:-1]) * sum(math.prod(shape) for shape in weights)


_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_Formula = Callable[[list[Sizes], Sizes], int]
_FORMULAS: dict[str, _Formula] = {
    **dict.fromkeys(("mm", "bmm", "matmul", "linear", "mv", "dot", "_mkl_linear"), _matmul),
    **dict.fromkeys(("addmm", "baddbmm", "addmv", "_addmm_activation"), _addmm),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv3d", "convolution", "_convolution", "mkldnn_convolution"),
        _convolution,
    ),
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed_convolution
    ),
    **dict.fromkeys(
        (
            "scaled_dot_product_attention",
            "_scaled_dot_product_flash_attention",
            "_scaled_dot_product_flash_attention_for_cpu",
            "_scaled_dot_product_efficient_attention",
            "_scaled_dot_product_cudnn_attention",
            "_scaled_dot_product_attention_math",
        ),
        _attention,
    ),
}
