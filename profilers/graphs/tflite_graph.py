"""A TFLite flatbuffer as a `Graph`. Source: tensorflow/compiler/mlir/lite/schema/schema.fbs.

The flatbuffer accessors follow offsets without checking them; whatever a damaged file makes them
raise becomes a ValueError here, and no count is believed that the file is too small for.
"""

import math
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.profile import UNKNOWN, Graph, NodeKind, StringPool

MAGIC = b"TFL3"  # at bytes 4 to 8
_MOST_ENTRIES = 2_000_000  # tensors, operators and their inputs and outputs
_MOST_DIMENSIONS = 64
_DEEPEST_CALL = 50
_DEEPEST_SCOPE = 32
_LONGEST_NAME = 10_000
_SMALLEST_ITEM = 4  # bytes of one entry in a vector of tables
_FIRST_EXTERNAL_OFFSET = 2  # a buffer's data may lie behind the flatbuffer, at an offset above 1
_SUBGRAPHS: dict[str, tuple[tuple[str, str], ...]] = {
    "IF": (("then", "ThenSubgraphIndex"), ("else", "ElseSubgraphIndex")),
    "WHILE": (("cond", "CondSubgraphIndex"), ("body", "BodySubgraphIndex")),
    "CALL": (("function", "Subgraph"),),
    "CALL_ONCE": (("init", "InitSubgraphIndex"),),
}


@dataclass(frozen=True)
class TfliteModel:
    """What one call runs: a subgraph, and those that its control flow refers to.

    `inputs` are (name, numpy dtype, shape) of the subgraph; `operators` its nodes' rows.
    """

    graph: Graph
    inputs: tuple[tuple[str, str, Shape], ...]
    description: str
    operators: tuple[int, ...] = ()


def read_tflite(data: bytes, pool: StringPool) -> TfliteModel:
    """Operators, tensors and weights of the first subgraph, which runs where no signature is named.

    Raises
    ------
    ValueError
        If the content is cut or inconsistent, or control flow expands without end.
    """
    with _told():
        return _Reader(data, pool).read(0)


