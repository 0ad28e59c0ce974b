"""The one authored node that stands for each instruction, also for those that XLA added."""

from collections.abc import Sequence

import numpy as np

from profilers.graphs.hlo_graph import operands_of
from profilers.graphs.hlo_program import HloProgram
from profilers.profile import Graph, NodeKind


def standing_nodes(
    program: HloProgram,
    authored: Graph,
    made_of: Sequence[Sequence[int]],
    strings: Sequence[str],
) -> list[int]:
    """The authored node that stands for each place: the heaviest of its own.

    What XLA added, such as a copy, stands for that of what it reads, else of what reads it, else of
    the body that it is in. What makes a result of the program without any name, as where XLA found
    that the whole model only copies, stands for the operator that gives this result.
    """
    near = [_heaviest(nodes, authored) for nodes in made_of]
    operands = operands_of(program)
    for number, read in enumerate(operands):
        if near[number] < 0:
            near[number] = next((near[each] for each in read if near[each] >= 0), -1)
    for number, node in _results(program, authored, operands, strings):
        if near[number] < 0:
            near[number] = node
    for number in range(len(operands) - 1, -1, -1):
        for each in operands[number]:
            if near[each] < 0:
                near[each] = near[number]
    for number, place in enumerate(program.places):
        if near[number] < 0 and place.owner >= 0:
            near[number] = near[place.owner]
    return near


def _heaviest(nodes: Sequence[int], authored: Graph) -> int:
    """The one with most FLOPs; not a loop or branch around another of them. -1 of none."""
    around: set[int] = set()
    for node in nodes:
        subgraph = int(authored.nodes.subgraph[node])
        while subgraph >= 0:
            owner = int(authored.subgraphs.owner[subgraph])
            around.add(owner)
            subgraph = int(authored.nodes.subgraph[owner])
    flops = authored.nodes.flops
    return max(
        (node for node in nodes if node not in around),
        key=lambda node: int(flops[node]),
        default=-1,
    )


def _results(
    program: HloProgram,
    authored: Graph,
    operands: Sequence[Sequence[int]],
    strings: Sequence[str],
) -> list[tuple[int, int]]:
    """Places that make the program's results, each with the authored node of that result."""
    roots = (
        number
        for number, place in enumerate(program.places)
        if place.owner < 0 and place.instruction.id == place.computation.root_id
    )
    root = next(roots, -1)
    if root < 0:
        return []
    is_tuple = program.places[root].instruction.opcode == "tuple"
    places = operands[root] if is_tuple else [root]
    makers = _result_makers(authored, strings)
    return list(zip(places, makers, strict=True)) if len(places) == len(makers) else []


def _result_makers(authored: Graph, strings: Sequence[str]) -> list[int]:
    """Operators that give the model's results: of its outputs, else the one that nobody reads."""
    nodes, edges = authored.nodes, authored.edges
    is_output = (nodes.kind == NodeKind.OUTPUT) & (nodes.subgraph < 0)
    makers = edges.source[is_output[edges.target]].tolist()
    if not makers:
        is_last = (nodes.kind == NodeKind.OPERATOR) & (nodes.subgraph < 0)
        is_last[edges.source] = False
        makers = np.intersect1d(np.flatnonzero(is_last), edges.target).tolist()
        makers = makers if len(makers) == 1 else []
    source_of = dict(zip(edges.target.tolist(), edges.source.tolist(), strict=True))
    found = []
    for node in makers:
        seen: set[int] = set()
        while (
            strings[nodes.operator[node]] == "Identity" and node in source_of and node not in seen
        ):
            seen.add(node)
            node = source_of[node]
        found.append(node)
    return found
