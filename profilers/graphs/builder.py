"""Collects a graph node by node and freezes it into columns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from profilers.profile import (
    UNKNOWN,
    Edges,
    Graph,
    JsonText,
    NodeKind,
    Nodes,
    Origins,
    Parameters,
    ParameterUses,
    Problems,
    Scopes,
    StringPool,
    Subgraphs,
)

Shape = Sequence[int | str | None] | None  # None: unknown rank; a None or str dimension is dynamic

_ITEM_BITS = {
    "bool": 8, "int8": 8, "uint8": 8, "int16": 16, "uint16": 16, "float16": 16, "bfloat16": 16,
    "int32": 32, "uint32": 32, "float32": 32, "int64": 64, "uint64": 64, "float64": 64,
    "complex64": 64, "complex128": 128,
    "float8_e4m3fn": 8, "float8_e4m3fnuz": 8, "float8_e5m2": 8, "float8_e5m2fnuz": 8,
    "float8_e4m3": 8, "float8_e3m4": 8, "float8_e4m3b11fnuz": 8, "float8_e8m0fnu": 8,
    "int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2,
}  # fmt: skip


def tensor_bytes(dtype: str, shape: Shape) -> int:
    """Bytes of a dense tensor, UNKNOWN if the dtype is not fixed-size or a dimension is dynamic.

    Types of less than a byte are packed, as all formats store them.
    """
    bits = _ITEM_BITS.get(dtype)
    if bits is None or shape is None or not all(isinstance(s, int) and s >= 0 for s in shape):
        return UNKNOWN
    return (bits * math.prod(int(s) for s in shape if s is not None) + 7) // 8


def shape_text(shape: Shape) -> str:
    """``1,3,?,56``: a dynamic dimension is its symbol, or ? without one."""
    return ",".join("?" if size is None or size == -1 else str(size) for size in shape or ())


class GraphBuilder:
    """Rows are returned as they are added; names are interned in the profile's pool."""

    def __init__(self, pool: StringPool, stage: str = "authored") -> None:
        self._pool = pool
        self._stage = stage
        self._nodes: list[list[int]] = []
        self._attributes: list[dict[str, Any] | None] = []
        self._edges: list[tuple[int, ...]] = []
        self._kinds: dict[tuple[str, object], tuple[int, int, int]] = {}
        self._scopes: list[list[int]] = []
        self._scope_rows: dict[tuple[int, int, str], int] = {}
        self._subgraphs: list[tuple[int, int]] = []
        self._parameters: list[tuple[int, ...]] = []
        self._parameter_rows: dict[str, int] = {}
        self._uses: dict[tuple[int, int], None] = {}
        self._origins: dict[tuple[int, int], None] = {}
        self._problems: list[tuple[int, int]] = []

    def scope(self, path: Iterable[tuple[str, str]], subgraph: int = -1) -> int:
        """Row of a scope given as (name, class name) pairs from the outside in; -1 for no path."""
        row = -1
        for name, kind in path:
            key = (subgraph, row, name)
            known = self._scope_rows.get(key)
            if known is None:
                known = self._scope_rows[key] = len(self._scopes)
                kind_row = self._pool.add(kind) if kind else -1
                self._scopes.append([self._pool.add(name), row, kind_row, subgraph])
            elif kind and self._scopes[known][2] < 0:
                self._scopes[known][2] = self._pool.add(kind)
            row = known
        return row

    def node(
        self,
        name: str,
        operator: str,
        *,
        kind: NodeKind = NodeKind.OPERATOR,
        scope: int = -1,
        subgraph: int = -1,
        flops: int = UNKNOWN,
        source: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> int:
        self._nodes.append([
            self._pool.add(name), self._pool.add(operator), int(kind), scope, subgraph, flops, 0,
            self._pool.add(source) if source else -1,
        ])  # fmt: skip
        self._attributes.append(dict(attributes) if attributes else None)
        return len(self._nodes) - 1

    def node_names(self, nodes: Iterable[int]) -> dict[int, str]:
        """Names of nodes that were added."""
        strings = self._pool.table()
        return {node: strings[self._nodes[node][0]] for node in nodes}

    def set_flops(self, node: int, flops: int) -> None:
        self._nodes[node][5] = flops

    def edge(
        self, source: int, target: int, tensor: str = "", dtype: str = "", shape: Shape = None
    ) -> None:
        """A tensor from one node to another; `shape` None means unknown, () a scalar."""
        kind = dtype, None if shape is None else tuple(shape)
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = (
                self._pool.add(dtype) if dtype else -1,
                -1 if shape is None else self._pool.add(shape_text(shape)),
                tensor_bytes(dtype, shape),
            )
        self._edges.append((source, target, self._pool.add(tensor), *known))

    def subgraph(self, name: str, owner: int) -> int:
        self._subgraphs.append((self._pool.add(name), owner))
        return len(self._subgraphs) - 1

    def parameter(self, name: str, dtype: str, shape: Shape) -> int:
        """Row of a parameter; the same name is the same parameter."""
        row = self._parameter_rows.get(name)
        if row is None:
            row = self._parameter_rows[name] = len(self._parameters)
            size = max(tensor_bytes(dtype, shape), 0)
            self._parameters.append(
                (
                    self._pool.add(name),
                    self._pool.add(dtype),
                    self._pool.add(shape_text(shape)),
                    size,
                )
            )
        return row

    def use(self, parameter: int, node: int) -> None:
        """The node reads the parameter."""
        if (parameter, node) not in self._uses:
            self._uses[parameter, node] = None
            self._nodes[node][6] += self._parameters[parameter][3]

    def origin(self, node: int, authored: int) -> None:
        """`node` of this stage was made from `authored` of the authored graph."""
        self._origins[node, authored] = None

    def problem(self, node: int, sentence: str) -> None:
        """Name on a node what is wrong with it."""
        self._problems.append((node, self._pool.add(sentence)))

    def build(self) -> Graph:
        return Graph(
            self._stage,
            Nodes.from_rows(self._nodes),
            Edges.from_rows(self._edges),
            Scopes.from_rows(self._scopes),
            Subgraphs.from_rows(self._subgraphs),
            Parameters.from_rows(self._parameters),
            ParameterUses.from_rows(self._uses),
            Origins.from_rows(self._origins),
            JsonText.from_objects(self._attributes),
            Problems.from_rows(self._problems),
        )
