"""How near each node of the model comes to what its device can do (Williams et al., 2009).

A node that computes f operations and must move m bytes, its inputs, results and weights once each,
can be no faster than the larger of f at the device's peak and m at its memory's.
"""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.once import once
from profilers.analysis.operators import launching_operator, measured_rows
from profilers.analysis.peaks import Peak
from profilers.profile import Graph, Profile, SliceKind
from profilers.profile.table import Float64, Int32, Table, column


@dataclass(frozen=True, eq=False)
class Roofline(Table):
    """One row per authored node that ran on a device and of which FLOPs and bytes are known."""

    node: Int32 = column("i4")
    flops: Float64 = column("f8")  # per step
    bytes: Float64 = column("f8")  # per step, the least that must be moved
    time_ns: Float64 = column("f8")  # of its kernels, per step
    least_ns: Float64 = column("f8")  # that the device allows


@once
def roofline(profile: Profile, peak: Peak) -> Roofline:
    """Every node against the roof of its dtype."""
    graph = profile.authored
    moved = _bytes_moved(graph)
    time_ns = _kernel_time(profile)
    flops = graph.nodes.flops.astype(np.float64)
    nodes = np.flatnonzero((flops > 0) & (moved > 0) & (time_ns > 0))
    rate = np.where(_is_half(profile)[nodes], peak.float16, peak.float32)
    least = np.maximum(flops[nodes] / rate, moved[nodes] / peak.bandwidth) * 1e9
    return Roofline.of(
        node=nodes, flops=flops[nodes], bytes=moved[nodes], time_ns=time_ns[nodes], least_ns=least
    )


def _bytes_moved(graph: Graph) -> Float64:
    """Inputs, weights, and each result once however many read it; -1 where an edge is not known."""
    count, edges = len(graph.nodes), graph.edges
    moved = np.maximum(graph.nodes.parameter_bytes, 0).astype(np.float64)
    np.add.at(moved, edges.target, np.maximum(edges.bytes, 0))
    results = np.zeros(count)
    np.maximum.at(results, edges.source, np.maximum(edges.bytes, 0))
    unknown = np.zeros(count, np.bool_)
    unknown[edges.target[edges.bytes < 0]] = True
    unknown[edges.source[edges.bytes < 0]] = True
    return np.where(unknown, -1.0, moved + results)


def _kernel_time(profile: Profile) -> Float64:
    """Of each node the kernels tied to it, or launched by what is; per step, in ns."""
    slices = profile.trace.slices
    nodes = slices.node.copy()
    operators, launched = launching_operator(profile)
    lacking = nodes[launched] < 0
    nodes[launched[lacking]] = nodes[operators[lacking]]
    rows = measured_rows(profile, SliceKind.KERNEL)
    rows = rows[nodes[rows] >= 0]
    sums = np.bincount(nodes[rows], slices.duration_ns[rows], minlength=len(profile.authored.nodes))
    return sums / max(len(profile.steps), 1)


def _is_half(profile: Profile) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Nodes whose first result has 16 bits."""
    edges, strings = profile.authored.edges, profile.strings
    half = np.zeros(len(profile.authored.nodes), np.bool_)
    names = {row: strings[row] for row in np.unique(edges.dtype).tolist()}
    wanted = [row for row, name in names.items() if name in ("float16", "bfloat16")]
    half[edges.source[np.isin(edges.dtype, wanted)]] = True
    return half
