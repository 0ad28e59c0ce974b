"""A TensorFlow GraphDef with its function library as a `Graph`.

Functions that a node calls (PartitionedCall, If, While, Case, map functions) become subgraphs of
that node, once per call. Variables and constant weights become parameters of the nodes that read
them; ReadVariableOp stays a node, because it is executed and timed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.tensorflow_protos import dtype_name
from profilers.graphs.tf_flops import operator_flops
from profilers.graphs.tf_nodes import (
    PASSING,
    VARIABLES,
    attribute_values,
    called_functions,
    output_dtype,
    output_shapes,
    port,
    shape_of,
    variable_name,
)
from profilers.graphs.tf_references import INPUTS, split_input
from profilers.graphs.tf_shapes import constant_values, infer_shape
from profilers.graphs.tf_signature import inputs_first
from profilers.profile import Graph, NodeKind, StringPool

_MOST_ENTRIES = 1_000_000  # nodes and inputs
_LONGEST_NAME = 10_000
_DEEPEST_SCOPE = 32
_DEEPEST_CALL = 50
_KINDS = {"_Retval": NodeKind.OUTPUT, "Const": NodeKind.CONSTANT}
_WEIGHT_TYPES = frozenset({
    "float16", "bfloat16", "float32", "float64", "int8", "uint8", "qint8", "quint8", "qint32",
    "complex64", "complex128",
})  # fmt: skip


@dataclass(frozen=True)
class Weight:
    """A variable that a graph reads through a placeholder."""

    name: str
    dtype: str
    shape: Shape


def read_graph_def(
    graph_def: Any,
    pool: StringPool,
    stage: str = "authored",
    *,
    weights: Mapping[str, Weight] | None = None,
) -> Graph:
    """Read a GraphDef message (`tensorflow_protos.parse("GraphDef", data)`).

    Parameters
    ----------
    graph_def : GraphDef
        Ours or TensorFlow's own class. Shapes come from ``_output_shapes`` where nodes have it.
    pool : StringPool
    stage : str
    weights : mapping of str to Weight, optional
        Variables by the name of the placeholder that stands for them: a traced function takes its
        variables as captured inputs.

    Raises
    ------
    ValueError
        If names are absurdly long, or calls expand to more nodes or deeper than any sane model.
    """
    builder = GraphBuilder(pool, stage)
    reader = _Reader(builder, {f.signature.name: f for f in graph_def.library.function})
    bound: dict[str, _Bound | None] = {
        name: _Bound(builder.parameter(weight.name, weight.dtype, weight.shape), weight)
        for name, weight in (weights or {}).items()
    }
    reader.read(_Body(-1, list(graph_def.node), bound), ())
    return builder.build()


@dataclass(frozen=True)
class _Bound:
    """A weight and its row among the parameters."""

    row: int
    weight: Weight


@dataclass
class _Body:
    """The main graph or one function, while it is read."""

    subgraph: int
    nodes: list[Any]
    weights: dict[str, _Bound | None]  # by node or argument name; None: known to be no weight
    prefix: str = ""  # of constant weights in functions, whose node names repeat
    by_name: dict[str, Any] = field(init=False)
    rows: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, list[Shape]] = field(default_factory=dict)
    dtypes: dict[str, str] = field(default_factory=dict)  # of arguments
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)  # of nodes with any

    def __post_init__(self) -> None:
        self.by_name = {node.name: node for node in self.nodes}


class _Reader:
    def __init__(self, builder: GraphBuilder, library: dict[str, Any]) -> None:
        self._builder = builder
        self._library = library
        self._left = _MOST_ENTRIES

    def read(self, body: _Body, active: tuple[str, ...]) -> None:
        """Nodes, then edges, then the bodies of what is called; `active` are the callers."""
        self._left -= sum(1 + len(node.input) for node in body.nodes)
        if self._left < 0:
            raise ValueError("its function calls expand to an absurd number of nodes")
        if len(active) > _DEEPEST_CALL:
            raise ValueError(f"its functions call each other more than {_DEEPEST_CALL} deep")
        for node in body.nodes:
            self._add_node(body, node)
        self._infer_shapes(body)
        for node in body.nodes:
            if node.name in body.rows:
                self._add_edges(body, node)
        for node in body.nodes:
            if node.name in body.calls:
                self._add_subgraphs(body, node, active)

    def _add_node(self, body: _Body, node: Any) -> None:
        if len(node.name) > _LONGEST_NAME:
            raise ValueError(f"a node has a name of {len(node.name):,} characters")
        body.shapes[node.name] = output_shapes(node)
        if self._is_weight(body, node) or _only_orders(node):
            return
        calls = list(called_functions(node, self._library))
        if calls:
            body.calls[node.name] = calls
        attributes = attribute_values(node)
        body.attributes[node.name] = attributes
        kind = NodeKind.INPUT if node.op in INPUTS else _KINDS.get(node.op, NodeKind.OPERATOR)
        body.rows[node.name] = self._builder.node(
            node.name,
            node.op,
            kind=NodeKind.CONTROL if calls else kind,
            scope=self._scope(node.name, body.subgraph),
            subgraph=body.subgraph,
            attributes=attributes,
        )

    def _infer_shapes(self, body: _Body) -> None:
        """Shapes of nodes that state none, from their inputs'; the graph may be in any order."""
        unknown = [node for node in body.nodes if not body.shapes[node.name]]
        if not unknown:
            return
        values = {node.name: constant_values(node) for node in body.nodes if node.op == "Const"}
        for node in inputs_first(body.by_name):
            if not body.shapes[node.name]:
                names = [text for text in node.input if not text.startswith("^")]
                known = [self._tensor(body, text)[2] for text in names]
                given = [values.get(split_input(text)[0]) for text in names]
                shape = infer_shape(node, known, given)
                body.shapes[node.name] = [] if shape is None else [shape]

    def _scope(self, name: str, subgraph: int) -> int:
        parts = name.split("/")[:-1][:_DEEPEST_SCOPE]
        return self._builder.scope([(part, "") for part in parts], subgraph)

    def _is_weight(self, body: _Body, node: Any) -> bool:
        return node.op not in PASSING and self._weight(body, node.name) is not None

    def _weight(self, body: _Body, name: str) -> _Bound | None:
        """The weight that a node or argument stands for, followed through nodes that pass it on."""
        passed: dict[str, None] = {}
        while name not in body.weights and name not in passed:
            passed[name] = None
            node = body.by_name.get(name)
            if node is not None and node.op in PASSING and node.input:
                name = split_input(node.input[0])[0]
            else:
                body.weights[name] = self._own_weight(body, node) if node is not None else None
        found = body.weights.get(name)
        body.weights.update(dict.fromkeys(passed, found))
        return found

    def _own_weight(self, body: _Body, node: Any) -> _Bound | None:
        attributes = node.attr
        dtype = dtype_name(attributes["dtype"].type) if "dtype" in attributes else ""
        if node.op in VARIABLES:
            shape = shape_of(attributes["shape"].shape) if "shape" in attributes else None
            return self._bind(Weight(variable_name(node), dtype, shape))
        if node.op == "Const" and dtype in _WEIGHT_TYPES and "value" in attributes:
            shape = shape_of(attributes["value"].tensor.tensor_shape)
            if shape and math.prod(size if isinstance(size, int) else 0 for size in shape) > 1:
                return self._bind(Weight(body.prefix + node.name, dtype, shape))
        return None

    def _bind(self, weight: Weight) -> _Bound:
        return _Bound(self._builder.parameter(weight.name, weight.dtype, weight.shape), weight)

    def _add_edges(self, body: _Body, node: Any) -> None:
        target = body.rows[node.name]
        inputs: list[Shape] = []
        for text in node.input:
            if text.startswith("^"):
                continue
            weight = self._weight(body, split_input(text)[0])
            if weight is not None and node.op not in PASSING:
                self._builder.use(weight.row, target)
            inputs.append(self._connect(body, text, target))
        outputs = body.shapes[node.name]
        attributes = body.attributes[node.name]
        flops = operator_flops(node.op, inputs, outputs[0] if outputs else None, attributes)
        self._builder.set_flops(target, flops)

    def _connect(self, body: _Body, text: str, target: int) -> Shape:
        """Add the edge that an input reference stands for and give its shape."""
        tensor, dtype, shape = self._tensor(body, text)
        source = body.rows.get(split_input(text)[0])
        if source is not None:
            self._builder.edge(source, target, tensor, dtype, shape)
        return shape

    def _tensor(self, body: _Body, text: str) -> tuple[str, str, Shape]:
        """Name, dtype and shape of what an input reference stands for."""
        name, output, index = split_input(text)
        weight = self._weight(body, name)
        source = body.by_name.get(name)
        at = port(source, output, index) if source is not None else 0
        shapes = body.shapes.get(name, [])
        shape = shapes[at] if at < len(shapes) else None
        dtype = output_dtype(source, at) if source is not None else body.dtypes.get(name, "")
        if weight is not None and (source is None or dtype != "resource"):
            shape, dtype = weight.weight.shape, weight.weight.dtype
        return f"{name}:{at}", dtype, shape

    def _add_subgraphs(self, body: _Body, node: Any, active: tuple[str, ...]) -> None:
        for label, function, skipped in body.calls[node.name]:
            row = self._builder.subgraph(label, body.rows[node.name])
            if function in active:
                continue  # recursion: the body is shown where it was called first
            references = [text for text in node.input if not text.startswith("^")][skipped:]
            given = [self._weight(body, split_input(text)[0]) for text in references]
            self._read_function(self._library[function], row, given, (*active, function))

    def _read_function(
        self, function: Any, subgraph: int, given: Sequence[_Bound | None], active: tuple[str, ...]
    ) -> None:
        arguments = function.signature.input_arg
        weights: dict[str, _Bound | None] = {
            argument.name: weight
            for argument, weight in zip(arguments, given, strict=False)
            if weight is not None
        }
        body = _Body(subgraph, list(function.node_def), weights, f"{function.signature.name}/")
        for number, argument in enumerate(arguments):
            if argument.name not in weights:
                self._add_argument(body, function, number, argument)
        self.read(body, active)
        for result in function.signature.output_arg:
            if dtype_name(result.type) == "resource":
                continue  # a variable handed on, no tensor
            row = self._builder.node(
                result.name, "_Retval", kind=NodeKind.OUTPUT, subgraph=subgraph
            )
            if result.name in function.ret:
                self._connect(body, function.ret[result.name], row)

    def _add_argument(self, body: _Body, function: Any, number: int, argument: Any) -> None:
        body.rows[argument.name] = self._builder.node(
            argument.name, "_Arg", kind=NodeKind.INPUT, subgraph=body.subgraph
        )
        body.dtypes[argument.name] = dtype_name(argument.type)
        notes = function.arg_attr[number].attr if number in function.arg_attr else {}
        if "_output_shapes" in notes:
            shapes = notes["_output_shapes"].list.shape
            body.shapes[argument.name] = [shape_of(shape) for shape in shapes[:1]]


def _only_orders(node: Any) -> bool:
    """A node that computes nothing and only makes others wait."""
    return bool(node.op == "NoOp")
