"""How near each part of the model comes to what its device can do (Williams et al., 2009).

What computes f operations and must move m bytes, its inputs, results and weights once each, can be no
faster than the larger of f at the device's peak and m at its memory's. Nodes that ran as one kernel
are one part: what they hand to each other is not moved. What fits into caches may be faster than
memory allows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.comparison.spent import (
    Spent,
    middle_steps,
    node_of_slices,
    spent_by_graph,
)
from profilers.analysis.once import once
from profilers.analysis.peaks import Peak
from profilers.analysis.wall_time import elapsed_ns
from profilers.profile import Edges, Graph, Profile, StringTable
from profilers.profile.table import Float64, Int64


@dataclass(frozen=True, eq=False)
class Roofline:
    """One row per part that ran and of which FLOPs and bytes are known; all figures are per step.

    Attributes
    ----------
    nodes : tuple of tuple of int
        Authored nodes of each part, the one with most operations first.
    slice : int64
        The slice of the trace that had most of the part's time.
    flops, bytes : float64
        Operations, and the least that must be moved for them.
    time_ns, least_ns : float64
        How long it was worked on, and what the device allows.
    """

    nodes: tuple[tuple[int, ...], ...]
    slice: Int64
    flops: Float64
    bytes: Float64
    time_ns: Float64
    least_ns: Float64

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def main(self) -> list[int]:
        """The node of each part that computes most."""
        return [nodes[0] for nodes in self.nodes]


@once
def roofline(profile: Profile, peak: Peak) -> Roofline:
    """Every part against the roof of its dtype; parts without a known roof are left out."""
    graph = profile.authored
    spent = spent_by_graph(profile, with_ranges=False)
    flops = np.maximum(graph.nodes.flops, 0).astype(np.float64)
    parts = [_heaviest_first(part, flops) for part in _parts(spent)]
    part_of = np.full(len(graph.nodes), -1)
    for number, part in enumerate(parts):
        part_of[list(part)] = number
    moved = _bytes_moved(graph, profile.strings, part_of, len(parts))
    rate = np.where(_is_half(profile), peak.float16 or 0.0, peak.float32)
    nodes = node_of_slices(profile)
    elapsed = elapsed_ns(
        profile, np.where(nodes >= 0, part_of[nodes], -1), len(parts), middle_steps(profile)
    )
    shares = [[spent.nodes[node] for node in part if node in spent.nodes] for part in parts]
    operations = np.array([flops[list(part)].sum() for part in parts])
    time_ns = elapsed / max(spent.steps, 1)
    longest = np.array([max(share, key=lambda each: each.time_ns).slice for share in shares])
    rates = np.array([rate[part[0]] for part in parts])
    rows = np.flatnonzero((operations > 0) & (moved > 0) & (rates > 0) & (time_ns > 0))
    least_ns = np.maximum(operations[rows] / rates[rows], moved[rows] / peak.bandwidth) * 1e9
    return Roofline(
        tuple(parts[row] for row in rows.tolist()),
        longest[rows].astype(np.int64),
        operations[rows],
        moved[rows],
        time_ns[rows],
        least_ns,
    )


def _parts(spent: Spent) -> list[set[int]]:
    """Nodes that took time, those that ran as one kernel together; no node is in two parts."""
    part_of: dict[int, set[int]] = {}
    for nodes in (*spent.joined, *([node] for node in spent.nodes)):
        together = set(nodes).union(*(part_of.get(node, set()) for node in nodes))
        part_of.update(dict.fromkeys(together, together))
    distinct = {id(part): part for part in part_of.values()}
    return [part for part in distinct.values() if any(node in spent.nodes for node in part)]


def _heaviest_first(part: set[int], flops: Float64) -> tuple[int, ...]:
    return tuple(sorted(part, key=lambda node: (-flops[node], node)))


def _bytes_moved(graph: Graph, strings: StringTable, part_of: Int64, count: int) -> Float64:
    """Of each part inputs, weights and results, each once; -1 where an edge is not known.

    Vectors of unknown length, such as a bias that is made in the graph, are too small to matter.
    """
    edges = graph.edges
    is_moved = (part_of[edges.source] != part_of[edges.target]) | (part_of[edges.source] < 0)
    edges = edges.take(np.flatnonzero(is_moved))
    moved = _largest(edges, part_of[edges.target], count)  # into it
    moved += _largest(edges, part_of[edges.source], count)  # and out of it
    ran = np.flatnonzero(part_of >= 0)
    weights = np.maximum(graph.nodes.parameter_bytes[ran], 0)
    moved += np.bincount(part_of[ran], weights, minlength=count)
    vectors = [row for row in np.unique(edges.shape) if row >= 0 and "," not in strings[int(row)]]
    unknown = (edges.bytes < 0) & ~np.isin(edges.shape, vectors)
    for end in (edges.source, edges.target):
        touched = part_of[end[unknown]]
        moved[touched[touched >= 0]] = -1
    return moved


def _largest(edges: Edges, part: Int64, count: int) -> Float64:
    """Bytes of each part's edges, those from one node once."""
    inside = np.flatnonzero(part >= 0)
    key = part[inside] * (int(edges.source.max(initial=0)) + 1) + edges.source[inside]
    keys, number = np.unique(key, return_inverse=True)
    sizes = np.zeros(len(keys))
    np.maximum.at(sizes, number, np.maximum(edges.bytes[inside], 0))
    owner = keys // (int(edges.source.max(initial=0)) + 1)
    return np.bincount(owner, sizes, minlength=count).astype(np.float64)


def _is_half(profile: Profile) -> NDArray[np.bool_]:
    """Nodes whose first result has 16 bits."""
    edges, strings = profile.authored.edges, profile.strings
    half = np.zeros(len(profile.authored.nodes), np.bool_)
    names = {row: strings[row] for row in np.unique(edges.dtype).tolist()}
    wanted = [row for row, name in names.items() if name in ("float16", "bfloat16")]
    half[edges.source[np.isin(edges.dtype, wanted)]] = True
    return half
