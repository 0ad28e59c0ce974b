"""Input specifications of TensorFlow graphs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from profilers.graphs.builder import Shape
from profilers.graphs.tensorflow_protos import dtype_name
from profilers.graphs.tf_input_guess import guessed_shape
from profilers.graphs.tf_nodes import output_shapes
from profilers.profile import Graph, NodeKind, StringTable
from profilers.request import InputSpec

_LOOKUPS = frozenset({"Gather", "GatherV2", "ResourceGather", "GATHER", "EMBEDDING_LOOKUP"})
_ABOUT_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "SHAPE", "RANK"})


def spec(name: str, dtype: str, shape: Shape) -> InputSpec:
    """An input as a graph states it; a dynamic dimension is named after its axis, ``?0``.

    A type or rank that the file does not tell is guessed: float32, no dimensions.
    """
    sizes = tuple(f"?{axis}" if size is None else size for axis, size in enumerate(shape or ()))
    known = dtype not in ("", "resource", "variant")
    return InputSpec(name, dtype if known else "float32", sizes, guessed=shape is None or not known)


def spec_in(nodes: Sequence[Any], name: str, dtype: str, shape: Shape) -> InputSpec:
    """The same of the placeholder `name` of a graph: an open rank is guessed from what reads it."""
    known = spec(name, dtype, shape)
    guess = guessed_shape(name, nodes) if shape is None else None
    return known if guess is None else replace(spec(name, dtype, guess), guessed=True)


def placeholder_specs(nodes: Sequence[Any], names: Sequence[str]) -> tuple[InputSpec, ...]:
    """Those of the placeholders `names` of a graph, as their nodes state them."""
    by_name = {node.name: node for node in nodes}
    specs = []
    for name in names:
        shapes = output_shapes(by_name[name])
        dtype = dtype_name(by_name[name].attr["dtype"].type)
        specs.append(spec_in(nodes, name, dtype, shapes[0] if shapes else None))
    return tuple(specs)


def within_vocabulary(
    specs: Sequence[InputSpec], graph: Graph, strings: StringTable
) -> tuple[InputSpec, ...]:
    """The same inputs with integers bounded by the embedding table that they index."""
    limits = token_limits(graph, strings)
    return tuple(
        replace(spec, low=0, high=limits[spec.name]) if spec.name in limits else spec
        for spec in specs
    )


def token_limits(graph: Graph, strings: StringTable) -> dict[str, int]:
    """Rows of the smallest weight that each integer input indexes, by the input's name."""
    readers: dict[int, list[int]] = defaultdict(list)
    edges = graph.edges
    for source, target, dtype in zip(edges.source, edges.target, edges.dtype, strict=True):
        if strings[dtype] in ("int32", "int64"):
            readers[int(source)].append(int(target))
    rows = _table_rows(graph, strings)
    inputs = np.flatnonzero((graph.nodes.kind == NodeKind.INPUT) & (graph.nodes.subgraph < 0))
    limits = {
        strings[graph.nodes.name[node]]: _limit(int(node), readers, rows, graph, strings)
        for node in inputs
    }
    return {name: limit for name, limit in limits.items() if limit}


def _table_rows(graph: Graph, strings: StringTable) -> dict[int, int]:
    """First dimension of the weight that each lookup reads."""
    rows = {}
    uses = graph.parameter_uses
    for parameter, node in zip(uses.parameter, uses.node, strict=True):
        first = strings[graph.parameters.shape[parameter]].split(",")[0]
        if strings[graph.nodes.operator[node]] in _LOOKUPS and first.isdecimal():
            rows[int(node)] = int(first)
    return rows


def _limit(
    start: int,
    readers: Mapping[int, list[int]],
    rows: Mapping[int, int],
    graph: Graph,
    strings: StringTable,
) -> int:
    """Smallest table that the integers from `start` reach, 0 if none."""
    found: list[int] = []
    seen = {start}
    waiting = [start]
    while waiting:
        for target in readers.get(waiting.pop(), ()):
            if target in seen:
                continue
            seen.add(target)
            operator = strings[graph.nodes.operator[target]]
            if target in rows:
                found.append(rows[target])
            elif operator not in _ABOUT_SHAPES:
                waiting.append(target)
    return min(found, default=0)
