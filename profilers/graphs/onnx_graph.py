"""ONNX models as graphs: scopes, shapes, parameters, FLOPs, and subgraphs of If, Loop and Scan."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import GraphProto, ModelProto, NodeProto

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.cycles import nodes_on_cycles
from profilers.graphs.onnx_checks import FunctionBodies, OperatorChecks, can_be_inlined, cut
from profilers.graphs.onnx_flops import node_flops
from profilers.graphs.onnx_nodes import (
    Shape,
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


def add_model(
    builder: GraphBuilder, model: ModelProto, lost_weights: Mapping[str, str] | None = None
) -> Body:
    """Add every node of a model to the builder; call `with_shapes` on the model before.

    What is wrong with a node is named on it. `lost_weights` are initializers that cannot be read,
    each with the reason.
    """
    reader = _Reader(builder, OperatorChecks(model), FunctionBodies(model), lost_weights or {})
    return reader.read(model.graph, -1, _Tensors())


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
    if model.ByteSize() > _LARGEST_INFERRED or not can_be_inlined(model):
        return model
    try:
        return onnx.shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except (
        onnx.shape_inference.InferenceError,
        onnx.checker.ValidationError,
        RuntimeError,
        ValueError,
        MemoryError,
    ) as error:
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
    missing: set[int] = field(default_factory=set)
    outer: "_Tensors | None" = None

    def has(self, name: str) -> bool:
        """Whether this body or one around it makes or holds a tensor."""
        if name in self.makers and self.makers[name] not in self.missing:
            return True
        return name in self.parameters or (self.outer is not None and self.outer.has(name))

    def type(self, name: str) -> TensorType:
        if name in self.types:
            return self.types[name]
        return self.outer.type(name) if self.outer else ("", None)

    def parameter(self, name: str) -> int | None:
        if name in self.parameters or name in self.makers or self.outer is None:
            return self.parameters.get(name)
        return self.outer.parameter(name)


class _Reader:
    def __init__(
        self,
        builder: GraphBuilder,
        checks: OperatorChecks,
        functions: FunctionBodies,
        lost_weights: Mapping[str, str],
    ) -> None:
        self._builder = builder
        self._checks = checks
        self._functions = functions
        self._lost_weights = lost_weights
        self._scope_rows: dict[tuple[str, int], int] = {}

    def read(self, graph: GraphProto, subgraph: int, outer: _Tensors) -> Body:
        """Nodes first, then what they read: a maker may stand behind its reader in a bad file."""
        tensors = self._declare(graph, subgraph, outer)
        rows = [
            self._add_node(node, tensors.names.of(node, position), subgraph, tensors)
            for position, node in enumerate(graph.node)
        ]
        self._note_makers(graph, rows, tensors)
        links: list[tuple[int, int]] = []
        inner: dict[tuple[int, str], Body] = {}
        for position, (node, row) in enumerate(zip(graph.node, rows, strict=True)):
            links += self._connect(row, subgraph, node.input, tensors)
            for name, body in bodies_of(node) if node.attribute else ():
                nested = self._builder.subgraph(name.removesuffix("_branch"), row)
                inner[position, name] = self.read(body, nested, tensors)
                captured = self._captured_activations(body, tensors)
                links += self._connect(row, subgraph, captured, tensors)
            self._open_function(node, row)
        for value in graph.output:
            row = self._builder.node(
                tensors.names.free(value.name), "output", kind=NodeKind.OUTPUT, subgraph=subgraph
            )
            self._connect(row, subgraph, [value.name], tensors)
        self._name_cycles(links)
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
        attributes = attribute_values(node) if node.attribute else {}
        flops = _flops(node, attributes, tensors)
        if node.domain not in ("", "ai.onnx"):
            attributes["domain"] = node.domain
        is_call = self._functions.has(node)
        row = self._builder.node(
            name,
            node.op_type,
            kind=NodeKind.CONTROL if is_call else node_kind(node),
            scope=self._scope(node, subgraph),
            subgraph=subgraph,
            flops=flops,
            source=source_line(node) if node.metadata_props else "",
            attributes=attributes,
        )
        problem = "" if is_call else self._checks.problem(node)
        if problem:
            self._builder.problem(row, problem)
        return row

    def _scope(self, node: NodeProto, subgraph: int) -> int:
        if node.metadata_props:
            return self._builder.scope(scope_path(node), subgraph)
        prefix = node.name.rpartition("/")[0]
        key = prefix, subgraph
        row = self._scope_rows.get(key)
        if row is None:
            row = self._scope_rows[key] = self._builder.scope(scope_path(node), subgraph)
        return row

    def _note_makers(self, graph: GraphProto, rows: Sequence[int], tensors: _Tensors) -> None:
        """A tensor that is made twice is no fault of its readers: they get the first."""
        for node, row in zip(graph.node, rows, strict=True):
            for name in node.output:
                if not name:
                    continue
                if name in tensors.makers or name in tensors.parameters:
                    self._builder.problem(
                        row, f"Makes '{cut(name)}', which is made or given elsewhere already."
                    )
                tensors.makers.setdefault(name, row)

    def _captured_activations(self, body: GraphProto, tensors: _Tensors) -> list[str]:
        """Without parameters: those count for the nodes inside that read them."""
        return [name for name in captured_tensors(body) if tensors.parameter(name) is None]

    def _connect(
        self, row: int, subgraph: int, inputs: Iterable[str], tensors: _Tensors
    ) -> list[tuple[int, int]]:
        """Draw an edge, or note a parameter, for each tensor that the node reads."""
        links = []
        for name in dict.fromkeys(filter(None, inputs)):
            parameter = tensors.parameter(name)
            if parameter is not None:
                self._builder.use(parameter, row)
                if name in self._lost_weights:
                    self._builder.problem(row, self._lost_weights[name])
                continue
            if name not in tensors.makers:
                tensors.makers[name] = self._from_outside(name, subgraph, tensors)
            maker = tensors.makers[name]
            if maker in tensors.missing:
                self._builder.problem(
                    row, f"Reads '{cut(name)}', which no node makes and no input gives."
                )
            self._builder.edge(maker, row, name, *tensors.type(name))
            links.append((maker, row))
        return links

    def _from_outside(self, name: str, subgraph: int, tensors: _Tensors) -> int:
        """A node for a tensor of the graphs around this one, or for one that is nowhere."""
        is_there = tensors.outer is not None and tensors.outer.has(name)
        row = self._builder.node(
            tensors.names.free(name),
            "captured" if is_there else "missing",
            kind=NodeKind.INPUT,
            subgraph=subgraph,
        )
        if not is_there:
            tensors.missing.add(row)
        return row

    def _open_function(self, node: NodeProto, row: int) -> None:
        """The body of a function of the model's own stands in the node that calls it."""
        if not self._functions.has(node):
            return
        body = self._functions.enter(node)
        if isinstance(body, str):
            self._builder.problem(row, body)
            return
        self.read(body, self._builder.subgraph(node.op_type, row), _Tensors())
        self._functions.leave(node)

    def _name_cycles(self, links: Sequence[tuple[int, int]]) -> None:
        found = nodes_on_cycles(links)
        names = self._builder.node_names(found.values()) if found else {}
        for row, other in found.items():
            sentence = f"Lies on a cycle with '{cut(names[other])}', so neither can ever run."
            if row == other:
                sentence = "Reads its own result, so it can never run."
            self._builder.problem(row, sentence)


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
        return _static(tensors.type(names[position])[1]) if position < len(names) else None

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


@lru_cache(maxsize=4096)
def _static(shape: Shape) -> tuple[int, ...] | None:
    """The sizes, if all of them are known."""
    if shape is None:
        return None
    known = tuple(size for size in shape if isinstance(size, int))
    return known if len(known) == len(shape) else None


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
