"""The points of a roofline plot: one for each operator of the model, kernel, or layer."""

import re
from dataclasses import dataclass

import numpy as np

from profilers.analysis.comparison.spent import without_instance
from profilers.analysis.pairing.item_sides import scope_paths
from profilers.analysis.peaks import Peak
from profilers.analysis.roofline import Roofline, roofline
from profilers.profile import Profile
from profilers.profile.table import Float64, Int64

_NUMBER = re.compile(r"\.\d+$")  # of one of XLA's calls of the same function


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
    """One point per part of the model that ran, of which FLOPs, bytes and time are known.

    Operators that ran as one kernel are one point.
    """
    found, strings = roofline(profile, peak), profile.strings
    names = []
    for nodes in found.nodes:
        name = strings[int(profile.authored.nodes.name[nodes[0]])]
        names.append(name if len(nodes) == 1 else f"{name} + {len(nodes) - 1}")
    return _points(found, np.arange(len(found)), names)


def kernel_points(profile: Profile, peak: Peak) -> RoofPoints:
    """One point per kernel, or function of the framework on a processor, over all that it ran for."""
    found = roofline(profile, peak)
    names, group = np.unique(profile.trace.slices.name[found.slice], return_inverse=True)
    told = [_NUMBER.sub("", without_instance(profile.strings[row])) for row in names.tolist()]
    distinct = list(dict.fromkeys(told))
    place = np.array([distinct.index(name) for name in told], np.int64)
    return _points(found, place[group] if len(place) else group, distinct)


def layer_points(profile: Profile, peak: Peak) -> RoofPoints:
    """One point per innermost module or layer."""
    found, graph, strings = roofline(profile, peak), profile.authored, profile.strings
    scopes, group = np.unique(graph.nodes.scope[found.main], return_inverse=True)
    paths = scope_paths(graph, strings)
    return _points(found, group, [paths[scope] for scope in scopes.tolist()])


def _points(found: Roofline, group: Int64, names: list[str]) -> RoofPoints:
    def total(values: Float64) -> Float64:
        sums: Float64 = np.bincount(group, values, minlength=len(names)).astype(np.float64)
        return sums

    members: list[list[int]] = [[] for _ in names]
    for nodes, number in zip(found.nodes, group.tolist(), strict=True):
        members[number] += nodes
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
