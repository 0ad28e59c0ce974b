"""Which nodes work on the model's inputs, and which only on weights, constants and shapes."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.flow_order import flow_order
from profilers.analysis.operator_kinds import operator_kind
from profilers.profile import Graph, NodeKind, StringTable
from profilers.profile.json_column import decode

_NO_PARAMETERS: frozenset[int] = frozenset()


@dataclass(frozen=True)
class DataPath:
    """One entry per node of the graph.

    Attributes
    ----------
    kinds : list of str
        See `operator_kind`; "" for inputs, outputs and constants.
    feeders, readers : list of list of int
        Nodes that it reads, in the order of its operands, and nodes that read it.
    order : list of int
        All nodes in the order in which data flows.
    regions : dict of int to list of int
        The same of each subgraph alone, -1 for the main graph.
    is_data : list of bool
        It is computed from an input of the model, by more than its shape.
    parameters : list of frozenset of int
        Rows of parameters that it reads, itself or through nodes that only prepare weights.
    shapes : list of tuple of int
        Sizes of its result, sorted and without ones, so that layout does not matter.
    """

    kinds: list[str]
    feeders: list[list[int]]
    readers: list[list[int]]
    order: list[int]
    regions: dict[int, list[int]]
    is_data: list[bool]
    parameters: list[frozenset[int]]
    shapes: list[tuple[int, ...]]


def data_path(graph: Graph, strings: StringTable) -> DataPath:
    count = len(graph.nodes)
    feeders: list[list[int]] = [[] for _ in range(count)]
    readers: list[list[int]] = [[] for _ in range(count)]
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        feeders[target].append(source)
        readers[source].append(target)
    order = np.argsort(flow_order(graph), kind="stable").tolist()
    regions: dict[int, list[int]] = {}
    subgraphs = graph.nodes.subgraph.tolist()
    for row in order:
        regions.setdefault(subgraphs[row], []).append(row)
    kinds = _kinds(graph, strings)
    operands = _operands(graph, strings, feeders)
    is_data = _is_data(graph, kinds, operands, readers, order)
    parameters = _parameters(graph, feeders, order, is_data)
    return DataPath(
        kinds, feeders, readers, order, regions, is_data, parameters, _shapes(graph, strings)
    )


def _kinds(graph: Graph, strings: StringTable) -> list[str]:
    """An activation that is named by an attribute is of the kind that the name says."""
    works = {int(NodeKind.OPERATOR), int(NodeKind.CONTROL)}
    names = {row: operator_kind(strings[row]) for row in set(graph.nodes.operator.tolist())}
    kinds = [
        names[operator] if kind in works else ""
        for operator, kind in zip(
            graph.nodes.operator.tolist(), graph.nodes.kind.tolist(), strict=True
        )
    ]
    for row, kind in enumerate(kinds):
        if kind == "activation":
            kinds[row] = operator_kind(activation_of(graph, row) or "identity")
    return kinds


def activation_of(graph: Graph, node: int) -> str:
    """Name of the activation that a node applies by an attribute, "" for none."""
    if b'"activation":' not in graph.attributes.text(node):
        return ""
    name = decode(graph.attributes, node).get("activation")
    return name if isinstance(name, str) and name not in ("linear", "identity") else ""


def _operands(graph: Graph, strings: StringTable, feeders: list[list[int]]) -> list[list[int]]:
    """Feeders without those that only tell a dtype."""
    alike = {row for row in set(graph.nodes.operator.tolist()) if strings[row] == "CastLike"}
    if not alike:
        return feeders
    return [
        feeders[row][:1] if operator in alike else feeders[row]
        for row, operator in enumerate(graph.nodes.operator.tolist())
    ]


def _is_data(
    graph: Graph,
    kinds: list[str],
    operands: list[list[int]],
    readers: list[list[int]],
    order: list[int],
) -> list[bool]:
    is_input = (graph.nodes.kind == NodeKind.INPUT).tolist()
    is_data = [False] * len(kinds)
    for row in order:
        if is_input[row]:  # a weight may come as an argument, too
            is_data[row] = not any(kinds[reader] == "side" for reader in readers[row])
        elif kinds[row] not in ("", "measure"):
            is_data[row] = any(is_data[each] for each in operands[row])
    if not any(is_data[row] and kinds[row] for row in order):
        return [kind not in ("", "measure") for kind in kinds]  # nothing tells what the inputs are
    return is_data


def _parameters(
    graph: Graph, feeders: list[list[int]], order: list[int], is_data: list[bool]
) -> list[frozenset[int]]:
    own: dict[int, set[int]] = {}
    uses = graph.parameter_uses
    for parameter, node in zip(uses.parameter.tolist(), uses.node.tolist(), strict=True):
        own.setdefault(node, set()).add(parameter)
    found = [_NO_PARAMETERS] * len(is_data)
    for row in order:
        parts = [found[feeder] for feeder in feeders[row] if not is_data[feeder] and found[feeder]]
        if row in own:
            parts.append(frozenset(own[row]))
        if parts:
            found[row] = parts[0] if len(parts) == 1 else frozenset().union(*parts)
    return found


def _shapes(graph: Graph, strings: StringTable) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = [()] * len(graph.nodes)
    parsed: dict[int, tuple[int, ...]] = {}
    for source, text in zip(graph.edges.source.tolist(), graph.edges.shape.tolist(), strict=True):
        if text < 0 or shapes[source]:
            continue
        if text not in parsed:
            sizes = [int(size) for size in strings[text].split(",") if size.isdigit()]
            parsed[text] = tuple(sorted(size for size in sizes if size > 1))
        shapes[source] = parsed[text]
    return shapes
