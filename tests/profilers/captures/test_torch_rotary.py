"""A transformer block with rotary embeddings: its kernels are tied to the model in both directions."""

from collections.abc import Callable

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.profile import Profile
from profilers.profile.references import broken_references


@pytest.mark.parametrize("run", ["inference", "training"])
def test_kernels_and_bytes_are_linked(rotary: Callable[[str, str], Profile], run: str) -> None:
    profile = rotary("torch-compile", run)
    assert broken_references(profile) == []
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.fused_kernel_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95


@pytest.mark.parametrize("run", ["inference", "training"])
def test_turning_is_fused(rotary: Callable[[str, str], Profile], run: str) -> None:
    profile = rotary("torch-compile", run)
    groups, members, strings = profile.fusion.groups, profile.fusion.members, profile.strings
    names = profile.authored.nodes.name
    made_of = [
        {strings[row].partition("_")[0] for row in names[members.node[members.group == group]]}
        for group in range(len(groups))
    ]
    turning = [group for group, nodes in enumerate(made_of) if {"cos", "sin", "cat"} <= nodes]
    assert turning
    slices = profile.trace.slices
    assert np.isin(turning, slices.group).all()
