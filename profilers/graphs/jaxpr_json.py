"""The graph of a traced JAX program, as `profilers.runtimes.keras.jaxpr` writes it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from profilers.graphs.builder import GraphBuilder
from profilers.graphs.jax_flops import jax_flops
from profilers.profile import Graph, NodeKind, StringPool

Json = dict[str, Any]


def read_jaxpr(
    document: Json, layers: Mapping[str, str], pool: StringPool
) -> tuple[Graph, list[int]]:
    """The authored graph, and the row of each node of the document.

    Parameters
    ----------
    document : dict
        "arguments", "values", "nodes", "subgraphs" and "results".
    layers : mapping of str to str
        Class name by the name of a layer's scope.

    Raises
    ------
    KeyError, ValueError, TypeError, IndexError
        If it is inconsistent.
    """
    builder = GraphBuilder(pool)
    reader = _Reader(builder, document, layers)
    rows = reader.read()
    return builder.build(), rows


class _Reader:
    def __init__(self, builder: GraphBuilder, document: Json, layers: Mapping[str, str]) -> None:
        self._builder = builder
        self._document = document
        self._layers = layers
        self._values: Sequence[tuple[str, list[int]]] = document["values"]
        self._made: dict[int, int] = {}  # row by value
        self._weights: dict[int, int] = {}  # parameter by value
        self._names: Counter[tuple[int, str]] = Counter()

    def read(self) -> list[int]:
        for argument in self._document["arguments"]:
            self._add_argument(argument)
        bodies: dict[int, list[tuple[int, str]]] = {}
        for number, (label, owner) in enumerate(self._document["subgraphs"]):
            bodies.setdefault(owner, []).append((number, label))
        subgraphs = {-1: -1}
        rows: list[int] = []
        for number, node in enumerate(self._document["nodes"]):
            subgraph = subgraphs[node["subgraph"]]
            rows.append(self._add_node(node, subgraph, number in bodies))
            for body, label in bodies.get(number, ()):
                subgraphs[body] = self._builder.subgraph(label, rows[-1])
        self._add_results()
        return rows

    def _add_argument(self, argument: Json) -> None:
        value, name = int(argument["value"]), str(argument["name"])
        if argument["is_weight"]:
            self._weights[value] = self._builder.parameter(name, *self._values[value])
        else:
            self._made[value] = self._builder.node(name, "Input", kind=NodeKind.INPUT)

    def _add_node(self, node: Json, subgraph: int, is_control: bool) -> int:
        operator, scopes = str(node["operator"]), [str(each) for each in node["scopes"]]
        shapes = [self._values[each][1] for each in node["reads"]]
        makes = [self._values[each][1] for each in node["makes"]]
        row = self._builder.node(
            self._name("/".join([*scopes, operator]), subgraph),
            operator,
            kind=NodeKind.CONTROL if is_control else NodeKind.OPERATOR,
            scope=self._builder.scope(
                [(name, self._layers.get(name, "")) for name in scopes], subgraph
            ),
            subgraph=subgraph,
            flops=jax_flops(operator, shapes, makes, node["attributes"]),
            attributes=node["attributes"],
        )
        for value in node["reads"]:
            self._read(value, row)
        self._made.update((value, row) for value in node["makes"])
        return row

    def _read(self, value: int, row: int) -> None:
        if value in self._weights:
            self._builder.use(self._weights[value], row)
        elif value in self._made:
            dtype, shape = self._values[value]
            self._builder.edge(self._made[value], row, f"value {value}", dtype, shape)

    def _add_results(self) -> None:
        for number, value in enumerate(self._document["results"]):
            if value in self._made:
                row = self._builder.node(f"result {number}", "Output", kind=NodeKind.OUTPUT)
                self._read(value, row)

    def _name(self, name: str, subgraph: int) -> str:
        """Unique within its subgraph."""
        self._names[subgraph, name] += 1
        count = self._names[subgraph, name]
        return name if count == 1 else f"{name}_{count - 1}"
