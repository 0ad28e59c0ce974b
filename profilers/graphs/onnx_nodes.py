"""What an ONNX node, value or subgraph says of itself, as plain Python values."""

import ast
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

from profilers.graphs.python_frames import own_line
from profilers.profile import NodeKind

Shape = tuple[int | str, ...] | None
TensorType = tuple[str, Shape]  # dtype name or "", and shape

_MOST_ELEMENTS = 2**50  # a larger tensor is a damaged shape
_LONGEST_LIST = 64
_LONGEST_TEXT = 4096


def tensor_type(value: onnx.ValueInfoProto) -> TensorType:
    """Dtype and shape of a value; ("", None) for sequences, maps and what is not said."""
    return _told_type(value.type.SerializeToString())


@lru_cache(maxsize=4096)
def _told_type(data: bytes) -> TensorType:
    """Many values have one and the same type: reading it once took a tenth of the time."""
    told = onnx.TypeProto.FromString(data)
    if not told.HasField("tensor_type"):
        return "", None
    tensor = told.tensor_type
    if not tensor.HasField("shape"):
        return dtype_name(tensor.elem_type), None
    sizes = tuple(
        size.dim_value if size.HasField("dim_value") else size.dim_param or "?"
        for size in tensor.shape.dim
    )
    return dtype_name(tensor.elem_type), sane_shape(sizes)


@lru_cache(maxsize=64)
def dtype_name(element_type: int) -> str:
    """numpy name of an ONNX element type, "string", or "" if there is none."""
    try:
        name = str(onnx.helper.tensor_dtype_to_np_dtype(element_type).name)
    except (KeyError, ValueError, TypeError):
        return ""
    return "string" if name == "object" else name


def sane_shape(sizes: Iterable[int | str]) -> Shape:
    """The sizes, or None if one is negative or all together are beyond any tensor."""
    shape = tuple(size if isinstance(size, str) else int(size) for size in sizes)
    known = [size for size in shape if isinstance(size, int)]
    if any(size < 0 for size in known) or math.prod(known) > _MOST_ELEMENTS:
        return None
    return shape


def node_kind(node: NodeProto) -> NodeKind:
    """CONTROL for a node with subgraphs, CONSTANT, or OPERATOR."""
    if node.attribute and any(True for _ in bodies_of(node)):
        return NodeKind.CONTROL
    return NodeKind.CONSTANT if node.op_type == "Constant" else NodeKind.OPERATOR


def attribute_values(node: NodeProto) -> dict[str, Any]:
    """Attributes that fit into JSON; long lists and tensors are told by their size."""
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            continue
        values[attribute.name] = _attribute_value(attribute)
    return values


def bodies_of(node: NodeProto) -> Iterator[tuple[str, GraphProto]]:
    """Subgraphs of a control-flow node by attribute name."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        for position, graph in enumerate(attribute.graphs):
            yield f"{attribute.name}_{position}", graph


def weights_of(graph: GraphProto) -> Iterator[TensorProto]:
    """Initializers, sparse ones by their values."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values


def captured_tensors(graph: GraphProto) -> list[str]:
    """Tensors that a body reads from the graphs around it."""
    own = {value.name for value in graph.input} | {weight.name for weight in weights_of(graph)}
    read: dict[str, None] = {}
    for node in graph.node:
        inner = [name for _, body in bodies_of(node) for name in captured_tensors(body)]
        read.update((name, None) for name in (*node.input, *inner) if name and name not in own)
        own.update(node.output)
    read.update((value.name, None) for value in graph.output if value.name not in own)
    return list(read)


def scope_path(node: NodeProto) -> list[tuple[str, str]]:
    """(name, class name) pairs from the outside in.

    The PyTorch exporter writes them as metadata; others put them into the node's name.
    """
    paths = _text_list(_metadata(node, "pkg.torch.onnx.name_scopes"))[:-1]
    classes = _text_list(_metadata(node, "pkg.torch.onnx.class_hierarchy"))
    if not paths:
        paths = [part for part in node.name.split("/")[:-1] if part]
        classes = []
    classes += [""] * (len(paths) - len(classes))
    scopes, parent = [], ""
    for path, class_name in zip(paths, classes, strict=False):
        if path:
            scopes.append((path.removeprefix(f"{parent}.") if parent else path, class_name))
            parent = path
    return [(name, class_name.rpartition(".")[2]) for name, class_name in scopes]


def source_line(node: NodeProto) -> str:
    """The deepest line of the model's own code, without its folder."""
    return own_line(_metadata(node, "pkg.torch.onnx.stack_trace")[: 4 * _LONGEST_TEXT])


def _attribute_value(attribute: AttributeProto) -> Any:
    if attribute.type == AttributeProto.TENSOR:
        kind = dtype_name(attribute.t.data_type) or "?"
        return f"{kind}[{','.join(map(str, attribute.t.dims))}]"
    if attribute.type in (AttributeProto.SPARSE_TENSOR, AttributeProto.TENSORS):
        return "tensors"
    try:
        value = onnx.helper.get_attribute_value(attribute)
    except ValueError:
        return f"${attribute.ref_attr_name}"
    if isinstance(value, bytes):
        return value[:_LONGEST_TEXT].decode("utf-8", "replace")
    if isinstance(value, int | float):
        return _json_number(value)
    if isinstance(value, Sequence):
        shown = [
            item.decode("utf-8", "replace") if isinstance(item, bytes) else _json_number(item)
            for item in value
        ]
        short = shown[:_LONGEST_LIST]
        if all(isinstance(item, int | float | str) for item in short):
            return [*short, f"… {len(shown)} in all"] if len(shown) > len(short) else short
    return str(value)[:_LONGEST_TEXT]


def _json_number(value: Any) -> Any:
    """JSON has no words for infinity and not-a-number."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _metadata(node: NodeProto, key: str) -> str:
    return next((entry.value for entry in node.metadata_props if entry.key == key), "")


def _text_list(text: str) -> list[str]:
    """A list of strings as Python or JSON writes it; anything else is empty."""
    if not text or len(text) > _LONGEST_TEXT:
        return []
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
