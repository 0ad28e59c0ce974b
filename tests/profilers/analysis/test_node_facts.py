"""Times, kernels and memory of single nodes, against the sample's own numbers."""

from dataclasses import replace

import numpy as np
import pytest

from profilers.analysis.nodes.facts import blocks, fused_with, kernels, step_times
from profilers.profile import MemoryCategory, Profile
from tests.sample import MIB, sample_profile

CONV, NORM, RELU = 1, 2, 3


def test_self_time_of_each_step() -> None:
    times = step_times(sample_profile(steps=3), [CONV])
    assert times is not None
    assert times.self_ns.tolist() == [490_000.0] * 3
    assert times.calls == 1.0
    assert times.share == pytest.approx(490 / (4 * (490 + 300 + 200)))


def test_times_of_several_nodes_add_up() -> None:
    times = step_times(sample_profile(steps=2), [CONV, NORM, RELU])
    assert times is not None
    assert times.self_ns.tolist() == [990_000.0] * 2
    assert times.calls == 3.0
    assert times.share == pytest.approx(0.25)


def test_a_slower_step_stands_out() -> None:
    profile = sample_profile()
    slices = profile.trace.slices
    durations = slices.duration_ns.copy()
    name = profile.strings.find("aten::relu")
    row = int(np.flatnonzero((slices.node == RELU) & (slices.step == 1) & (slices.name == name))[0])
    durations[row] = 450_000
    trace = replace(profile.trace, slices=slices.replace(duration_ns=durations))
    times = step_times(replace(profile, trace=trace), [RELU])
    assert times is not None
    assert times.self_ns.tolist() == [200_000.0, 450_000.0, 200_000.0]


def test_what_did_not_run_has_no_times() -> None:
    assert step_times(sample_profile(), [0]) is None
    assert step_times(Profile("nothing"), []) is None


def test_kernels_are_those_that_were_launched_and_fused() -> None:
    profile = sample_profile()
    (conv,) = kernels(profile, [CONV])
    assert (conv.name, conv.track, conv.is_fused) == ("conv2d_kernel", "stream 7", True)
    assert (conv.calls, conv.duration_ns) == (1.0, 450_000.0)
    names = [kernel.name for kernel in kernels(profile, [CONV, NORM])]
    assert names == ["conv2d_kernel", "batch_norm_kernel"]
    of_relu = {kernel.name for kernel in kernels(profile, [RELU])}
    assert of_relu == {"relu_kernel", "conv2d_kernel"}  # it is a member of the fused one


def test_memory_by_category() -> None:
    (found,) = blocks(sample_profile(), [CONV])
    assert found.category == MemoryCategory.ACTIVATION
    assert (found.count, found.total_bytes, found.largest_bytes) == (3, 3 * MIB, MIB)
    assert found.lifetime_ns == 1_800_000


def test_fused_neighbours_are_named() -> None:
    ((name, members),) = fused_with(sample_profile(), CONV)
    assert name == "conv_relu_0"
    assert members.tolist() == [CONV, RELU]
    assert fused_with(sample_profile(), NORM) == []
