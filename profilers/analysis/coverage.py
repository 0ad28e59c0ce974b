"""How much of a profile is tied to the model's nodes. Computed from the tables, never assumed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.memory.curve import alive_at, memory_curve
from profilers.analysis.once import once
from profilers.analysis.operators import measured_rows
from profilers.analysis.self_time import self_time_ns
from profilers.profile import MemoryCategory, Profile, SliceKind


@dataclass(frozen=True)
class LinkCoverage:
    """Shares from 0 to 1; None where a profile has nothing of the kind.

    Attributes
    ----------
    operator_time : float or None
        Self time of operators and device kernels that are linked to a node of the authored graph,
        directly or as a fused kernel with known members. A link to a scope is no link.
    fused_kernel_time : float or None
        Self time of fused kernels whose members are known; all times are of the profiled steps.
    peak_bytes : float or None
        Bytes alive at the peak that belong to a node, a parameter or an input.
    """

    operator_time: float | None
    fused_kernel_time: float | None
    peak_bytes: float | None


@once
def link_coverage(profile: Profile) -> LinkCoverage:
    return LinkCoverage(
        _operator_coverage(profile), _fused_coverage(profile), _peak_coverage(profile)
    )


def _operator_coverage(profile: Profile) -> float | None:
    if not profile.graphs and not profile.environment.mode:
        return None  # a trace file alone has no graph to link to
    slices = profile.trace.slices
    rows = np.concatenate(
        (
            measured_rows(profile, SliceKind.OPERATOR),
            measured_rows(profile, SliceKind.KERNEL),
        )
    )
    linked = (slices.node[rows] >= 0) | _has_members(profile)[slices.group[rows]]
    return _share(self_time_ns(slices)[rows], linked)


def _fused_coverage(profile: Profile) -> float | None:
    slices = profile.trace.slices
    rows = np.flatnonzero(slices.group >= 0)
    if len(profile.steps):
        rows = rows[slices.step[rows] >= 0]
    if not len(rows):
        return None
    return _share(self_time_ns(slices)[rows], _has_members(profile)[slices.group[rows]])


def _peak_coverage(profile: Profile) -> float | None:
    curve = memory_curve(profile)
    if curve.device < 0:
        return None
    allocations = profile.memory.allocations
    rows = alive_at(profile, curve.device, curve.peak_ns)
    attributed = (
        (allocations.node[rows] >= 0)
        | (allocations.parameter[rows] >= 0)
        | (allocations.category[rows] == MemoryCategory.INPUT)
    )
    return _share(allocations.bytes[rows], attributed)


def _has_members(profile: Profile) -> NDArray[np.bool_]:
    """One value per group, and a last one, False, for row -1."""
    known = np.zeros(len(profile.fusion.groups) + 1, np.bool_)
    known[profile.fusion.members.group] = True
    return known


def _share(amounts: NDArray[np.int64], counted: NDArray[np.bool_]) -> float | None:
    total = int(amounts.sum())
    return int(amounts[counted].sum()) / total if total else None
