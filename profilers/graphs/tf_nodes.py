"""What one NodeDef says: its inputs, output shapes and types, called functions and attributes."""

from collections.abc import Iterator
from typing import Any

from profilers.graphs.builder import Shape
from profilers.graphs.tensorflow_protos import dtype_name
from profilers.graphs.tf_references import INPUTS

_REFERENCES = frozenset({"Variable", "VariableV2"})
VARIABLES = frozenset({"VarHandleOp"}) | _REFERENCES
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall", "RemoteCall"})
# Operators whose output is the weight that they are given.
PASSING = frozenset({"ReadVariableOp", "Identity", "Enter", "RefEnter", "Snapshot", "Switch"})

_BOOLEAN = frozenset({
    "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "LogicalAnd", "LogicalOr",
    "LogicalNot", "Any", "All", "IsNan", "IsInf", "IsFinite", "LoopCond", "VarIsInitializedOp",
})  # fmt: skip
_STRING = frozenset({"AsString", "StringJoin", "StringFormat", "ReadFile", "ShardedFilename"})
_OUTPUT_TYPE = {
    "Cast": "DstT", "Bitcast": "type", "ArgMax": "output_type", "ArgMin": "output_type",
    "Shape": "out_type", "Size": "out_type", "ShapeN": "out_type", "GatherV2": "Tparams",
    "Gather": "Tparams", "Dequantize": "dtype", "QuantizeV2": "T", "StringLength": "",
}  # fmt: skip
# Operators with several named outputs, in order; all others number theirs under one name.
_OUTPUT_NAMES: dict[str, tuple[str, ...]] = {
    "FusedBatchNorm": ("y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"),
    "FusedBatchNormV3": (
        "y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3",
    ),
    "Merge": ("output", "value_index"),
    "MaxPoolWithArgmax": ("output", "argmax"),
    "SoftmaxCrossEntropyWithLogits": ("loss", "backprop"),
    "SparseSoftmaxCrossEntropyWithLogits": ("loss", "backprop"),
    "Switch": ("output_false", "output_true"),
    "TopKV2": ("values", "indices"),
    "Unique": ("y", "idx"),
}  # fmt: skip
_OUTPUT_NAMES["FusedBatchNormV2"] = _OUTPUT_NAMES["FusedBatchNorm"]
_SUBGRAPH_NAMES = {"then_branch": "then", "else_branch": "else"}
_LONGEST_LIST = 32
_LONGEST_TEXT = 200


def port(node: Any, output: str, index: int) -> int:
    """Position among all outputs of the node."""
    names = _OUTPUT_NAMES.get(node.op, ())
    return names.index(output) if output in names else index


def variable_name(node: Any) -> str:
    """What a variable goes by; loading a model of TensorFlow 1 numbers the shared names of references."""
    shared = "" if node.op in _REFERENCES else node.attr["shared_name"].s.decode("utf-8", "replace")
    return shared or str(node.name)


def shape_of(message: Any) -> Shape:
    """Sizes of a TensorShape, None for a dynamic one; None if not even the rank is known."""
    if message.unknown_rank:
        return None
    return tuple(dim.size if dim.size >= 0 else (dim.name or None) for dim in message.dim)


def output_shapes(node: Any) -> list[Shape]:
    """Shapes that the node states itself, by output; empty if it states none."""
    attributes = node.attr
    if "_output_shapes" in attributes:
        return [shape_of(shape) for shape in attributes["_output_shapes"].list.shape]
    if node.op in INPUTS and "shape" in attributes:
        return [shape_of(attributes["shape"].shape)]
    if node.op == "Const":
        return [shape_of(attributes["value"].tensor.tensor_shape)] if "value" in attributes else []
    return []


def output_dtype(node: Any, index: int) -> str:
    """numpy name of an output's type, "" where the attributes do not tell."""
    if node.op in _BOOLEAN:
        return "bool"
    if node.op in _STRING:
        return "string"
    if node.op == "StringLength":
        return "int32"
    for key in ("Tout", "output_types", "component_types", "dtypes"):
        if key in node.attr and node.attr[key].HasField("list"):
            types = node.attr[key].list.type
            return dtype_name(types[index]) if index < len(types) else ""
    if node.op in {"While", "StatelessWhile"} and index < len(node.attr["T"].list.type):
        return dtype_name(node.attr["T"].list.type[index])
    for key in (_OUTPUT_TYPE.get(node.op, ""), "dtype", "T"):
        if key and key in node.attr:
            return dtype_name(node.attr[key].type)
    return ""


def called_functions(node: Any, library: Any) -> Iterator[tuple[str, str, int]]:
    """(subgraph name, function, inputs that are not its arguments) of what the node calls."""
    if node.op in library:
        yield node.op, node.op, 0
    for key in sorted(node.attr):
        value = node.attr[key]
        names = [value.func.name] if value.HasField("func") else []
        names += [function.name for function in value.list.func] if value.HasField("list") else []
        skipped = 1 if node.op in {"If", "StatelessIf", "Case", "StatelessCase"} else 0
        for number, name in enumerate(names):
            if name in library:
                plain = name if key == "f" else _SUBGRAPH_NAMES.get(key, key)
                yield (f"{plain} {number}" if len(names) > 1 else plain), name, skipped


def attribute_values(node: Any) -> dict[str, Any]:
    """The attributes a person reads, as JSON values: no types, functions or internal notes."""
    values: dict[str, Any] = {"device": node.device} if node.device else {}
    for key in sorted(node.attr):
        value = None if key.startswith("_") else _plain(node.attr[key])
        if value is not None:
            values[key] = value
    return values


def _plain(value: Any) -> Any:
    match value.WhichOneof("value"):
        case "s":
            return _text(value.s)
        case "i" | "f" | "b" as field:
            return getattr(value, field)
        case "type":
            return dtype_name(value.type)
        case "shape":
            return None if value.shape.unknown_rank else [dim.size for dim in value.shape.dim]
        case "list":
            items = [*value.list.i, *value.list.f, *value.list.b, *map(_text, value.list.s)]
            return items[:_LONGEST_LIST] or None
    return None


def _text(data: bytes) -> str | None:
    """Readable text, None for serialised messages and the like."""
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() and len(text) <= _LONGEST_TEXT else None
