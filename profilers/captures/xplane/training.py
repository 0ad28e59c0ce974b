"""A training step's own: backward tied to forward, gradients and optimiser state in memory."""

from bisect import bisect_right
from collections.abc import Set
from dataclasses import replace

import numpy as np

from profilers.profile import (
    Flows,
    Memory,
    MemoryCategory,
    Profile,
    SliceKind,
    StringPool,
)
from profilers.profile.table import Int32, Int64

_LEAST_BLOCK = 512
FORWARD_TO_BACKWARD = "fwdbwd"  # PyTorch's word for this kind of flow


def with_training(profile: Profile, optimiser_variables: Set[str], forward: Int32) -> Profile:
    """The same profile with what its backward tells; one that changes no variable stays as it is.

    Parameters
    ----------
    forward : ndarray of int32
        For each authored node the one whose gradient it is, -1 for none.
    optimiser_variables : set of str
        Names among the parameters of what belongs to an optimiser.
    """
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    is_written = any(each.startswith("Assign") for each in operators)
    if not (forward >= 0).any() and not optimiser_variables and not is_written:
        return profile
    return _with_flows(_with_categories(profile, forward, optimiser_variables), forward)


def _with_categories(profile: Profile, forward: Int32, optimiser_variables: Set[str]) -> Profile:
    """What a gradient's node makes is a gradient; an optimiser's variables are its state."""
    allocations, parameters = profile.memory.allocations, profile.authored.parameters
    is_state = np.array(
        [profile.strings[name] in optimiser_variables for name in parameters.name] + [False]
    )
    is_gradient = np.append(forward >= 0, False)
    category = allocations.category.copy()
    made = (category == MemoryCategory.ACTIVATION) | (category == MemoryCategory.UNKNOWN)
    category[made & is_gradient[allocations.node]] = MemoryCategory.GRADIENT
    parameter = _old_versions(profile.memory, parameters.bytes)
    category[(parameter >= 0) & (category == MemoryCategory.UNKNOWN)] = MemoryCategory.PARAMETER
    category[is_state[parameter]] = MemoryCategory.OPTIMISER_STATE
    allocations = allocations.replace(category=category, parameter=parameter)
    return replace(profile, memory=replace(profile.memory, allocations=allocations))


def _old_versions(memory: Memory, sizes: Int64) -> Int32:
    """The parameter of each allocation, also of blocks that an update freed in the first step.

    These were there before the trace, which does not tell what they held. The allocator's blocks are
    less than twice as large as what was asked for.
    """
    allocations = memory.allocations
    parameter = allocations.parameter.copy()
    is_old = (allocations.category == MemoryCategory.UNKNOWN) & (allocations.allocated_ns == 0)
    left = np.argsort(sizes, kind="stable").tolist()
    left_sizes = sizes[left].tolist()
    by_size = sorted(np.flatnonzero(is_old).tolist(), key=lambda row: -int(allocations.bytes[row]))
    for row in by_size:
        block = int(allocations.bytes[row])
        largest = bisect_right(left_sizes, block) - 1
        if largest >= 0 and block < 2 * left_sizes[largest] + _LEAST_BLOCK:
            parameter[row] = left.pop(largest)
            left_sizes.pop(largest)
    return parameter


def _with_flows(profile: Profile, forward: Int32) -> Profile:
    """Arrows from each operator to those of its gradient, within a step."""
    slices, flows = profile.trace.slices, profile.trace.flows
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
    rows = rows[slices.node[rows] >= 0]
    steps, nodes = slices.step[rows].tolist(), slices.node[rows].tolist()
    first: dict[tuple[int, int], int] = {}
    for row, step, node in zip(rows.tolist(), steps, nodes, strict=True):
        first.setdefault((step, node), row)
    pairs = [
        (first[step, forward[node]], row)
        for row, step, node in zip(rows.tolist(), steps, nodes, strict=True)
        if forward[node] >= 0 and (step, forward[node]) in first
    ]
    if not pairs:
        return profile
    pool = StringPool(profile.strings)
    kind = pool.add(FORWARD_TO_BACKWARD)
    sources, targets = np.array(pairs, np.int32).T
    joined = Flows.of(
        source=np.concatenate((flows.source, sources)),
        target=np.concatenate((flows.target, targets)),
        kind=np.concatenate((flows.kind, np.full(len(pairs), kind, np.int32))),
    )
    return replace(profile, strings=pool.table(), trace=replace(profile.trace, flows=joined))