def read_signatures(data: bytes, pool: StringPool) -> dict[str, TfliteModel]:
    """What each signature runs, that of the first subgraph first; "" where a file has none.

    Raises
    ------
    ValueError
        As `read_tflite`.
    """
    with _told():
        reader = _Reader(data, pool)
        named = reader.signatures() or {"": 0}
        return {name: reader.read(subgraph) for name, subgraph in named.items()}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (struct.error, IndexError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError("it is cut off or damaged: offsets lead out of the file") from error


@dataclass
class _Tensor:
    name: str
    dtype: str
    shape: Shape
    weight: int = -1  # row of the parameter, -1 if it is computed


@dataclass
class _Body:
    """One subgraph while it is read."""

    index: int
    row: int
    tensors: list[_Tensor]
    makers: dict[int, int] = field(default_factory=dict)  # node by tensor
    operators: list[int] = field(default_factory=list)  # their nodes


class _Reader:
    def __init__(self, data: bytes, pool: StringPool) -> None:
        import tflite

        self._schema: Any = tflite
        self._size = len(data)
        self._left = _MOST_ENTRIES
        self._pool = pool
        self._model = tflite.Model.GetRootAsModel(data, 0)
        self._dtypes = {v: k.lower() for k, v in _constants(tflite.TensorType)}
        self._options = {v: k for k, v in _constants(tflite.BuiltinOptions)}
        self._codes = self._table("OperatorCodes", self._model, self._operator_name)
        self._enums = {
            "FusedActivationFunction": {v: k for k, v in _constants(tflite.ActivationFunctionType)},
            "Padding": {v: k for k, v in _constants(tflite.Padding)},
        }

    def read(self, subgraph: int) -> TfliteModel:
        if self._model.SubgraphsLength() < 1:
            raise ValueError("it holds no graph")
        self._builder = GraphBuilder(self._pool)
        self._weights: dict[int, int] = {}  # parameter by buffer
        self._weight_names: set[str] = set()
        body = self._read_subgraph(subgraph, -1, ())
        inputs = self._indices(self._model.Subgraphs(subgraph).InputsAsNumpy)
        given = [body.tensors[index] for index in inputs]
        return TfliteModel(
            self._builder.build(),
            tuple((tensor.name, tensor.dtype, tensor.shape) for tensor in given),
            _text(self._model.Description()),
            tuple(body.operators),
        )

    def signatures(self) -> dict[str, int]:
        """Their subgraphs by name."""
        named = self._table("SignatureDefs", self._model, lambda each: each)
        ordered = sorted(named, key=lambda each: each.SubgraphIndex() != 0)
        return {_text(each.SignatureKey()): each.SubgraphIndex() for each in ordered}

    def _table(self, name: str, owner: Any, read: Callable[[Any], Any]) -> list[Any]:
        """All entries of a vector of tables."""
        count = getattr(owner, f"{name}Length")()
        if count < 0 or count * _SMALLEST_ITEM > self._size:
            raise ValueError(f"it claims {count:,} {name}, more than fit into the file")
        self._spend(count)
        return [read(getattr(owner, name)(index)) for index in range(count)]

    def _spend(self, entries: int) -> None:
        """Bound the work: vectors may be shared, and control flow repeats subgraphs."""
        self._left -= entries
        if self._left < 0:
            raise ValueError(f"it expands to more than {_MOST_ENTRIES:,} entries")

    def _indices(self, read: Callable[[], Any]) -> list[int]:
        """A vector of int32; the accessor gives 0 where there is none."""
        values = read()
        if isinstance(values, int):
            return []
        self._spend(len(values))
        return [int(value) for value in values]

    def _operator_name(self, code: Any) -> str:
        custom = _text(code.CustomCode())
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if custom:
            return custom
        return str(self._schema.BUILTIN_OPCODE2NAME.get(number, f"OPERATOR_{number}"))

    def _read_subgraph(self, index: int, row: int, active: tuple[int, ...]) -> _Body:
        if not 0 <= index < self._model.SubgraphsLength():
            raise ValueError(f"it refers to subgraph {index}, which does not exist")
        subgraph = self._model.Subgraphs(index)
        body = _Body(index, row, self._table("Tensors", subgraph, self._tensor))
        for position in self._indices(subgraph.InputsAsNumpy):
            tensor = body.tensors[position]
            body.makers[position] = self._builder.node(
                tensor.name, "Input", kind=NodeKind.INPUT, subgraph=row
            )
        operators = self._table("Operators", subgraph, lambda operator: operator)
        names: set[str] = set()
        for operator in operators:
            self._add_operator(body, operator, names, (*active, index))
        for position in self._indices(subgraph.OutputsAsNumpy):
            self._add_output(body, position)
        return body

    def _tensor(self, tensor: Any) -> _Tensor:
        name = _text(tensor.Name())
        dtype = self._dtypes.get(tensor.Type(), "")
        if max(tensor.ShapeLength(), tensor.ShapeSignatureLength()) > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor has more than {_MOST_DIMENSIONS} dimensions")
        sizes = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else None
        if sizes is None:
            sizes = tensor.ShapeAsNumpy() if tensor.ShapeLength() else ()
        shape = tuple(int(size) if size >= 0 else None for size in np.asarray(sizes, np.int64))
        return _Tensor(name, dtype, shape, self._weight(tensor.Buffer(), name, dtype, shape))

    def _weight(self, buffer: int, name: str, dtype: str, shape: Shape) -> int:
        """Row of the parameter in a buffer, -1 if the buffer is empty."""
        if buffer not in self._weights and self._has_data(buffer):
            name = _unique(name, self._weight_names)
            self._weights[buffer] = self._builder.parameter(name, dtype, shape)
        return self._weights.get(buffer, -1)

    def _has_data(self, index: int) -> bool:
        if not 0 < index < self._model.BuffersLength():
            return False
        buffer = self._model.Buffers(index)
        if buffer.DataLength() > self._size:
            raise ValueError("a weight claims more bytes than the file has")
        return bool(buffer.DataLength()) or bool(buffer.Offset() >= _FIRST_EXTERNAL_OFFSET)

    def _add_operator(
        self, body: _Body, operator: Any, names: set[str], active: tuple[int, ...]
    ) -> None:
        name = self._codes[operator.OpcodeIndex()]
        read = [i for i in self._indices(operator.InputsAsNumpy) if i >= 0]  # -1: left out
        made = [i for i in self._indices(operator.OutputsAsNumpy) if i >= 0]
        options = self._option_values(operator)
        title, *merged = (body.tensors[made[0]].name if made else name).split(";")
        node = self._builder.node(
            _unique(title, names),
            name,
            kind=NodeKind.CONTROL if name in _SUBGRAPHS else NodeKind.OPERATOR,
            scope=self._builder.scope(
                [(part, "") for part in title.split("/")[:-1][:_DEEPEST_SCOPE]], body.row
            ),
            subgraph=body.row,
            flops=_flops(name, [body.tensors[i].shape for i in read], body, made, options),
            attributes=options | ({"merged": merged} if merged else {}),
        )
        body.operators.append(node)
        for position in read:
            self._connect(body, position, node)
        body.makers.update(dict.fromkeys(made, node))
        for label, option in _SUBGRAPHS.get(name, ()):
            self._add_subgraph(label, options.get(option), node, active)

    def _connect(self, body: _Body, position: int, node: int) -> None:
        tensor = body.tensors[position]
        if tensor.weight >= 0:
            self._builder.use(tensor.weight, node)
        elif position in body.makers:
            source = body.makers[position]
            self._builder.edge(source, node, tensor.name, tensor.dtype, tensor.shape)

    def _add_output(self, body: _Body, position: int) -> None:
        name = body.tensors[position].name.split(";")[0]
        node = self._builder.node(
            f"{name}:output:{position}", "Output", kind=NodeKind.OUTPUT, subgraph=body.row
        )
        self._connect(body, position, node)

    def _add_subgraph(self, label: str, index: Any, owner: int, active: tuple[int, ...]) -> None:
        if not isinstance(index, int):
            raise ValueError("a control-flow operator does not say which subgraph it runs")
        if index in active or len(active) > _DEEPEST_CALL:
            raise ValueError(f"subgraph {index} contains itself")
        self._read_subgraph(index, self._builder.subgraph(label, owner), active)

    def _option_values(self, operator: Any) -> dict[str, Any]:
        """The plain values of the operator's options table."""
        kind = getattr(self._schema, self._options.get(operator.BuiltinOptionsType(), ""), None)
        table = operator.BuiltinOptions()
        if kind is None or table is None:
            return {}
        options = kind()
        options.Init(table.Bytes, table.Pos)
        values = {}
        for name, accessor in vars(kind).items():
            if name[0].isupper() and _takes_nothing(accessor) and not name.endswith(_ABOUT_VECTORS):
                value = getattr(options, name)()
                value = self._enums.get(name, {}).get(value, value)
                values[name] = _text(value) if isinstance(value, bytes) else value
        return values


_ABOUT_VECTORS = ("Length", "AsNumpy", "IsNone")


def _constants(enumeration: type) -> list[tuple[str, int]]:
    return [(k, v) for k, v in vars(enumeration).items() if isinstance(v, int)]


def _takes_nothing(accessor: Any) -> bool:
    code = getattr(accessor, "__code__", None)
    return code is not None and code.co_argcount == 1


def _text(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
    if len(text) > _LONGEST_NAME:
        raise ValueError(f"a name has {len(text):,} characters")
    return text


def _unique(name: str, names: set[str]) -> str:
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{name}#{number}"
    names.add(found)
    return found


def _count(shape: Shape) -> int | None:
    sizes = [size for size in shape or () if isinstance(size, int)]
    return None if shape is None or len(sizes) != len(shape) else math.prod(sizes)


def _flops(
    operator: str, inputs: list[Shape], body: _Body, made: list[int], options: dict[str, Any]
) -> int:
    """Two per multiplication and addition, from the weights' layouts in the schema's comments."""
    result = _count(body.tensors[made[0]].shape) if made else None
    if result is None or len(inputs) < 2 or any(_count(shape) is None for shape in inputs[:2]):
        return UNKNOWN
    first, second = inputs[0] or (), inputs[1] or ()
    match operator:
        case "CONV_2D" | "CONV_3D":  # weights: output channels first
            return 2 * result * (_count(second[1:]) or 0)
        case "DEPTHWISE_CONV_2D":  # weights: 1, window, output channels
            return 2 * result * (_count(second[1:-1]) or 0)
        case "FULLY_CONNECTED":
            return 2 * result * (_count(second[-1:]) or 0)
        case "TRANSPOSE_CONV":  # inputs: output shape, weights, given
            given = _count(inputs[2]) if len(inputs) > 2 else None
            return UNKNOWN if given is None else 2 * given * (_count(second[:-1]) or 0)
        case "BATCH_MATMUL" if len(first) > 1:
            return 2 * result * (_count((first[-2 if options.get("AdjX") else -1],)) or 0)
    return UNKNOWN
