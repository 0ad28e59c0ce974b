"""What each node of a stage cost, how often it ran and where: what queries and texts ask for."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.once import once
from profilers.analysis.operators import by_node, launching_operator
from profilers.analysis.stage_figures import stage_figures
from profilers.profile import Origins, Profile
from profilers.profile.table import Float64, Int32

_CPU = "CPU"


@dataclass(frozen=True, eq=False)
class NodeFigures:
    """One value per node of one stage; -1 where nobody knows.

    Attributes
    ----------
    time_ns : float64 array
        Self time per step; see `stage_figures`.
    memory_bytes : float64 array
        Largest block that it made.
    flops, parameter_bytes : float64 array
        Per step; of the parameters that it reads.
    calls : float64 array
        Per step; of a node that was made from several the sum of theirs.
    device : int32 array
        Place in `devices`: where its kernels ran, else "CPU" if it ran at all.
    devices : tuple of str
        "CPU", "GPU 0", "GPU 1", ...
    """

    time_ns: Float64
    memory_bytes: Float64
    flops: Float64
    parameter_bytes: Float64
    calls: Float64
    device: Int32
    devices: tuple[str, ...]


@once
def node_figures(profile: Profile, stage: int = 0) -> NodeFigures:
    """Figures of the nodes of ``profile.graphs[stage]``, which must be there."""
    figures = stage_figures(profile, stage)
    calls, device = _calls(profile), _devices(profile)
    if stage:
        graph = profile.graphs[stage]
        calls = _summed(calls, graph.origins, len(graph.nodes))
        device = _highest(device, graph.origins, len(graph.nodes))
    calls.flags.writeable = device.flags.writeable = False
    devices = (_CPU, *(f"GPU {number}" for number in range(int(device.max(initial=0)))))
    return NodeFigures(
        figures.time_ns,
        figures.memory_bytes,
        figures.flops,
        figures.parameter_bytes,
        calls,
        device,
        devices,
    )


def _calls(profile: Profile) -> Float64:
    statistics = by_node(profile)
    calls = np.full(len(profile.authored.nodes), -1.0)
    known = statistics.key >= 0
    calls[statistics.key[known]] = statistics.calls[known] / max(len(profile.steps), 1)
    return calls


def _devices(profile: Profile) -> Int32:
    device = np.full(len(profile.authored.nodes), -1, np.int32)
    nodes, tracks = _linked_work(profile)
    np.maximum.at(device, nodes, np.maximum(profile.trace.tracks.device + 1, 0)[tracks])
    return device


def _linked_work(profile: Profile) -> tuple[Int32, Int32]:
    """Pairs (node, track) of slices linked to nodes: themselves, by their launch, or as fused."""
    slices, members = profile.trace.slices, profile.fusion.members
    operators, launched = launching_operator(profile)
    track_of_group = np.full(len(profile.fusion.groups), -1, np.int32)
    fused = slices.group >= 0
    track_of_group[slices.group[fused]] = slices.track[fused]
    nodes = np.concatenate((slices.node, slices.node[operators], members.node))
    tracks = np.concatenate((slices.track, slices.track[launched], track_of_group[members.group]))
    is_linked = (nodes >= 0) & (tracks >= 0)
    return nodes[is_linked], tracks[is_linked]


def _summed(values: Float64, origins: Origins, count: int) -> Float64:
    """Sums of what is known; -1 where nothing is."""
    tied = values[origins.authored] >= 0
    sums = np.full(count, -1.0)
    sums[origins.node[tied]] = 0.0
    np.add.at(sums, origins.node[tied], values[origins.authored[tied]])
    return sums


def _highest(values: Int32, origins: Origins, count: int) -> Int32:
    highest = np.full(count, -1, np.int32)
    np.maximum.at(highest, origins.node, values[origins.authored])
    return highest
