"""Blocks of PyTorch's allocators from the profiler's memory events."""

from collections.abc import Sequence

import msgspec
import numpy as np

from profilers.graphs.builder import tensor_bytes
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Graph,
    Memory,
    MemoryCategory,
    MemoryCounters,
    NodeKind,
    SliceKind,
    Slices,
    StringPool,
)
from profilers.profile.table import Int32, Int64
from profilers.request import InputSpec
from profilers.traces.chrome_flows import innermost
from profilers.traces.chrome_json import ChromeTrace

_SOURCE = "Allocator events of torch.profiler inside the profiled steps; weights and inputs from the model."
_MEMORY_EVENT = "[memory]"
_Row = tuple[int, int, int, int, int, int, int, int]


class _Arguments(msgspec.Struct):
    address: int = msgspec.field(name="Addr", default=0)
    size: int = msgspec.field(name="Bytes", default=0)
    device_type: int = msgspec.field(name="Device Type", default=0)
    device_id: int = msgspec.field(name="Device Id", default=-1)
    allocated: int = msgspec.field(name="Total Allocated", default=-1)
    reserved: int = msgspec.field(name="Total Reserved", default=-1)


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
    times, arguments, rows = _events(found)
    table: list[_Row] = [
        *_weights(graph, pool.add(device)),
        *_input_rows(graph, inputs, pool.add(device)),
        *_blocks(times, arguments, rows, slices, pool),
    ]
    counters = [
        (time, pool.add(_device(each)), each.allocated, each.reserved or -1)
        for time, each in zip(times.tolist(), arguments, strict=True)
        if each.allocated >= 0
    ]
    return Memory(_SOURCE, Allocations.from_rows(table), MemoryCounters.from_rows(counters))


def _events(found: ChromeTrace) -> tuple[Int64, list[_Arguments], Int64]:
    """Time, arguments and enclosing slice of each memory event, in time order."""
    instants = found.events.instants
    decoder = msgspec.json.Decoder(_Arguments)
    chosen, arguments = [], []
    for row in np.flatnonzero(instants.name == found.pool.add(_MEMORY_EVENT)).tolist():
        try:
            arguments.append(decoder.decode(found.instant_arguments.text(row)))
        except msgspec.DecodeError:
            continue
        chosen.append(row)
    rows = np.array(chosen, np.int64)
    times = instants.start_ns[rows] - found.origin_ns
    tracks = found.track_rows[instants.track[rows]]
    order = np.argsort(times, kind="stable")
    enclosing = innermost(found.trace.slices, tracks, times)
    return times[order], [arguments[row] for row in order.tolist()], enclosing[order]


def _blocks(
    times: Int64,
    arguments: list[_Arguments],
    rows: Int64,
    slices: Slices,
    pool: StringPool,
) -> list[_Row]:
    """Allocation and release paired by device and address."""
    ends = _outermost_ends(slices)
    open_blocks: dict[tuple[int, int, int], int] = {}
    table: list[list[int]] = []
    for time, each, row in zip(times.tolist(), arguments, rows.tolist(), strict=True):
        key = (each.device_type, each.device_id, each.address)
        if each.size > 0:
            open_blocks[key] = len(table)
            node = int(slices.node[row]) if row >= 0 else -1
            table.append([
                time, NEVER_NS, each.size, pool.add(_device(each)),
                int(MemoryCategory.ACTIVATION), row, node, -1,
            ])  # fmt: skip
        elif key in open_blocks:
            block = table[open_blocks.pop(key)]
            block[1] = time
            if block[5] >= 0 and time <= ends[block[5]]:
                block[4] = int(MemoryCategory.TEMPORARY)
    return [_row(block) for block in table]


def _row(block: list[int]) -> _Row:
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


def _weights(graph: Graph, device: int) -> list[_Row]:
    return [
        (0, NEVER_NS, size, device, int(MemoryCategory.PARAMETER), -1, -1, row)
        for row, size in enumerate(graph.parameters.bytes.tolist())
    ]


def _input_rows(graph: Graph, inputs: Sequence[InputSpec], device: int) -> list[_Row]:
    is_input = (graph.nodes.kind == NodeKind.INPUT) & (graph.nodes.subgraph < 0)
    nodes: Int32 = np.flatnonzero(is_input).astype(np.int32)
    rows = []
    for number, spec in enumerate(inputs):
        node = int(nodes[number]) if number < len(nodes) else -1
        size = max(tensor_bytes(spec.dtype, spec.shape), 0)
        rows.append((0, NEVER_NS, size, device, int(MemoryCategory.INPUT), -1, node, -1))
    return rows


def _device(each: _Arguments) -> str:
    if each.device_type == 0:
        return "cpu"
    name = "cuda" if each.device_type == 1 else f"device {each.device_type}"
    return f"{name}:{max(each.device_id, 0)}"
