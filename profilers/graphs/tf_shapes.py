"""Shapes of TensorFlow operators from those of their inputs, for graphs that do not state them.

Exported functions carry ``_output_shapes``; frozen graphs do not. Source of the rules:
tensorflow/core/ops/{array_ops,math_ops,nn_ops}.cc and common_shape_fns.cc. An operator without a
rule, or with inputs that are not known well enough, has an unknown shape.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from profilers.graphs.builder import Shape
from profilers.graphs.tensorflow_protos import dtype_name

Values = Sequence[int] | None  # of a small integer constant, None if not known
_Rule = Callable[[Any, Sequence[Shape], Sequence[Values]], Shape]
_MOST_VALUES = 64

_ALIKE = frozenset({
    "Abs", "BiasAdd", "BiasAddV1", "Cast", "Ceil", "CheckNumerics", "Cos", "Elu", "Enter", "Erf",
    "Erfc", "Exit", "Exp", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "Floor",
    "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Identity", "Inv", "LRN", "LeakyRelu",
    "Log", "Log1p", "LogSoftmax", "LogicalNot", "Neg", "OnesLike", "PreventGradient", "Reciprocal",
    "Relu", "Relu6", "Round", "Rsqrt", "Select", "Selu", "Sigmoid", "Sign", "Sin", "Snapshot",
    "Softmax", "Softplus", "Softsign", "Sqrt", "Square", "StopGradient", "Tanh", "ZerosLike",
})  # fmt: skip
_BROADCAST = frozenset({
    "Add", "AddV2", "Div", "DivNoNan", "Equal", "FloorDiv", "FloorMod", "Greater", "GreaterEqual",
    "Less", "LessEqual", "LogicalAnd", "LogicalOr", "Maximum", "Minimum", "Mul", "MulNoNan",
    "NotEqual", "Pow", "RealDiv", "SelectV2", "SquaredDifference", "Sub",
})  # fmt: skip
_REDUCTIONS = frozenset({"All", "Any", "Max", "Mean", "Min", "Prod", "Sum"})


def infer_shape(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    """Shape of the first output; None if not known.

    Parameters
    ----------
    node : NodeDef
    inputs : sequence of Shape
        Of the data inputs in order.
    values : sequence of Values
        Contents of the inputs that are small integer constants.
    """
    if not inputs:
        return None
    if node.op in _ALIKE:
        return inputs[1] if node.op == "Select" and len(inputs) > 1 else inputs[0]
    if node.op in _BROADCAST:
        return _broadcast(inputs)
    rule = _reduction if node.op in _REDUCTIONS else _RULES.get(node.op)
    if rule is None or (inputs[0] is None and node.op != "Reshape"):
        return None
    try:
        return rule(node, inputs, values)
    except (IndexError, TypeError, ValueError, ZeroDivisionError):
        return None  # the graph contradicts itself


def constant_values(node: Any) -> Values:
    """The integers of a small Const node, flattened."""
    if node.op != "Const" or "value" not in node.attr:
        return None
    tensor = node.attr["value"].tensor
    dtype = dtype_name(tensor.dtype)
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    count = int(np.prod(sizes, dtype=float)) if sizes else 1
    if dtype not in ("int32", "int64") or not 0 <= count <= _MOST_VALUES:
        return None
    if tensor.tensor_content:
        whole = len(tensor.tensor_content) // np.dtype(dtype).itemsize
        return [int(v) for v in np.frombuffer(tensor.tensor_content, dtype, min(whole, count))]
    listed = list(tensor.int_val or tensor.int64_val)
    return (listed + [listed[-1]] * (count - len(listed)))[:count] if listed else [0] * count


def _broadcast(shapes: Sequence[Shape]) -> Shape:
    if any(shape is None for shape in shapes):
        return None
    known = [tuple(shape or ()) for shape in shapes]
    rank = max(map(len, known))
    padded = [(1,) * (rank - len(shape)) + shape for shape in known]
    return tuple(_common(sizes) for sizes in zip(*padded, strict=True))


def _common(sizes: Sequence[Any]) -> Any:
    """Of sizes that are broadcast against each other: the one above 1, else the dynamic one."""
    above = [size for size in sizes if isinstance(size, int) and size > 1]
    dynamic = [size for size in sizes if not isinstance(size, int)]
    return above[0] if above else None if dynamic else 1


def _window(node: Any, given: Shape, window: Sequence[int]) -> list[int | str | None]:
    """Spatial sizes after a window slides over them, strides and dilations applied."""
    first = 2 if node.attr["data_format"].s == b"NCHW" else 1
    strides = list(node.attr["strides"].list.i)
    dilations = list(node.attr["dilations"].list.i) or [1] * 4
    padding = node.attr["padding"].s
    explicit = list(node.attr["explicit_paddings"].list.i)
    sizes: list[int | str | None] = []
    for axis, extent in enumerate(window, first):
        size = (given or ())[axis]
        reach = (extent - 1) * dilations[axis] + 1
        around = sum(explicit[2 * axis : 2 * axis + 2]) if padding == b"EXPLICIT" else 0
        if not isinstance(size, int):
            sizes.append(None)
        elif padding == b"SAME":
            sizes.append(-(-size // strides[axis]))
        else:
            sizes.append((size + around - reach) // strides[axis] + 1)
    return sizes


def _arranged(node: Any, batch: Any, spatial: Sequence[Any], channels: Any) -> Shape:
    if node.attr["data_format"].s == b"NCHW":
        return (batch, channels, *spatial)
    return (batch, *spatial, channels)


def _convolution(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given, kernel = inputs[0] or (), tuple(inputs[1] or ())
    height, width, last_in, last = (int(size) for size in kernel if size is not None)
    channels = last_in * last if node.op == "DepthwiseConv2dNative" else last
    return _arranged(node, given[0], _window(node, given, (height, width)), channels)


def _pooling(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given = inputs[0] or ()
    windows = list(node.attr["ksize"].list.i)
    planes_first = node.attr["data_format"].s == b"NCHW"
    spatial = windows[2:4] if planes_first else windows[1:3]
    return _arranged(node, given[0], _window(node, given, spatial), given[1 if planes_first else 3])


def _matrix_product(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    first, second = tuple(inputs[0] or ()), tuple(inputs[1] or ())
    flip_first = node.attr["transpose_a"].b or node.attr["adj_x"].b
    flip_second = node.attr["transpose_b"].b or node.attr["adj_y"].b
    batch = _broadcast([first[:-2], second[:-2]]) or ()
    return (*batch, first[-1 if flip_first else -2], second[-2 if flip_second else -1])


def _einsum(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given, _, made = node.attr["equation"].s.decode("ascii", "replace").partition("->")
    if "." in given:
        return None
    sizes: dict[str, Any] = {}
    for labels, shape in zip(given.split(","), inputs, strict=True):
        sizes |= dict(zip(labels, shape or (), strict=True))
    return tuple(sizes.get(label) for label in made)


def _reshape(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    wanted = values[1]
    if wanted is None:
        return None
    given = [size for size in inputs[0] or () if isinstance(size, int)]
    sizes: list[int | None] = [size if size >= 0 else None for size in wanted]
    if None in sizes and inputs[0] is not None and len(given) == len(inputs[0]):
        fixed = int(np.prod([size for size in sizes if size is not None], dtype=np.int64))
        sizes[sizes.index(None)] = int(np.prod(given, dtype=np.int64)) // fixed
    return tuple(sizes)


def _squeeze(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given = tuple(inputs[0] or ())
    axes = {axis % len(given) for axis in node.attr["squeeze_dims"].list.i}
    if axes:
        return tuple(size for axis, size in enumerate(given) if axis not in axes)
    return tuple(size for size in given if size != 1)


def _expand(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given = list(inputs[0] or ())
    if inputs[0] is None or not values[1]:
        return None
    given.insert(values[1][0] % (len(given) + 1), 1)
    return tuple(given)


def _transpose(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given = inputs[0]
    return None if given is None or values[1] is None else tuple(given[axis] for axis in values[1])


def _reduction(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given, axes = inputs[0], values[1]
    if given is None or axes is None:
        return None
    gone = {axis % len(given) for axis in axes} if given else set()
    kept = node.attr["keep_dims"].b
    return tuple(
        1 if axis in gone else size for axis, size in enumerate(given) if kept or axis not in gone
    )


def _concat(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    shapes, axes = inputs[:-1], values[-1]
    if not axes or any(shape is None for shape in shapes):
        return None
    joined = list(shapes[0] or ())
    axis = axes[0] % len(joined)
    sizes = [(shape or ())[axis] for shape in shapes]
    whole = [size for size in sizes if isinstance(size, int)]
    joined[axis] = sum(whole) if len(whole) == len(sizes) else None
    return tuple(joined)


def _pad(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given, around = inputs[0], values[1]
    if given is None or around is None:
        return None
    pairs = zip(around[::2], around[1::2], strict=True)
    return tuple(
        size + before + after if isinstance(size, int) else None
        for size, (before, after) in zip(given, pairs, strict=True)
    )


def _gather(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    table, indices = inputs[0], inputs[1]
    if table is None or indices is None or node.attr["batch_dims"].i:
        return None
    axis = (values[2] or [0])[0] % len(table) if len(values) > 2 else 0
    return (*table[:axis], *indices, *table[axis + 1 :])


def _rank(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    return None if inputs[0] is None else (len(inputs[0]),)


def _pack(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    if inputs[0] is None:
        return None
    stacked = list(inputs[0])
    stacked.insert(node.attr["axis"].i % (len(stacked) + 1), len(inputs))
    return tuple(stacked)


def _strided_slice(node: Any, inputs: Sequence[Shape], values: Sequence[Values]) -> Shape:
    given, (begins, ends, steps) = inputs[0], values[1:4]
    if given is None or node.attr["ellipsis_mask"].i or node.attr["new_axis_mask"].i:
        return None
    if begins is None or ends is None or steps is None:
        return None
    sizes: list[int | str | None] = []
    for axis, size in enumerate(given):
        if axis >= len(begins):
            sizes.append(size)
        elif not node.attr["shrink_axis_mask"].i >> axis & 1:
            begin = None if node.attr["begin_mask"].i >> axis & 1 else begins[axis]
            end = None if node.attr["end_mask"].i >> axis & 1 else ends[axis]
            taken = slice(begin, end, steps[axis])
            whole = size if isinstance(size, int) else None
            sizes.append(None if whole is None else len(range(*taken.indices(whole))))
    return tuple(sizes)


_RULES: Mapping[str, _Rule] = {
    "AvgPool": _pooling,
    "BatchMatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "ConcatV2": _concat,
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _convolution,
    "Einsum": _einsum,
    "ExpandDims": _expand,
    "Gather": _gather,
    "GatherV2": _gather,
    "MatMul": _matrix_product,
    "MaxPool": _pooling,
    "MirrorPad": _pad,
    "Pack": _pack,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _reshape,
    "Shape": _rank,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Transpose": _transpose,
}
