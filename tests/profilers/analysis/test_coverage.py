"""Link coverage counts what lacks a link, and says nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.stats import statistics
from profilers.profile import Fusion, FusionMembers, MemoryCategory, Profile, SliceKind, Trace
from tests.sample import sample_profile


def with_slices(profile: Profile, **columns: np.ndarray) -> Profile:
    trace = profile.trace
    slices = trace.slices.replace(**columns)
    return replace(
        profile,
        trace=Trace(slices, trace.tracks, trace.flows, trace.counters, trace.arguments),
    )


def test_everything_linked_is_one() -> None:
    coverage = link_coverage(sample_profile())
    assert coverage.operator_time == 1.0
    assert coverage.fused_kernel_time == 1.0
    assert coverage.peak_bytes == 1.0


def test_an_operator_without_a_node_counts_against() -> None:
    profile = sample_profile(blocks=1, steps=1)
    slices = profile.trace.slices
    is_operator = slices.kind == SliceKind.OPERATOR
    nodes = np.where(is_operator, -1, slices.node)
    kernels_ns = slices.duration_ns[slices.kind == SliceKind.KERNEL].sum()
    operators_ns = slices.duration_ns[is_operator].sum()
    coverage = link_coverage(with_slices(profile, node=nodes))
    assert coverage.operator_time == pytest.approx(kernels_ns / (kernels_ns + operators_ns))


def test_a_fused_kernel_without_known_members_counts_against() -> None:
    profile = sample_profile()
    unknown = replace(
        profile, fusion=Fusion(profile.fusion.groups, FusionMembers.empty(), profile.fusion.breaks)
    )
    assert link_coverage(unknown).fused_kernel_time == 0.0


def test_unattributed_bytes_count_against() -> None:
    profile = sample_profile()
    allocations = profile.memory.allocations
    lost = allocations.replace(
        node=np.full(len(allocations), -1),
        category=np.where(
            allocations.category == MemoryCategory.ACTIVATION,
            MemoryCategory.UNKNOWN,
            allocations.category,
        ),
    )
    coverage = link_coverage(replace(profile, memory=replace(profile.memory, allocations=lost)))
    assert coverage.peak_bytes is not None
    assert 0.0 < coverage.peak_bytes < 0.1  # the parameters alone


def test_an_empty_profile_has_no_coverage_and_still_has_statistics() -> None:
    coverage = link_coverage(Profile("empty"))
    assert (coverage.operator_time, coverage.fused_kernel_time, coverage.peak_bytes) == (None,) * 3
    facts = statistics(Profile("empty"))
    assert facts["median_step_ns"] is None
    assert facts["peak_bytes"] is None


def test_statistics_hold_the_measured_and_not_the_profiled_latency() -> None:
    facts = statistics(sample_profile(steps=3))
    assert facts["median_step_ns"] == 8_100_000
    assert facts["profiled_step_ns"] == 9_000_000
    assert facts["steps"] == 3
    assert facts["fusion_groups"] == 4
