"""Nodes whose kernels are far slower than the device allows."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import Finding, listed
from profilers.analysis.pairing.differences import node_title
from profilers.analysis.peaks import peak_of
from profilers.analysis.roofline import roofline
from profilers.profile import Profile
from profilers.units import format_count, format_duration, format_percent

_NEAR = 0.5  # share of the roof that counts as near
_LEAST_SHARE = 0.1  # of the compared kernels' time


def find(profile: Profile) -> Iterator[Finding]:
    """Where the device's peaks are known, and FLOPs and bytes of the nodes."""
    peak = peak_of(profile)
    if peak is None or not len(profile.authored.nodes):
        return
    found = roofline(profile, peak)
    lost = found.time_ns - found.least_ns
    far = (found.least_ns < _NEAR * found.time_ns) & (lost > 0)
    total = float(found.time_ns.sum())
    cost = float(lost[far].sum())
    if not far.any() or cost < _LEAST_SHARE * total:
        return
    rows = np.flatnonzero(far)[np.argsort(-lost[far], kind="stable")]
    nodes = found.node[rows]
    names = [node_title(profile.authored, profile.strings, int(node)) for node in nodes[:4]]
    rate = float(found.flops[rows].sum()) / float(found.time_ns[rows].sum()) * 1e9
    bandwidth = float(found.bytes[rows].sum()) / float(found.time_ns[rows].sum()) * 1e9
    yield Finding(
        "far-from-roof",
        f"Kernels of {len(rows):,} nodes take {format_duration(cost)} per step more than a {peak.name} "
        f"allows ({format_percent(cost / total)} of their time): they reach "
        f"{format_count(rate, 'FLOPs/s')} and {format_count(bandwidth, 'B/s')}; {listed(names)}.",
        "Larger batches or tiles, 16-bit matrix units, channels-last layouts, and fusing what is bound "
        "by memory.",
        cost,
        share=cost / total,
        nodes=tuple(nodes.tolist()),
    )
