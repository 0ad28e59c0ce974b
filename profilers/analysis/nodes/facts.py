"""What a capture tells of single nodes: times step by step, kernels, blocks of memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operators import launching_operator
from profilers.analysis.self_time import self_time_ns
from profilers.profile import NEVER_NS, WORK_KINDS, MemoryCategory, Profile, SliceKind
from profilers.profile.table import Float64, Int64

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class StepTimes:
    """Self time in each profiled step, all slices of some nodes together.

    Attributes
    ----------
    self_ns : float64 array
        One per step; one in all for a profile without steps.
    calls : float
        Per step, without those that another one of the same nodes made.
    share : float
        Of all operators' self time, 0 to 1.
    """

    self_ns: Float64
    calls: float
    share: float


@dataclass(frozen=True)
class Kernel:
    """Calls and time per step of the kernels of one name on one track."""

    name: str
    track: str
    is_fused: bool
    calls: float
    duration_ns: float


@dataclass(frozen=True)
class Blocks:
    """Allocations of one category: how many, how large, and how long the median one lived.

    `lifetime_ns` is -1 where none of them was freed.
    """

    category: MemoryCategory
    count: int
    total_bytes: int
    largest_bytes: int
    lifetime_ns: int


def step_times(profile: Profile, nodes: Iterable[int]) -> StepTimes | None:
    """Times of nodes of the authored graph; None if none of them ran.

    A fused kernel counts for each of its members here: it is what ran for them.
    """
    slices, steps = profile.trace.slices, max(len(profile.steps), 1)
    measured = slices.kind == SliceKind.OPERATOR
    if len(profile.steps):
        measured &= slices.step >= 0
    ours = _of_nodes(profile, nodes)
    rows = np.flatnonzero(measured & ours)
    if not len(rows):
        return None
    own_ns = self_time_ns(slices)
    step = np.maximum(slices.step[rows], 0)
    self_ns: Float64 = np.zeros(steps)
    np.add.at(self_ns, step, own_ns[rows])
    whole_ns = float(own_ns[measured].sum())
    share = float(self_ns.sum()) / whole_ns if whole_ns else 0.0
    calls = int((~ours[slices.parent[rows]] | (slices.parent[rows] < 0)).sum())
    return StepTimes(self_ns, calls / steps, share)


def kernels(profile: Profile, nodes: Iterable[int]) -> list[Kernel]:
    """Kernels that ran for nodes of the authored graph, the longest first.

    On a device those that the nodes' operators launched, and on the CPU those that a compiler made.
    """
    slices, tracks = profile.trace.slices, profile.trace.tracks
    is_work = np.isin(slices.kind, list(WORK_KINDS)) | (slices.group >= 0)
    wanted = _of_nodes(profile, nodes)
    operators, launched = launching_operator(profile)
    is_work[operators] = False
    is_ours = wanted & is_work
    is_ours[launched[wanted[operators]]] = True
    if len(profile.steps):
        is_ours &= slices.step >= 0
    rows = np.flatnonzero(is_ours)
    if not len(rows):
        return []
    keys = np.stack((slices.name[rows], slices.track[rows]), 1)
    distinct, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.reshape(-1)
    calls = np.bincount(group)
    durations = np.bincount(group, slices.duration_ns[rows].astype(np.float64))
    fused = np.bincount(group, slices.group[rows] >= 0) > 0
    steps, strings = max(len(profile.steps), 1), profile.strings
    found = [
        Kernel(
            strings[name],
            strings[int(tracks.name[track])] or strings[int(tracks.process[track])],
            bool(fused[at]),
            calls[at] / steps,
            durations[at] / steps,
        )
        for at, (name, track) in enumerate(distinct.tolist())
    ]
    return sorted(found, key=lambda kernel: -kernel.duration_ns)


def blocks(profile: Profile, nodes: Iterable[int]) -> list[Blocks]:
    """Memory that nodes of the authored graph made, by category, the largest sum first."""
    allocations = profile.memory.allocations
    rows = np.flatnonzero(_flags(len(profile.authored.nodes), nodes)[allocations.node])
    found = []
    for category in np.unique(allocations.category[rows]).tolist():
        own = rows[allocations.category[rows] == category]
        sizes, freed_ns = allocations.bytes[own], allocations.freed_ns[own]
        is_freed = freed_ns != NEVER_NS
        lived_ns = (freed_ns - allocations.allocated_ns[own])[is_freed]
        found.append(
            Blocks(
                MemoryCategory(category),
                len(own),
                int(sizes.sum()),
                int(sizes.max()),
                int(np.median(lived_ns)) if len(lived_ns) else -1,
            )
        )
    return sorted(found, key=lambda each: -each.total_bytes)


def fused_with(profile: Profile, node: int) -> list[tuple[str, Int64]]:
    """Names of the fused kernels that a node of the authored graph is in, with all members."""
    members, groups = profile.fusion.members, profile.fusion.groups
    return [
        (profile.strings[int(groups.name[group])], members.node[members.group == group])
        for group in np.unique(members.group[members.node == node]).tolist()
    ]


def _of_nodes(profile: Profile, nodes: Iterable[int]) -> Flags:
    """Slices of these nodes, and of fused kernels that they are members of."""
    slices, members = profile.trace.slices, profile.fusion.members
    wanted = _flags(len(profile.authored.nodes), nodes)
    in_group = np.zeros(len(profile.fusion.groups) + 1, bool)
    in_group[members.group[wanted[members.node]]] = True
    found: Flags = wanted[slices.node] | in_group[slices.group]
    return found


def _flags(count: int, nodes: Iterable[int]) -> Flags:
    """True for these rows; the last one, which -1 stands for, is False."""
    flags = np.zeros(count + 1, bool)
    flags[np.fromiter(nodes, np.int64)] = True
    return flags
