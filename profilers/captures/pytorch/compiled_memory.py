"""Whose the blocks of a compiled run are: Inductor makes its buffers without an operator."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from profilers.captures.enclosing_slices import inherited
from profilers.captures.pytorch.compiled_links import GRAPH_CALL
from profilers.profile import Memory, MemoryCategory, Slices, StringTable
from profilers.profile.table import Int64

_ROUNDING = 512  # bytes, to a multiple of which CUDA's allocator makes blocks


def with_makers(memory: Memory, slices: Slices) -> Memory:
    """Buffers that no operator allocated belong to the next kernel: they are made right before it.

    Parameters
    ----------
    slices : Slices
        With nodes and groups.
    """
    blocks = memory.allocations
    makers = np.append(slices.node, -1)[_next_kernels(memory, slices)]
    wanted = (blocks.slice >= 0) & (blocks.node < 0)
    nodes = np.where(wanted, makers, blocks.node)
    return replace(memory, allocations=blocks.replace(node=nodes))


def with_gradients(
    memory: Memory,
    slices: Slices,
    strings: StringTable,
    sizes: Int64,
    gradients: Mapping[int, Sequence[int]],
) -> Memory:
    """The weight of each gradient that outlives its backward graph: of its size, by the same kernel.

    Parameters
    ----------
    slices : Slices
        With nodes and groups.
    sizes : int64 array
        Bytes of each weight.
    gradients : mapping
        The weights whose gradients a slice of a kernel writes, by the slice.
    """
    blocks = memory.allocations
    ends = np.append(_ends_of_calls(slices, strings), -1)[blocks.slice]
    rows = np.arange(len(slices), dtype=np.int32)
    writers = inherited(slices, np.where(np.isin(rows, list(gradients)), rows, np.int32(-1)))
    own = np.append(writers, -1)[blocks.slice]
    kernels = np.where(own >= 0, own, _next_kernels(memory, slices))
    is_gradient = (blocks.category == MemoryCategory.GRADIENT) & (ends >= 0)
    waiting = {kernel: list(weights) for kernel, weights in gradients.items()}
    parameter = np.where(is_gradient, -1, blocks.parameter)
    for row in np.flatnonzero(is_gradient & (blocks.freed_ns > ends)).tolist():
        free, size = waiting.get(int(kernels[row]), []), int(blocks.bytes[row])
        found = next((each for each in free if 0 <= size - int(sizes[each]) < _ROUNDING), -1)
        if found >= 0:
            parameter[row] = found
            free.remove(found)
    return replace(memory, allocations=blocks.replace(parameter=parameter))


def _next_kernels(memory: Memory, slices: Slices) -> Int64:
    """For each block the first slice of a kernel that begins after it was made, -1 for none."""
    kernels = np.flatnonzero((slices.group >= 0) & (slices.node >= 0))
    kernels = kernels[np.argsort(slices.start_ns[kernels], kind="stable")]
    following = np.searchsorted(slices.start_ns[kernels], memory.allocations.allocated_ns)
    return np.append(kernels, -1)[following]


def _ends_of_calls(slices: Slices, strings: StringTable) -> Int64:
    """For each slice the end of the run of a compiled graph around it, -1 outside of any."""
    is_call = np.array([text.startswith(GRAPH_CALL) for text in strings], np.bool_)
    ends = np.where(is_call[slices.name], slices.start_ns + slices.duration_ns, -1)
    for depth in range(1, int(slices.depth.max(initial=0)) + 1):
        rows = np.flatnonzero((slices.depth == depth) & (slices.parent >= 0) & (ends < 0))
        ends[rows] = ends[slices.parent[rows]]
    return ends
