"""Blocks of PyTorch's allocators from the profiler's memory events."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.captures.pytorch.collective_memory import ends_of_collectives, with_units
from profilers.captures.pytorch.training_memory import held_by_training, with_training_categories
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
    StringTable,
)
from profilers.profile.table import Int32, Int64
from profilers.request import InputSpec
from profilers.traces.chrome_trace import ChromeTrace
from profilers.traces.kineto_memory import MemoryEvents, memory_events

_Row = tuple[int, int, int, int, int, int, int, int]
_SOURCE = "Allocator events of torch.profiler inside the profiled steps; weights and inputs from the model."


def torch_memory(
    found: ChromeTrace,
    slices: Slices,
    graph: Graph,
    inputs: Sequence[InputSpec],
    device: str,
    training: Mapping[str, Any] | None = None,
    units: Mapping[str, Sequence[str]] | None = None,
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
    training : mapping, optional
        What `profilers.runtimes.pytorch.steps` tells of a training step.
    units : mapping, optional
        The names of the parameters that FSDP gathers together, by the path of their module.
    """
    pool = found.pool
    events, lies_on = memory_events(found), pool.add(device)
    model = Allocations.from_rows([*_weights(graph, lies_on), *_input_rows(graph, inputs, lies_on)])
    strings = pool.table()
    blocks = _blocks(events, slices, strings)
    counters = _sound(events, blocks, pool.add("cpu"))
    if training:
        blocks = with_training_categories(blocks, slices, strings, graph, training)
        state = held_by_training(graph, strings, training, lies_on)
        model = Allocations.joined([model, state])
    if units:
        blocks = with_units(blocks, slices, strings, graph, units)
    return Memory(_SOURCE, Allocations.joined([model, blocks]), counters)


def _blocks(events: MemoryEvents, slices: Slices, strings: StringTable) -> Allocations:
    """What the run allocated; what an operator frees again before it ends was its scratch."""
    allocs, freed_by, _ = events.blocks()
    row = events.slice[allocs]
    blocks = Allocations.of(
        allocated_ns=events.time_ns[allocs],
        freed_ns=np.append(events.time_ns, NEVER_NS)[freed_by],
        bytes=events.bytes[allocs],
        device=events.device[allocs],
        category=np.full(len(row), MemoryCategory.ACTIVATION),
        slice=row,
        node=_makers(slices, row, events.time_ns[allocs]),
        parameter=np.full(len(row), -1),
    )
    blocks = _ended_unseen(blocks, np.append(events.bytes, 0)[freed_by] >= 0, slices, strings)
    ends = np.append(_outermost_ends(slices), -1)[row]
    is_scratch = blocks.freed_ns <= ends
    return blocks.replace(category=np.where(is_scratch, MemoryCategory.TEMPORARY, blocks.category))


def _makers(slices: Slices, row: Int64, time_ns: Int64) -> Int32:
    """Node of each block's slice; a block that no operator asked for, such as a constant that Python
    wrote into the model's code, is made for the operator that runs next in the same range."""
    node: Int32 = np.append(slices.node, -1)[row].astype(np.int32)
    is_linked = (slices.kind == SliceKind.OPERATOR) & (slices.node >= 0)
    is_range = np.append(slices.kind == SliceKind.SCOPE, False)
    lost = (node < 0) & is_range[row]
    for track in np.unique(slices.track[row[lost]]).tolist():
        operators = np.flatnonzero(is_linked & (slices.track == track))
        operators = operators[np.argsort(slices.start_ns[operators], kind="stable")]
        own = np.flatnonzero(lost & (slices.track[row] == track))
        at = np.searchsorted(slices.start_ns[operators], time_ns[own])
        after = np.append(operators, -1)[at]
        ends = slices.start_ns[row[own]] + slices.duration_ns[row[own]]
        is_inside = (after >= 0) & (slices.start_ns[after] < ends)
        node[own] = np.where(is_inside, slices.node[after], -1)
    return node


def _ended_unseen(
    blocks: Allocations, is_unseen: NDArray[np.bool_], slices: Slices, strings: StringTable
) -> Allocations:
    """Blocks whose end nobody saw: a buffer of a collective ends with it, as far as one can tell."""
    ends = ends_of_collectives(slices, strings, blocks)
    is_ended = is_unseen & (ends >= 0) & (ends < blocks.freed_ns)
    return blocks.replace(freed_ns=np.where(is_ended, ends, blocks.freed_ns))


def _sound(events: MemoryEvents, blocks: Allocations, host: int) -> MemoryCounters:
    """What the allocators count; the host's forgets what threads free that are not profiled."""
    counters, frees = events.counters(), events.bytes < 0
    frees[events.blocks()[2]] = False
    ended = (blocks.device == host) & (blocks.freed_ns != NEVER_NS)
    if int(ended.sum()) == int((frees & (events.device == host)).sum()):
        return counters
    return counters.take(np.flatnonzero(counters.device != host))


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
