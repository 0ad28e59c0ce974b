"""Blocks of PyTorch's allocators from the profiler's memory events."""

from collections.abc import Sequence

import numpy as np

from profilers.graphs.builder import tensor_bytes
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Graph,
    Memory,
    MemoryCategory,
    NodeKind,
    SliceKind,
    Slices,
    StringPool,
)
from profilers.profile.table import Int32, Int64
from profilers.request import InputSpec
from profilers.traces.chrome_json import ChromeTrace
from profilers.traces.kineto_memory import (
    AllocationRow,
    MemoryArguments,
    counters_told,
    memory_events,
)

_SOURCE = "Allocator events of torch.profiler inside the profiled steps; weights and inputs from the model."


def torch_memory(
    found: ChromeTrace,
    slices: Slices,
    graph: Graph,
    inputs: Sequence[InputSpec],
    device: str,
) -> Memory:
    """Allocations with the slice and node that made them.

    Parameters
    ----------
    slices : Slices
        With their nodes.
    graph : Graph
        Its parameters are alive from beginning to end.
    inputs : sequence of InputSpec
        As the run used them.
    device : str
        Where weights and inputs lie: "cpu", "cuda:0".
    """
    pool = found.pool
    times, told, rows = memory_events(
        found.events,
        found.instant_arguments,
        found.trace.slices,
        found.track_rows,
        found.origin_ns,
        pool,
    )
    table: list[AllocationRow] = [
        *_weights(graph, pool.add(device)),
        *_input_rows(graph, inputs, pool.add(device)),
        *_blocks(times, told, rows, slices, pool),
    ]
    return Memory(_SOURCE, Allocations.from_rows(table), counters_told(times, told, pool))


def _blocks(
    times: Int64,
    told: Sequence[MemoryArguments],
    rows: Int64,
    slices: Slices,
    pool: StringPool,
) -> list[AllocationRow]:
    """Allocation and release paired by device and address."""
    ends = _outermost_ends(slices)
    open_blocks: dict[tuple[int, int, int], int] = {}
    table: list[list[int]] = []
    for time, each, row in zip(times.tolist(), told, rows.tolist(), strict=True):
        key = each.block
        if each.size > 0:
            open_blocks[key] = len(table)
            node = int(slices.node[row]) if row >= 0 else -1
            table.append([
                time, NEVER_NS, each.size, pool.add(each.device),
                int(MemoryCategory.ACTIVATION), row, node, -1,
            ])  # fmt: skip
        elif key in open_blocks:
            block = table[open_blocks.pop(key)]
            block[1] = time
            if block[5] >= 0 and time <= ends[block[5]]:
                block[4] = int(MemoryCategory.TEMPORARY)
    return [_row(block) for block in table]


def _row(block: list[int]) -> AllocationRow:
    allocated, freed, size, device, category, row, node, parameter = block
    return allocated, freed, size, device, category, row, node, parameter


def _outermost_ends(slices: Slices) -> Int64:
    """For each slice the end of the outermost operator around it: what is freed by then was scratch."""
    ends = slices.start_ns + slices.duration_ns
    is_operator = slices.kind == SliceKind.OPERATOR
    reach = np.where(is_operator, ends, -1)
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0))
        reach[rows] = np.maximum(reach[rows], reach[slices.parent[rows]])
    return reach


def _weights(graph: Graph, device: int) -> list[AllocationRow]:
    return [
        (0, NEVER_NS, size, device, int(MemoryCategory.PARAMETER), -1, -1, row)
        for row, size in enumerate(graph.parameters.bytes.tolist())
    ]


def _input_rows(graph: Graph, inputs: Sequence[InputSpec], device: int) -> list[AllocationRow]:
    is_input = (graph.nodes.kind == NodeKind.INPUT) & (graph.nodes.subgraph < 0)
    nodes: Int32 = np.flatnonzero(is_input).astype(np.int32)
    rows = []
    for number, spec in enumerate(inputs):
        node = int(nodes[number]) if number < len(nodes) else -1
        size = max(tensor_bytes(spec.dtype, spec.shape), 0)
        rows.append((0, NEVER_NS, size, device, int(MemoryCategory.INPUT), -1, node, -1))
    return rows
