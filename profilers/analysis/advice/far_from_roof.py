"""Operators that are far slower than the device allows."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import Finding, costliest, counted, listed
from profilers.analysis.pairing.differences import node_title
from profilers.analysis.peaks import peak_of
from profilers.analysis.roofline import roofline
from profilers.profile import Profile
from profilers.units import format_count, format_duration, format_percent

_NEAR = 0.5  # share of the roof that counts as near
_LEAST_SHARE = 0.1  # of the compared operators' time
_ON_DEVICE = (
    "Larger batches or tiles, 16-bit matrix units, channels-last layouts, and fusing what is bound by "
    "memory."
)
_ON_HOST = (
    "Larger batches, channels-last layouts, weights that are packed once (a compiled model or ONNX "
    "Runtime), and fusing what is bound by memory."
)


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
    mains = [found.main[row] for row in rows.tolist()]
    names = [node_title(profile.authored, profile.strings, node) for node in mains[:4]]
    rate = float(found.flops[rows].sum()) / float(found.time_ns[rows].sum()) * 1e9
    bandwidth = float(found.bytes[rows].sum()) / float(found.time_ns[rows].sum()) * 1e9
    yield Finding(
        "far-from-roof",
        f"{counted(len(rows), 'operator')} {'takes' if len(rows) == 1 else 'take'} "
        f"{format_duration(cost)} per step more than the {peak.name} needs "
        f"({format_percent(cost / total)} of the compared time), at {format_count(rate, 'FLOPs/s')} and "
        f"{format_count(bandwidth, 'B/s')} of "
        f"{format_count(peak.float32, 'FLOPs/s')} and {format_count(peak.bandwidth, 'B/s')} "
        f"({peak.source}); {listed(names)}.",
        _ON_HOST if peak.is_measured else _ON_DEVICE,
        cost,
        share=cost / total,
        slices=costliest(found.slice[rows], lost[rows]),
        nodes=tuple(node for row in rows.tolist() for node in found.nodes[row]),
    )
