"""ONNX models as graphs: scopes, shapes, parameters, FLOPs, and subgraphs of If, Loop and Scan."""

import ast
import logging
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PureWindowsPath
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.onnx_flops import node_flops
from profilers.profile import UNKNOWN, NodeKind

_LOG = logging.getLogger(__name__)
_MOST_ELEMENTS = 2**50  # a larger tensor is a damaged shape
_LARGEST_FLOPS = 2**62
_LONGEST_LIST = 64
_LONGEST_TEXT = 4096
_LARGEST_INFERRED = 64 * 1024 * 1024
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')

Shape = tuple[int | str, ...] | None
TensorType = tuple[str, Shape]  # dtype name or "", and shape


@dataclass(frozen=True, eq=False)
class Body:
    """One graph or subgraph of a model, with the builder's row of each node.

    `inner` holds the bodies of control-flow nodes by (node position, attribute name).
    """

    graph: GraphProto
    rows: tuple[int, ...]
    inner: Mapping[tuple[int, str], "Body"]

    def walk(self) -> Iterator["Body"]:
        yield self
        for body in self.inner.values():
            yield from body.walk()


def parse_model(data: bytes) -> ModelProto:
    """A model from its bytes.

    Raises
    ------
    ValueError
        If they are no ONNX protobuf, or one of its texts is not UTF-8.
    """
    try:
        model = onnx.load_from_string(data)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    _check_texts(model)
    return model


def add_model(builder: GraphBuilder, model: ModelProto) -> Body:
    """Add every node of a model to the builder; call `with_shapes` on the model before."""
    return _Reader(builder).read(model.graph, -1, _Tensors())


def with_shapes(model: ModelProto, inputs: Mapping[str, Sequence[int]] | None = None) -> ModelProto:
    """The model with inferred shapes, as far as they can be told.

    Parameters
    ----------
    model : ModelProto
    inputs : mapping, optional
        Concrete sizes of inputs, which take the place of dynamic dimensions.
    """
    if inputs:
        model = _with_input_sizes(model, inputs)
    if model.ByteSize() > _LARGEST_INFERRED:
        return model
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError, MemoryError) as error:
        _LOG.info("shapes were not inferred: %s", error)
        return model


def tensor_type(value: onnx.ValueInfoProto) -> TensorType:
    """Dtype and shape of a value; ("", None) for sequences, maps and what is not said."""
    if not value.type.HasField("tensor_type"):
        return "", None
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return dtype_name(tensor.elem_type), None
    sizes = tuple(
        size.dim_value if size.HasField("dim_value") else size.dim_param or "?"
        for size in tensor.shape.dim
    )
    return dtype_name(tensor.elem_type), _sane(sizes)


@lru_cache(maxsize=64)
def dtype_name(element_type: int) -> str:
    """numpy name of an ONNX element type, "string", or "" if there is none."""
    try:
        name = str(onnx.helper.tensor_dtype_to_np_dtype(element_type).name)
    except (KeyError, ValueError, TypeError):
        return ""
    return "string" if name == "object" else name


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


class _UniqueNames:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, node: NodeProto, position: int) -> str:
        return self.free(node.name or f"{node.op_type}_{position}")

    def free(self, name: str) -> str:
        candidate, number = name, 1
        while candidate in self._taken:
            candidate, number = f"{name}~{number}", number + 1
        self._taken.add(candidate)
        return candidate


@dataclass
class _Tensors:
    """What a body knows of tensors, its own first, then those of the bodies around it."""

    makers: dict[str, int] = field(default_factory=dict)
    types: dict[str, TensorType] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    names: _UniqueNames = field(default_factory=_UniqueNames)
    outer: "_Tensors | None" = None

    def type(self, name: str) -> TensorType:
        if name in self.types:
            return self.types[name]
        return self.outer.type(name) if self.outer else ("", None)

    def parameter(self, name: str) -> int | None:
        if name in self.parameters or name in self.makers or self.outer is None:
            return self.parameters.get(name)
        return self.outer.parameter(name)


