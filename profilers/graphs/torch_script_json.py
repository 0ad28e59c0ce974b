"""The graph of a TorchScript module, from the JSON of `profilers.runtimes.pytorch.script_graph`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profilers.graphs.builder import GraphBuilder, Shape
from profilers.graphs.torch_flops import torch_flops
from profilers.profile import Graph, NodeKind, StringPool

Json = dict[str, Any]

_BODIES = {"prim::If": ("then", "else"), "prim::Loop": ("body",)}


@dataclass(frozen=True)
class _Value:
    node: int
    dtype: str
    shape: Shape


def read_script_graph(
    document: Json,
    pool: StringPool,
    shapes: Mapping[str, Sequence[int]] | None = None,
    stage: str = "authored",
) -> Graph:
    """The graph of a scripted or traced module, as authored or as executed.

    Parameters
    ----------
    document : dict
    pool : StringPool
    shapes : mapping, optional
        Sizes of values by name, where the document does not know them.
    stage : str

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, IndexError
        If the document has another form.
    """
    return _Reader(document, GraphBuilder(pool, stage), shapes or {}).read()


class _Reader:
    def __init__(
        self, document: Json, builder: GraphBuilder, shapes: Mapping[str, Sequence[int]]
    ) -> None:
        self._document = document
        self._builder = builder
        self._shapes = shapes
        self._values: dict[str, _Value] = {}
        self._parameters: dict[str, tuple[int, Shape]] = {}

    def read(self) -> Graph:
        for item in self._document["parameters"]:
            row = self._builder.parameter(item["name"], item["dtype"], item["shape"])
            self._parameters[item["name"]] = (row, item["shape"])
        self._read_block(self._document, -1)
        return self._builder.build()

    def _read_block(self, block: Json, subgraph: int) -> None:
        for value in block["inputs"]:
            self._add_value(
                value,
                self._builder.node(value["name"], "input", kind=NodeKind.INPUT, subgraph=subgraph),
            )
        for node in block["nodes"]:
            self._add_node(node, subgraph)
        output = self._builder.node("output", "output", kind=NodeKind.OUTPUT, subgraph=subgraph)
        for name in block["outputs"]:
            self._connect(name, output)

    def _add_node(self, node: Json, subgraph: int) -> None:
        operator, blocks = str(node["operator"]), node["blocks"]
        row = self._builder.node(
            node["name"],
            operator,
            kind=NodeKind.CONTROL if blocks else NodeKind.OPERATOR,
            scope=self._builder.scope([(name, kind) for name, kind in node["scope"]], subgraph),
            subgraph=subgraph,
            source=node["source"],
            attributes=node["attributes"],
        )
        for _, name in node["arguments"]:
            self._connect(name, row)
        for name in dict.fromkeys(name for _, name in node["parameters"]):
            self._builder.use(self._parameters[name][0], row)
        for value in node["outputs"]:
            self._add_value(value, row)
        self._builder.set_flops(row, self._flops(node))
        titles = _BODIES.get(operator, ())
        for number, block in enumerate(blocks):
            title = titles[number] if number < len(titles) else "body"
            self._read_block(block, self._builder.subgraph(title, row))

    def _flops(self, node: Json) -> int:
        found: list[tuple[int, Shape]] = [
            (position, self._values[name].shape)
            for position, name in node["arguments"]
            if name in self._values
        ]
        found += [(position, self._parameters[name][1]) for position, name in node["parameters"]]
        inputs = [shape for _, shape in sorted(found, key=lambda each: each[0])]
        outputs = [self._values[value["name"]].shape for value in node["outputs"]]
        return torch_flops(node["operator"], inputs, outputs[0] if outputs else None)

    def _add_value(self, value: Json, node: int) -> None:
        name = value["name"]
        shape = value["shape"] if value["shape"] is not None else self._shapes.get(name)
        self._values[name] = _Value(node, value["dtype"], shape)

    def _connect(self, name: str, target: int) -> None:
        value = self._values.get(name)
        if value is not None:
            self._builder.edge(value.node, target, name, value.dtype, value.shape)
