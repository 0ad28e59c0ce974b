"""The points of a roofline plot: one for each operator of the model, or for each layer."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.peaks import Peak
from profilers.analysis.roofline import Roofline, roofline
from profilers.profile import Profile
from profilers.profile.table import Float64


@dataclass(frozen=True, eq=False)
class RoofPoints:
    """Columns of equal length, the longest first; all figures are per step.

    Attributes
    ----------
    titles : tuple of str
    nodes : tuple of tuple of int
        Authored nodes behind each point.
    flops, bytes : float64
        Operations, and the least that must be moved for them.
    time_ns, least_ns : float64
        What it took on the device, and what the device allows.
    """

    titles: tuple[str, ...]
    nodes: tuple[tuple[int, ...], ...]
    flops: Float64
    bytes: Float64
    time_ns: Float64
    least_ns: Float64

    def __len__(self) -> int:
        return len(self.titles)

    @property
    def intensity(self) -> Float64:
        """Operations per byte."""
        return self.flops / self.bytes

    @property
    def rate(self) -> Float64:
        """Operations per second."""
        return self.flops / self.time_ns * 1e9


def operator_points(profile: Profile, peak: Peak) -> RoofPoints:
    """One point per node of which FLOPs, bytes and time are known."""
    found, strings = roofline(profile, peak), profile.strings
    names = [strings[row] for row in profile.authored.nodes.name[found.node].tolist()]
    return _points(found, np.arange(len(found)), names)


def layer_points(profile: Profile, peak: Peak) -> RoofPoints:
    """One point per innermost module or layer."""
    found, graph, strings = roofline(profile, peak), profile.authored, profile.strings
    scopes, group = np.unique(graph.nodes.scope[found.node], return_inverse=True)
    names = []
    for scope in scopes.tolist():
        parts: list[str] = []
        while scope >= 0:
            parts.insert(0, strings[int(graph.scopes.name[scope])])
            scope = int(graph.scopes.parent[scope])
        names.append("/".join(parts))
    return _points(found, group, names)


def _points(found: Roofline, group: np.ndarray, names: list[str]) -> RoofPoints:
    def total(values: Float64) -> Float64:
        sums: Float64 = np.bincount(group, values, minlength=len(names)).astype(np.float64)
        return sums

    members: list[list[int]] = [[] for _ in names]
    for node, number in zip(found.node.tolist(), group.tolist(), strict=True):
        members[number].append(node)
    time_ns = total(found.time_ns)
    order = np.argsort(-time_ns, kind="stable")
    return RoofPoints(
        tuple(names[number] for number in order),
        tuple(tuple(members[number]) for number in order),
        total(found.flops)[order],
        total(found.bytes)[order],
        time_ns[order],
        total(found.least_ns)[order],
    )
