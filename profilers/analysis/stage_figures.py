"""What each node of one stage costs, so that the figures of a stage add up to those of the run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.once import once
from profilers.analysis.operators import by_node, measured_rows
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Graph, MemoryCategory, Profile, SliceKind
from profilers.profile.table import Float64, Int64


@dataclass(frozen=True, eq=False)
class StageFigures:
    """One value per node of a stage; -1 where nobody knows.

    Attributes
    ----------
    time_ns, total_ns : float64 arrays
        Per step: without and with what ran inside of it.
    memory_bytes : float64 array
        Largest block that it made.
    flops, parameter_bytes : float64 arrays
    """

    time_ns: Float64
    total_ns: Float64
    memory_bytes: Float64
    flops: Float64
    parameter_bytes: Float64


@once
def stage_figures(profile: Profile, stage: int) -> StageFigures:
    """Figures of the nodes of ``profile.graphs[stage]``.

    A fused kernel's time is that of the node it ran as. Other slices are linked to authored nodes:
    what one of these took is shared equally among the nodes of a later stage made from it.
    """
    graph = profile.graphs[stage]
    memory_bytes = _largest_blocks(profile)
    if stage == 0:
        time_ns, total_ns = _authored_times(profile)
    else:
        time_ns, total_ns = _later_times(profile, stage)
        memory_bytes = _highest_origin(graph, memory_bytes)
    return StageFigures(
        time_ns,
        total_ns,
        memory_bytes,
        graph.nodes.flops.astype(np.float64),
        graph.nodes.parameter_bytes.astype(np.float64),
    )


def _authored_times(profile: Profile) -> tuple[Float64, Float64]:
    count, statistics = len(profile.authored.nodes), by_node(profile)
    time_ns, total_ns = np.full(count, -1.0), np.full(count, -1.0)
    known = statistics.key >= 0
    steps = max(len(profile.steps), 1)
    time_ns[statistics.key[known]] = statistics.self_ns[known] / steps
    total_ns[statistics.key[known]] = statistics.total_ns[known] / steps
    return time_ns, total_ns


def _later_times(profile: Profile, stage: int) -> tuple[Float64, Float64]:
    slices, groups = profile.trace.slices, profile.fusion.groups
    rows = measured_rows(profile, SliceKind.OPERATOR)
    node_of_group = np.append(np.where(groups.stage == stage, groups.node, -1), -1)
    own = node_of_group[slices.group[rows]]
    self_ns = self_time_ns(slices)[rows]
    return (
        _spread(profile, stage, own, rows, self_ns),
        _spread(profile, stage, own, rows, slices.duration_ns[rows]),
    )


def _spread(
    profile: Profile, stage: int, own: NDArray[np.integer], rows: Int64, values_ns: Int64
) -> Float64:
    """Each slice's time at its own node of the stage, else shared among its authored node's."""
    graph = profile.graphs[stage]
    origins, count = graph.origins, len(graph.nodes)
    found, is_known = np.zeros(count), np.zeros(count, bool)
    direct = own >= 0
    np.add.at(found, own[direct], values_ns[direct])
    is_known[own[direct]] = True
    authored = profile.trace.slices.node[rows]
    linked = ~direct & (authored >= 0)
    times = np.full(len(profile.authored.nodes), 0.0)
    has_time = np.zeros(len(times), bool)
    np.add.at(times, authored[linked], values_ns[linked])
    has_time[authored[linked]] = True
    tied = has_time[origins.authored]
    node, source = origins.node[tied], origins.authored[tied]
    uses = np.bincount(source, minlength=len(times))
    np.add.at(found, node, times[source] / uses[source])
    is_known[node] = True
    return np.where(is_known, found / max(len(profile.steps), 1), -1.0)


def _largest_blocks(profile: Profile) -> Float64:
    allocations = profile.memory.allocations
    sizes = np.full(len(profile.authored.nodes), -1.0)
    made = (allocations.node >= 0) & (allocations.category != MemoryCategory.INPUT)
    np.maximum.at(sizes, allocations.node[made], allocations.bytes[made])
    return sizes


def _highest_origin(graph: Graph, values: Float64) -> Float64:
    found = np.full(len(graph.nodes), -1.0)
    np.maximum.at(found, graph.origins.node, values[graph.origins.authored])
    return found
