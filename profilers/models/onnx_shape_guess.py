"""Shapes of ONNX inputs whose rank the file leaves open, guessed from what first uses them.

Source of the layouts: the operators' documentation in onnx/docs/Operators.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

Sizes = tuple[int | str, ...]

_BATCH = "batch"
_SIDE = "side"
_KEEPS_SHAPE = frozenset({
    "Abs", "Cast", "CastLike", "Ceil", "Clip", "DequantizeLinear", "Dropout", "Elu", "Erf", "Exp",
    "Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Log", "Mish", "Neg",
    "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softplus", "Sqrt",
    "Swish", "Tanh", "ThresholdedRelu",
})  # fmt: skip
_BROADCASTS = frozenset({"Add", "Div", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"})
_RECURRENT = frozenset({"GRU", "LSTM", "RNN"})
_POOLS = frozenset({"AveragePool", "LpPool", "MaxPool"})
_GLOBAL_POOLS = frozenset({"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"})
_TAKES_AXES = ("Reduce", "Squeeze")
_BYTES_OF_AXES = range(8, 65, 8)
_CHANNELS_SECOND = frozenset({"BatchNormalization", "InstanceNormalization"})


def guessed_shape(graph: "GraphProto", name: str) -> Sizes | None:
    """The shape that the first telling use of the input `name` asks for, None if none tells."""
    weights, axes = _weight_shapes(graph), _small_integers(graph)
    same = {name}
    for node in graph.node:
        for place, given in enumerate(node.input):
            if given not in same:
                continue
            others = [weights.get(each, ()) for each in node.input]
            shape = _asked_for(node, place, others)
            if shape is None and not place and node.op_type.startswith(_TAKES_AXES):
                shape = _of_least_rank(_rank_with(axes.get("".join(node.input[1:2]), ())))
            if shape is not None:
                return shape
            if node.output and _passes_on(node, place, others):
                same.add(node.output[0])
    return None


def _weight_shapes(graph: "GraphProto") -> dict[str, tuple[int, ...]]:
    shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            shapes[node.output[0]] = next((tuple(a.t.dims) for a in node.attribute), ())
    return shapes


def _small_integers(graph: "GraphProto") -> dict[str, list[int]]:
    """Values of the weights that may be the axes of an operator."""
    from onnx import TensorProto, numpy_helper

    return {
        weight.name: numpy_helper.to_array(weight).ravel().tolist()
        for weight in graph.initializer
        if weight.data_type == TensorProto.INT64
        and weight.data_location != TensorProto.EXTERNAL
        and len(weight.dims) < 2
        and len(weight.raw_data) + 8 * len(weight.int64_data) in _BYTES_OF_AXES
    }


def _passes_on(node: "NodeProto", place: int, others: Sequence[tuple[int, ...]]) -> bool:
    """Whether the node gives the shape on: its other operands are scalars, as far as they are known."""
    if node.op_type in _KEEPS_SHAPE:
        return place == 0
    return node.op_type in _BROADCASTS and not any(others)


def _asked_for(node: "NodeProto", place: int, others: Sequence[tuple[int, ...]]) -> Sizes | None:
    told = {attribute.name: attribute for attribute in node.attribute}
    second = others[1] if len(others) > 1 else ()
    kind = node.op_type
    if kind in _BROADCASTS:
        widest = max(others, key=len)
        return widest or None
    if kind == "Gather" and place == 1:
        return (_BATCH, "length")
    if place:
        return (others[0][-1:] or (_SIDE,)) + (_SIDE,) if kind == "MatMul" else None
    match kind:
        case "Conv" | "ConvTranspose" if len(second) > 2:
            groups = told["group"].i if "group" in told else 1
            channels = second[1] * groups if kind == "Conv" else second[0]
            return _image(channels, len(second) - 2)
        case "MatMul" | "MatMulInteger" if len(second) > 1:
            return (*second[:-2], _BATCH, second[-2]) if len(second) > 2 else (_BATCH, second[0])
        case "MatMul":
            return (_BATCH, second[0]) if second else (_SIDE, _SIDE)
        case "Gemm":
            turned = "transB" in told and told["transB"].i
            return (_BATCH, second[1 if turned else 0] if len(second) == 2 else "features")
        case "LayerNormalization" | "RMSNormalization" if second:
            return (_BATCH, "length", *second) if len(second) == 1 else (_BATCH, *second)
    if kind in _RECURRENT and len(second) == 3:
        return ("length", _BATCH, second[2])
    if kind in _CHANNELS_SECOND and second:
        return _image(second[0], 2)
    if kind in _POOLS and "kernel_shape" in told:
        return _image(3, len(told["kernel_shape"].ints))
    if kind in _GLOBAL_POOLS:
        return _image(3, 2)
    return _of_least_rank(_least_rank(told))


def _image(channels: int, dimensions: int) -> Sizes:
    return (_BATCH, channels, *("height", "width", "depth")[:dimensions])


def _least_rank(told: Mapping[str, Any]) -> int:
    """Dimensions that a permutation has, or that the axes of an operator ask for at least."""
    if "perm" in told:
        return len(told["perm"].ints)
    axes: Iterable[int] = ()
    if "axes" in told:
        axes = told["axes"].ints
    elif "axis" in told:
        axes = (told["axis"].i,)
    return _rank_with(axes)


def _rank_with(axes: Iterable[int]) -> int:
    return max((axis + 1 if axis >= 0 else -axis for axis in axes), default=0)


def _of_least_rank(rank: int) -> Sizes | None:
    names = (f"size{number}" for number in range(1, min(rank, 8)))
    return (_BATCH, *names) if rank else None
