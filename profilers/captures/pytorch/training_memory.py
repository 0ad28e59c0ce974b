"""Categories of blocks in a training step: gradients, optimiser state, and whose they are."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.captures.pytorch.files import BACKWARD_RANGE, OPTIMISER_RANGE
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Graph,
    MemoryCategory,
    SliceKind,
    Slices,
    StringTable,
)
from profilers.profile.table import Int64

_HELD = (
    ("optimiser_state_bytes", MemoryCategory.OPTIMISER_STATE),
    ("bucket_bytes", MemoryCategory.GRADIENT),
)


def held_by_training(
    graph: Graph, strings: StringTable, told: Mapping[str, Any], device: int
) -> Allocations:
    """What the optimiser keeps for each weight, and DDP to average its gradient in.

    It was made before the first profiled step.

    Parameters
    ----------
    told : mapping
        "optimiser_state_bytes" of `profilers.runtimes.pytorch.steps` and, of DDP, "bucket_bytes", by
        the weight's name.
    device : int
        String row of where it lies.
    """
    return Allocations.from_rows([
        (0, NEVER_NS, told[key][strings[name]], device, category, -1, -1, row)
        for key, category in _HELD
        for row, name in enumerate(graph.parameters.name.tolist())
        if told.get(key, {}).get(strings[name], 0) > 0
    ])  # fmt: skip


def with_training_categories(
    blocks: Allocations, slices: Slices, strings: StringTable, graph: Graph, told: Mapping[str, Any]
) -> Allocations:
    """Blocks that backward made are gradients, if they outlive the operator that made them.

    A gradient that outlives backward is that of a weight. What the optimiser makes and keeps is its
    state. Categories of scratch stay.
    """
    begins, ends = _ranges(slices, strings, BACKWARD_RANGE)
    backward = _within(blocks.allocated_ns, begins, ends)
    optimiser = _within(blocks.allocated_ns, *_ranges(slices, strings, OPTIMISER_RANGE))
    is_scratch = blocks.category == MemoryCategory.TEMPORARY
    category = blocks.category.copy()
    category[(backward >= 0) & ~is_scratch] = MemoryCategory.GRADIENT
    category[(optimiser >= 0) & ~is_scratch] = MemoryCategory.TEMPORARY
    category[(optimiser >= 0) & (blocks.freed_ns == NEVER_NS)] = MemoryCategory.OPTIMISER_STATE
    outlives = blocks.freed_ns > np.append(ends, NEVER_NS)[backward]
    kept = np.flatnonzero((category == MemoryCategory.GRADIENT) & outlives)
    parameter = blocks.parameter.copy()
    parameter[kept] = _weights_of(blocks.take(kept), backward[kept], graph, strings, told)
    return blocks.replace(category=category, parameter=parameter)


def _weights_of(
    gradients: Allocations,
    step: NDArray[np.intp],
    graph: Graph,
    strings: StringTable,
    told: Mapping[str, Any],
) -> list[int]:
    """The weight of each gradient: of its size, and read by the node that it was made for.

    Each weight has one gradient in a step. If the node is not known, the size must be that of one
    weight alone.
    """
    sizes = told.get("gradient_bytes", {})
    of_node, of_size = (
        defaultdict[tuple[int, int], list[int]](list),
        defaultdict[int, list[int]](list),
    )
    size_of = [sizes.get(strings[name], -1) for name in graph.parameters.name.tolist()]
    for row, size in enumerate(size_of):
        of_size[size].append(row)
    uses = graph.parameter_uses
    for row, node in zip(uses.parameter.tolist(), uses.node.tolist(), strict=True):
        of_node[node, size_of[row]].append(row)
    taken: set[tuple[int, int]] = set()
    found = []
    for number, node, size in zip(
        step.tolist(), gradients.node.tolist(), gradients.bytes.tolist(), strict=True
    ):
        alone = of_size[size] if len(of_size[size]) == 1 else []
        free = (row for row in of_node[node, size] or alone if (number, row) not in taken)
        row = next(free, -1)
        taken.add((number, row))
        found.append(row)
    return found


def _ranges(slices: Slices, strings: StringTable, name: str) -> tuple[Int64, Int64]:
    """Begin and end of each range of that name, in order of time."""
    rows = np.flatnonzero(
        (slices.name == strings.find(name)) & (slices.kind == SliceKind.ANNOTATION)
    )
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    return slices.start_ns[rows], slices.start_ns[rows] + slices.duration_ns[rows]


def _within(time_ns: Int64, begins: Int64, ends: Int64) -> NDArray[np.intp]:
    """Which range each time lies in, -1 for none; threads of autograd count by their time."""
    at = np.searchsorted(begins, time_ns, "right") - 1
    return np.where((at >= 0) & (time_ns < np.append(ends, 0)[at]), at, -1)
