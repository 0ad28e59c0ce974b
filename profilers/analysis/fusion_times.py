"""What fused kernels and single nodes take per step: on the device where there is one, else on the CPU."""

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.backward import in_backward
from profilers.analysis.once import once
from profilers.analysis.self_time import self_time_ns
from profilers.profile import WORK_KINDS, Profile, SliceKind
from profilers.profile.table import Float64, Int64


@once
def group_times(profile: Profile) -> Float64:
    """Nanoseconds per step of each fusion group, -1 for those that were not seen running.

    Kernels on a device where the group has any, else the self time of its operators, so that an
    operator and what it calls count once.
    """
    slices, count = profile.trace.slices, len(profile.fusion.groups)
    work, operators = _work(profile)
    times = np.full(count, -1.0)
    for rows, values in (
        (operators, self_time_ns(slices)[operators]),
        (work, slices.duration_ns[work]),
    ):
        fused = slices.group[rows] >= 0
        groups = slices.group[rows[fused]]
        sums = np.bincount(groups, values[fused].astype(np.float64), count)[:count]
        seen = np.bincount(groups, minlength=count)[:count] > 0
        times[seen] = sums[seen] / max(len(profile.steps), 1)
    times.flags.writeable = False
    return times


@once
def node_times(profile: Profile) -> Float64:
    """Nanoseconds per step of each node of the authored graph, 0 for those that nothing ran for.

    A fused kernel counts for the node that its slices are linked to, else for its first member.
    """
    return _times_of_nodes(profile, np.ones(len(profile.trace.slices), np.bool_))


@once
def backward_node_times(profile: Profile) -> Float64:
    """What of `node_times` the backward of a training step takes."""
    return _times_of_nodes(profile, in_backward(profile))


def _times_of_nodes(profile: Profile, counted: NDArray[np.bool_]) -> Float64:
    slices, count = profile.trace.slices, len(profile.authored.nodes)
    work, operators = _work(profile)
    rows = work if len(work) else operators
    values = slices.duration_ns[rows] if len(work) else self_time_ns(slices)[rows]
    nodes = slices.node[rows].astype(np.int64)
    fused = (nodes < 0) & (slices.group[rows] >= 0)
    nodes[fused] = _first_members(profile)[slices.group[rows[fused]]]
    linked = (nodes >= 0) & counted[rows]
    sums = np.bincount(nodes[linked], values[linked].astype(np.float64), count)
    times: Float64 = sums.astype(np.float64) / max(len(profile.steps), 1)
    times.flags.writeable = False
    return times


def work_time(profile: Profile) -> float:
    """Nanoseconds per step of all that devices did, else of all operators."""
    work, operators = _work(profile)
    whole = (
        profile.trace.slices.duration_ns[work].sum()
        if len(work)
        else self_time_ns(profile.trace.slices)[operators].sum()
    )
    return float(whole) / max(len(profile.steps), 1)


def _work(profile: Profile) -> tuple[Int64, Int64]:
    """Slices of the profiled steps: what devices did, and operators."""
    slices = profile.trace.slices
    measured: NDArray[np.bool_] = np.ones(len(slices), bool)
    if len(profile.steps):
        measured = slices.step >= 0
    is_work = np.isin(slices.kind, list(WORK_KINDS))
    return (
        np.flatnonzero(measured & is_work),
        np.flatnonzero(measured & (slices.kind == SliceKind.OPERATOR)),
    )


def _first_members(profile: Profile) -> Int64:
    members = profile.fusion.members
    first = np.full(len(profile.fusion.groups), -1, np.int64)
    first[members.group[::-1]] = members.node[::-1]
    return first
