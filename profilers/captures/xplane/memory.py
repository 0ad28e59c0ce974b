"""Memory of a TensorFlow capture: the allocator's events with their nodes, variables and inputs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from profilers.graphs.builder import tensor_bytes
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Graph,
    Memory,
    MemoryCategory,
    NodeKind,
    StringPool,
)
from profilers.request import RunRequest


def complete_memory(
    traced: Memory,
    node: Sequence[int],
    authored: Graph,
    request: RunRequest,
    strings: Sequence[str],
    pool: StringPool,
) -> Memory:
    """Give allocations their nodes; add what was alive from the start.

    What a node asked for is a result, unless the allocator said otherwise: so do XLA's programs.

    Parameters
    ----------
    traced : Memory
        As the trace tells it.
    node : sequence of int
        Authored node of each of its allocations, -1 for none.
    """
    made = traced.allocations.replace(node=np.array(node, np.int32))
    is_result = (made.category == MemoryCategory.UNKNOWN) & (made.node >= 0)
    made = made.replace(category=np.where(is_result, MemoryCategory.ACTIVATION, made.category))
    device = pool.add(request.device)
    standing = _parameters(authored, device) + _inputs(authored, request, device, strings)
    allocations = Allocations.joined([Allocations.from_rows(standing), made])
    source = traced.source or "no allocator events"
    return replace(
        traced, source=f"{source}; variables and inputs by their size", allocations=allocations
    )


def _parameters(authored: Graph, device: int) -> list[tuple[int, ...]]:
    return [
        (0, NEVER_NS, size, device, MemoryCategory.PARAMETER, -1, -1, row)
        for row, size in enumerate(authored.parameters.bytes.tolist())
    ]


def _inputs(
    authored: Graph, request: RunRequest, device: int, strings: Sequence[str]
) -> list[tuple[int, ...]]:
    nodes = authored.nodes
    is_input = (nodes.kind == NodeKind.INPUT) & (nodes.subgraph < 0)
    by_name = {strings[nodes.name[row]]: int(row) for row in np.flatnonzero(is_input)}
    sizes = [
        (spec.name, tensor_bytes(spec.dtype, [s for s in spec.shape if isinstance(s, int)]))
        for spec in request.inputs
    ]
    return [
        (0, NEVER_NS, size, device, MemoryCategory.INPUT, -1, by_name.get(name, -1), -1)
        for name, size in sizes
        if size > 0
    ]