class _Reader:
    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder

    def read(self, graph: GraphProto, subgraph: int, outer: _Tensors) -> Body:
        tensors = self._declare(graph, subgraph, outer)
        rows: list[int] = []
        inner: dict[tuple[int, str], Body] = {}
        for position, node in enumerate(graph.node):
            row = self._add_node(node, tensors.names.of(node, position), subgraph, tensors)
            rows.append(row)
            for name, body in bodies_of(node):
                nested = self._builder.subgraph(name.removesuffix("_branch"), row)
                inner[position, name] = self.read(body, nested, tensors)
                self._connect(row, subgraph, self._captured_activations(body, tensors), tensors)
            tensors.makers.update((name, row) for name in node.output if name)
        for value in graph.output:
            row = self._builder.node(
                tensors.names.free(value.name), "output", kind=NodeKind.OUTPUT, subgraph=subgraph
            )
            self._connect(row, subgraph, [value.name], tensors)
        return Body(graph, tuple(rows), inner)

    def _declare(self, graph: GraphProto, subgraph: int, outer: _Tensors) -> _Tensors:
        tensors = _Tensors(outer=outer)
        for value in (*graph.value_info, *graph.input, *graph.output):
            tensors.types[value.name] = tensor_type(value)
        for weight in weights_of(graph):
            kind = dtype_name(weight.data_type), _sane(weight.dims)
            tensors.types[weight.name] = kind
            tensors.parameters[weight.name] = self._builder.parameter(weight.name, *kind)
        for value in graph.input:
            if value.name not in tensors.parameters:
                tensors.makers[value.name] = self._builder.node(
                    tensors.names.free(value.name), "input", kind=NodeKind.INPUT, subgraph=subgraph
                )
        return tensors

    def _add_node(self, node: NodeProto, name: str, subgraph: int, tensors: _Tensors) -> int:
        attributes = attribute_values(node)
        flops = _flops(node, attributes, tensors)
        if node.domain not in ("", "ai.onnx"):
            attributes["domain"] = node.domain
        row = self._builder.node(
            name,
            node.op_type,
            kind=_kind(node),
            scope=self._builder.scope(_scope_path(node), subgraph),
            subgraph=subgraph,
            flops=flops,
            source=_source_line(node),
            attributes=attributes,
        )
        self._connect(row, subgraph, node.input, tensors)
        return row

    def _captured_activations(self, body: GraphProto, tensors: _Tensors) -> list[str]:
        """Without parameters: those count for the nodes inside that read them."""
        return [name for name in captured_tensors(body) if tensors.parameter(name) is None]

    def _connect(self, row: int, subgraph: int, inputs: Iterable[str], tensors: _Tensors) -> None:
        """Draw an edge, or note a parameter, for each tensor that the node reads."""
        for name in dict.fromkeys(filter(None, inputs)):
            parameter = tensors.parameter(name)
            if parameter is not None:
                self._builder.use(parameter, row)
                continue
            if name not in tensors.makers:  # it comes from the graph around this one
                tensors.makers[name] = self._builder.node(
                    tensors.names.free(name), "captured", kind=NodeKind.INPUT, subgraph=subgraph
                )
            self._builder.edge(tensors.makers[name], row, name, *tensors.type(name))


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


def _check_texts(message: Message) -> None:
    """protobuf hands a text that is not UTF-8 over as bytes."""
    for descriptor, value in message.ListFields():
        if descriptor.type not in (descriptor.TYPE_STRING, descriptor.TYPE_MESSAGE):
            continue
        for item in (value,) if isinstance(value, Message | str | bytes) else value:
            if isinstance(item, Message):
                _check_texts(item)
            elif isinstance(item, bytes):
                raise ValueError(f"the text of a field {descriptor.name} is not UTF-8")


def _kind(node: NodeProto) -> NodeKind:
    if any(True for _ in bodies_of(node)):
        return NodeKind.CONTROL
    return NodeKind.CONSTANT if node.op_type == "Constant" else NodeKind.OPERATOR


def _flops(node: NodeProto, attributes: dict[str, Any], tensors: _Tensors) -> int:
    def sizes(names: Sequence[str], position: int) -> tuple[int, ...] | None:
        shape = tensors.type(names[position])[1] if position < len(names) else None
        if shape is None or not all(isinstance(size, int) for size in shape):
            return None
        return tuple(int(size) for size in shape)

    try:
        flops = node_flops(
            node.op_type,
            attributes,
            lambda position: sizes(node.input, position),
            lambda position: sizes(node.output, position),
        )
    except (TypeError, ValueError, ArithmeticError, IndexError):  # nonsense attributes
        return UNKNOWN
    return flops if flops < _LARGEST_FLOPS else UNKNOWN


def _sane(sizes: Iterable[int | str]) -> Shape:
    shape = tuple(size if isinstance(size, str) else int(size) for size in sizes)
    known = [size for size in shape if isinstance(size, int)]
    if any(size < 0 for size in known) or math.prod(known) > _MOST_ELEMENTS:
        return None
    return shape


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
        return value
    if isinstance(value, Sequence):
        shown = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in value]
        short = shown[:_LONGEST_LIST]
        if all(isinstance(item, int | float | str) for item in short):
            return [*short, f"… {len(shown)} in all"] if len(shown) > len(short) else short
    return str(value)[:_LONGEST_TEXT]


def _metadata(node: NodeProto, key: str) -> str:
    return next((entry.value for entry in node.metadata_props if entry.key == key), "")


def _scope_path(node: NodeProto) -> list[tuple[str, str]]:
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


def _text_list(text: str) -> list[str]:
    """A list of strings as Python or JSON writes it; anything else is empty."""
    if len(text) > _LONGEST_TEXT:
        return []
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _source_line(node: NodeProto) -> str:
    """The deepest line of the model's own code, without its folder."""
    frames = _FRAME.findall(_metadata(node, "pkg.torch.onnx.stack_trace")[: 4 * _LONGEST_TEXT])
    own = [(file, line) for file, line in frames if "site-packages" not in file and file[0] != "<"]
    if not own:
        return ""
    file, line = own[-1]
    return f"{PureWindowsPath(file).name}:{line}"


def _with_input_sizes(model: ModelProto, inputs: Mapping[str, Sequence[int]]) -> ModelProto:
    sized = ModelProto()
    sized.CopyFrom(model)
    for value in sized.graph.input:
        sizes = inputs.get(value.name)
        if sizes is not None and value.type.HasField("tensor_type"):
            shape = value.type.tensor_type.shape
            shape.ClearField("dim")
            for size in sizes:
                shape.dim.add().dim_value = size
    dynamic = [value for value in sized.graph.value_info if not _is_static(value)]
    for value in dynamic:
        sized.graph.value_info.remove(value)
    for value in sized.graph.output:
        for size in value.type.tensor_type.shape.dim if not _is_static(value) else ():
            size.ClearField("value")
    return sized


def _is_static(value: onnx.ValueInfoProto) -> bool:
    shape = tensor_type(value)[1]
    return shape is None or all(isinstance(size, int) for size in shape)
