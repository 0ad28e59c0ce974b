"""What fusing saved: real captures of one model in two modes, and the rules of sharing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.fusion_savings import FusionSavings, fusion_savings
from profilers.analysis.fusion_times import (
    backward_node_times,
    group_times,
    node_times,
    work_time,
)
from profilers.analysis.pairing.matching import NodePairs, match_graphs
from profilers.profile import Fusion, FusionMembers, Profile, SliceKind, StringPool
from tests.conftest import Capture
from tests.sample import sample_profile

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def compiled(capture: Capture, torch_files: Path) -> Profile:
    return capture(torch_files / "cnn.pt", "torch-compile", source_folder=str(MODELS))


@pytest.fixture(scope="module")
def eager(capture: Capture, torch_files: Path) -> Profile:
    return capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))


def compared(fused: Profile, apart: Profile) -> FusionSavings:
    match = match_graphs(fused.authored, fused.strings, apart.authored, apart.strings)
    return fusion_savings(fused, apart, match.nodes)


def same(profile: Profile) -> NodePairs:
    rows = np.arange(len(profile.authored.nodes))
    return NodePairs.of(a=rows, b=rows, confidence=np.ones(len(rows)))


def apart(profile: Profile) -> Profile:
    """The same without its fusion."""
    return replace(profile, fusion=Fusion.empty())


def test_what_is_fused_in_the_other_profile_too_is_unknown(compiled: Profile) -> None:
    savings = compared(compiled, compiled)
    size = np.bincount(compiled.fusion.members.group)
    assert np.isnan(savings.saved_ns[size > 1]).all()
    assert (size > 1).any()


def test_every_kernel_of_a_compiled_model_is_compared(compiled: Profile, eager: Profile) -> None:
    savings = compared(compiled, eager)
    assert (savings.matched == 1.0).all()
    assert (savings.kernel_ns > 0).all()
    assert not np.isnan(savings.saved_ns).any()
    fused = np.unique(compiled.fusion.members.node)
    whole = savings.member_ns[fused].sum()
    assert savings.apart_ns.sum() == pytest.approx(whole)  # nothing is counted twice
    assert whole <= node_times(eager).sum() * 1.000001


def test_a_library_s_kernel_is_compared_with_the_operator_that_it_runs(
    compiled: Profile, eager: Profile
) -> None:
    savings, groups = compared(compiled, eager), compiled.fusion.groups
    names = [compiled.strings[row] for row in groups.name.tolist()]
    operators = [compiled.strings[row] for row in compiled.authored.nodes.operator.tolist()]
    convolutions = [row for row, name in enumerate(names) if "aten.convolution" in name]
    assert len(convolutions) == 2
    expected = [savings.member_ns[row] for row, each in enumerate(operators) if "conv2d" in each]
    assert savings.apart_ns[convolutions].tolist() == expected


def test_times_of_groups_and_nodes_add_up_to_those_of_the_trace(compiled: Profile) -> None:
    times = group_times(compiled)
    slices = compiled.trace.slices
    outermost = (
        (slices.group >= 0)
        & (slices.kind == SliceKind.OPERATOR)
        & (np.append(slices.group, -1)[slices.parent] < 0)
        & (slices.step >= 0)
    )
    whole = slices.duration_ns[outermost].sum() / len(compiled.steps)
    assert times.sum() == pytest.approx(whole)
    assert times.sum() <= work_time(compiled) * 1.000001


def test_a_node_in_several_kernels_is_shared_by_their_times() -> None:
    profile = sample_profile(blocks=2)
    first = profile.fusion.members.node[:2]  # a convolution and an activation
    members = FusionMembers.of(group=np.array([0, 0, 1]), node=np.append(first, first[0]))
    profile = replace(profile, fusion=replace(profile.fusion, members=members))
    savings = fusion_savings(profile, apart(profile), same(profile))
    own = savings.member_ns[first]
    assert savings.apart_ns.tolist() == pytest.approx([own[0] / 2 + own[1], own[0] / 2])


def test_a_kernel_without_source_takes_its_node_alone() -> None:
    profile = sample_profile(blocks=2)
    pool = StringPool(profile.strings)
    first = profile.fusion.members.node[:2]
    members = FusionMembers.of(group=np.array([0, 0, 1]), node=np.append(first, first[0]))
    groups = profile.fusion.groups.replace(source=np.array([pool.add("void kernel() {}"), -1]))
    fusion = replace(profile.fusion, members=members, groups=groups)
    profile = replace(profile, fusion=fusion, strings=pool.table())
    savings = fusion_savings(profile, apart(profile), same(profile))
    own = savings.member_ns[first]
    assert savings.apart_ns.tolist() == pytest.approx([own[1], own[0]])


def test_kernels_without_twins_are_unknown() -> None:
    profile = sample_profile(blocks=2)
    half = same(profile).take(profile.fusion.members.node[:2])
    savings = fusion_savings(profile, apart(profile), half)
    assert savings.matched.tolist() == [1.0, 0.0]
    assert np.isnan(savings.saved_ns).tolist() == [False, True]


def test_forward_and_backward_are_compared_apart(rotary: Callable[[str, str], Profile]) -> None:
    fused, eager = (rotary(mode, "training") for mode in ("torch-compile", "torch-eager"))
    savings = compared(fused, eager)
    names = [fused.strings[row] for row in fused.fusion.groups.name.tolist()]
    assert 0 < savings.is_backward.sum() < len(names)
    known = ~np.isnan(savings.saved_ns)
    in_backward = backward_node_times(eager)
    assert 0 < in_backward.sum() < node_times(eager).sum()
    for is_backward, limit in (
        (True, in_backward.sum()),
        (False, (node_times(eager) - in_backward).sum()),
    ):
        part = known & (savings.is_backward == is_backward)
        assert part.any()
        assert 0 < savings.apart_ns[part].sum() <= limit * 1.000001


def test_a_backward_is_not_compared_with_a_forward(
    rotary: Callable[[str, str], Profile],
) -> None:
    fused, eager = rotary("torch-compile", "training"), rotary("torch-eager", "inference")
    savings = compared(fused, eager)
    assert np.isnan(savings.saved_ns[savings.is_backward]).all()
    assert not np.isnan(savings.saved_ns[~savings.is_backward]).all()


def test_an_inference_is_compared_with_the_forward_of_a_training_step(
    rotary: Callable[[str, str], Profile],
) -> None:
    fused, eager = rotary("torch-compile", "inference"), rotary("torch-eager", "training")
    savings = compared(fused, eager)
    forward_ns = node_times(eager) - backward_node_times(eager)
    known = savings.member_ns >= 0
    assert known.any()
    assert savings.member_ns[known].sum() <= forward_ns.sum() * 1.000001
    assert savings.apart_ns[savings.apart_ns >= 0].sum() <= forward_ns.sum() * 1.000001
