"""A TFLite model as its interpreter runs it: what a delegate took is one node."""

from collections.abc import Sequence
from dataclasses import replace

from profilers.captures.tflite.plan import TfliteRun, Unit
from profilers.graphs.tflite_graph import TfliteModel
from profilers.profile import UNKNOWN, Edges, Graph, JsonText, NodeKind, Nodes, Origins, StringPool

STAGE = "delegated"


def delegated_stage(
    model: TfliteModel, told: TfliteRun, pool: StringPool
) -> tuple[Graph, Sequence[int]]:
    """The graph, and the row of each part of the delegate in the order in which they run.

    Bodies of control flow stay with the authored graph.
    """
    nodes = model.graph.nodes
    rows: list[tuple[int, ...]] = []
    row_of: dict[int, int] = {}
    partitions: list[int] = []
    for authored, kind in enumerate(nodes.kind.tolist()):
        if kind in (NodeKind.INPUT, NodeKind.OUTPUT) and nodes.subgraph[authored] < 0:
            row_of[authored] = len(rows)
            rows.append(_copied(nodes, authored))
    for unit in told.units:
        members = [model.operators[at] for at in unit.operators]
        row_of.update(dict.fromkeys(members, len(rows)))
        if unit.is_delegated:
            partitions.append(len(rows))
            name = pool.add(f"{told.delegate} {len(partitions)}")
            rows.append(_joined(nodes, members, name, pool.add(told.delegate)))
        else:
            rows.append(_copied(nodes, members[0]))
    graph = replace(
        Graph.empty(STAGE),
        nodes=Nodes.from_rows(rows),
        edges=_edges(model.graph, row_of),
        origins=Origins.from_rows((row, authored) for authored, row in row_of.items()),
        attributes=JsonText.from_objects(_attributes(told.units, len(rows))),
    )
    return graph, partitions


def _copied(nodes: Nodes, row: int) -> tuple[int, ...]:
    kind = NodeKind.OPERATOR if nodes.kind[row] == NodeKind.CONTROL else int(nodes.kind[row])
    return (
        int(nodes.name[row]), int(nodes.operator[row]), kind, -1, -1, int(nodes.flops[row]),
        int(nodes.parameter_bytes[row]), -1,
    )  # fmt: skip


def _joined(nodes: Nodes, members: list[int], name: int, operator: int) -> tuple[int, ...]:
    known = [int(flops) for flops in nodes.flops[members] if flops != UNKNOWN]
    flops = sum(known) if known else UNKNOWN
    held = int(nodes.parameter_bytes[members].sum())
    return name, operator, int(NodeKind.OPERATOR), -1, -1, flops, held, -1


def _attributes(units: Sequence[Unit], count: int) -> list[dict[str, int] | None]:
    """How many operators each part holds; units come last."""
    parts = [{"operators": len(u.operators)} if u.is_delegated else None for u in units]
    return [*([None] * (count - len(parts))), *parts]


def _edges(graph: Graph, row_of: dict[int, int]) -> Edges:
    """Tensors between different units, each once per reader."""
    edges = graph.edges
    columns = (edges.source, edges.target, edges.tensor, edges.dtype, edges.shape, edges.bytes)
    found: dict[tuple[int, ...], None] = {}
    for source, target, *rest in zip(*(column.tolist() for column in columns), strict=True):
        ends = row_of.get(source, -1), row_of.get(target, -1)
        if min(ends) >= 0 and ends[0] != ends[1]:
            found[(*ends, *rest)] = None
    return Edges.from_rows(found)
