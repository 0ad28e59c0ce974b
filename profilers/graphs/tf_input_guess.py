"""Shapes of inputs whose rank a TensorFlow 1 graph leaves open, from the operators that read them.

Source of the ranks: tensorflow/core/ops/{nn_ops,math_ops,image_ops}.cc.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from profilers.graphs.builder import Shape
from profilers.graphs.tf_nodes import PASSING, output_shapes
from profilers.graphs.tf_references import split_input

_COLOURS = 3
_IMAGE = (None, None, None, _COLOURS)
# Operators whose result has the shape of their first input.
_ALIKE = frozenset({
    "Abs", "Add", "AddV2", "Cast", "Div", "LeakyRelu", "Mul", "Neg", "Pad", "RealDiv", "Relu", "Relu6",
    "Sigmoid", "Square", "Sub", "Tanh", *PASSING,
})  # fmt: skip
_IMAGE_READERS = frozenset({
    "AdjustContrastv2", "AvgPool", "MaxPool", "ResizeArea", "ResizeBicubic", "ResizeBilinear",
    "ResizeNearestNeighbor", "RGBToHSV",
})  # fmt: skip
_Rule = Callable[[Any, Sequence[int]], Shape]


def guessed_shape(name: str, nodes: Sequence[Any]) -> Shape:
    """What the nearest operator that needs a rank takes from the node called `name`; None if none does.

    Parameters
    ----------
    nodes : sequence of NodeDef
        Of one graph.
    """
    by_name = {node.name: node for node in nodes}
    for reader, place in _readers(name, nodes):
        if reader.op in _IMAGE_READERS:
            return _placed(reader, _IMAGE)
        rule = _RULES.get(reader.op)
        weight = _weight(reader, by_name) if rule and place == 0 else None
        guess = rule(reader, weight) if rule and weight else None
        if guess is not None:
            return guess
    return None


def _readers(name: str, nodes: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """Nodes, nearest first, that are given the tensor or one of its shape, and as which input."""
    readers = defaultdict(list)
    for node in nodes:
        for place, text in enumerate(node.input):
            readers[split_input(text)[0]].append((node, place))
    waiting, seen = [name], {name}
    for current in waiting:
        for node, place in readers[current]:
            yield node, place
            if node.op in _ALIKE and node.name not in seen:
                seen.add(node.name)
                waiting.append(node.name)


def _weight(reader: Any, by_name: Mapping[str, Any]) -> list[int] | None:
    """Sizes of the constant that the operator reads second."""
    node = by_name.get(split_input(reader.input[1])[0]) if len(reader.input) > 1 else None
    seen = set()
    while node is not None and node.op in PASSING and node.input and node.name not in seen:
        seen.add(node.name)
        node = by_name.get(split_input(node.input[0])[0])
    shapes = _declared(node) if node is not None else []
    sizes = shapes[0] if shapes else None
    known = [size for size in sizes or () if isinstance(size, int)]
    return known if sizes and len(known) == len(sizes) else None


def _declared(node: Any) -> list[Shape]:
    """The shape that a constant or a variable states."""
    if node.op == "Const":
        return output_shapes(node)
    dims = node.attr["shape"].shape.dim if "shape" in node.attr else ()
    return [tuple(dim.size for dim in dims)] if dims else []


def _placed(node: Any, channels_last: Sequence[int | None]) -> Shape:
    """The same with the channels where the operator has them."""
    first, *middle, channels = channels_last
    is_first = node.attr["data_format"].s.startswith(b"NC") if "data_format" in node.attr else False
    return (first, channels, *middle) if is_first else tuple(channels_last)


def _convolution(node: Any, weight: Sequence[int]) -> Shape:
    if len(weight) < 3:
        return None
    return _placed(node, (None, *[None] * (len(weight) - 2), weight[-2]))


def _product(node: Any, weight: Sequence[int]) -> Shape:
    if len(weight) < 2:
        return None
    is_turned = any(node.attr[key].b for key in ("transpose_b", "adj_y") if key in node.attr)
    is_own = any(node.attr[key].b for key in ("transpose_a", "adj_x") if key in node.attr)
    inner = weight[-1] if is_turned else weight[-2]
    return (inner, None) if is_own else (None, inner)


_RULES: dict[str, _Rule] = {
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "DepthwiseConv2dNative": _convolution,
    "MatMul": _product,
    "BatchMatMul": _product,
    "BatchMatMulV2": _product,
    "BatchMatMulV3": _product,
}
