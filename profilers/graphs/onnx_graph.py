"""ONNX models as graphs: scopes, shapes, parameters, FLOPs, and subgraphs of If, Loop and Scan."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import GraphProto, ModelProto, NodeProto

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.onnx_flops import node_flops
from profilers.graphs.onnx_nodes import (
    TensorType,
    attribute_values,
    bodies_of,
    captured_tensors,
    dtype_name,
    node_kind,
    sane_shape,
    scope_path,
    source_line,
    tensor_type,
    weights_of,
)
from profilers.profile import UNKNOWN, NodeKind

_LOG = logging.getLogger(__name__)
_LARGEST_FLOPS = 2**62
_LARGEST_INFERRED = 64 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Body:
    """One graph or subgraph of a model, with the builder's row of each node.

    `inner` holds the bodies of control-flow nodes by (node position, attribute name).
    """

    graph: GraphProto
    rows: tuple[int, ...]
    inner: Mapping[tuple[int, str], "Body"]


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
            kind = dtype_name(weight.data_type), sane_shape(weight.dims)
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
            kind=node_kind(node),
            scope=self._builder.scope(scope_path(node), subgraph),
            subgraph=subgraph,
            flops=flops,
            source=source_line(node),
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
