"""A key-value cache, packed sequences, routed experts: linked in eager and compiled mode alike."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.errors import CaptureFailed
from profilers.profile import MemoryCategory, Profile, SliceKind
from tests.conftest import ROOT, Capture, ModelFolders
from tests.models.build_torch_kinds import KINDS
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models"


@pytest.fixture(scope="module")
def torch_kinds(model_folders: ModelFolders) -> Path:
    return model_folders["torch_kinds"]


def captured(capture: Capture, torch_kinds: Path, name: str, mode: str) -> Profile:
    path = torch_kinds / f"{name}.pt"
    return capture(path, mode, source_folder=str(MODELS), inputs=KINDS[name][1])


def breaks_of(profile: Profile, kind: str) -> list[tuple[str, str, str]]:
    """Reason, location and name of the node."""
    table, strings, nodes = profile.fusion.breaks, profile.strings, profile.authored.nodes
    return [
        (
            strings[int(table.reason[row])],
            strings[int(table.location[row])],
            strings[int(nodes.name[table.node[row]])] if table.node[row] >= 0 else "",
        )
        for row in range(len(table))
        if strings[int(table.kind[row])] == kind
    ]


@pytest.mark.parametrize("name", ["decoder", "variable_lstm", "experts"])
@pytest.mark.parametrize("mode", ["torch-eager", "torch-compile"])
def test_times_and_bytes_are_linked(
    capture: Capture, torch_kinds: Path, mode: str, name: str
) -> None:
    profile = captured(capture, torch_kinds, name, mode)
    assert_linked(profile)
    assert link_coverage(profile).fused_kernel_time == (1.0 if mode == "torch-compile" else None)


def test_weights_of_a_traced_lstm_are_known_though_it_takes_them_as_a_list(
    capture: Capture, torch_kinds: Path
) -> None:
    traced = captured(capture, torch_kinds, "variable_lstm", "torchscript").authored.parameters
    eager = captured(capture, torch_kinds, "variable_lstm", "torch-eager").authored.parameters
    assert traced.bytes.sum() == eager.bytes.sum()


def test_a_graph_that_all_experts_share_is_tied_to_each_of_them(
    capture: Capture, torch_kinds: Path
) -> None:
    profile = captured(capture, torch_kinds, "experts", "torch-compile")
    slices, groups, strings = profile.trace.slices, profile.fusion.groups, profile.strings
    names = [strings[row] for row in profile.authored.nodes.name.tolist()]
    ran = np.unique(slices.group[(slices.step == 1) & (slices.group >= 0)])
    fused = [row for row in ran.tolist() if strings[int(groups.kind[row])] == "C++/OpenMP"]
    assert len(fused) == 1
    runs = np.flatnonzero(
        (slices.group == fused[0]) & (slices.step == 1) & (slices.kind == SliceKind.OPERATOR)
    )
    assert [names[node] for node in slices.node[runs].tolist()] == [
        "silu", "silu_1", "silu_2", "silu_3",
    ]  # fmt: skip
    members = profile.fusion.members
    made_of = {names[node] for node in members.node[members.group == fused[0]].tolist()}
    assert made_of == {"silu", "silu_1", "silu_2", "silu_3"}


def test_a_backward_that_all_experts_share_is_tied_to_each_of_them(
    capture: Capture, torch_kinds: Path
) -> None:
    profile = capture(
        torch_kinds / "experts.pt",
        "torch-compile",
        source_folder=str(MODELS),
        inputs=KINDS["experts"][1],
        options={"run": "training"},
    )
    coverage = link_coverage(profile)
    assert coverage.operator_time is not None
    assert coverage.operator_time >= 0.95
    assert coverage.fused_kernel_time == 1.0
    slices, fusion, strings = profile.trace.slices, profile.fusion, profile.strings
    names = [strings[row] for row in profile.authored.nodes.name.tolist()]
    (generated,) = [
        group
        for group in np.unique(slices.group[slices.group >= 0]).tolist()
        if "silu_backward" in strings[fusion.groups.name[group]]
    ]
    made_of = {
        names[node] for node in fusion.members.node[fusion.members.group == generated].tolist()
    }
    assert {"silu", "silu_1", "silu_2", "silu_3"} <= made_of
    blocks, weights = profile.memory.allocations, profile.authored.parameters
    is_gradient = (blocks.category == MemoryCategory.GRADIENT) & (blocks.parameter >= 0)
    gradients = np.bincount(blocks.parameter[is_gradient], minlength=len(weights))
    assert gradients.tolist() == [len(profile.steps)] * len(weights)


def test_a_second_shape_is_told_as_a_recompilation_with_its_guard(
    capture: Capture, torch_kinds: Path
) -> None:
    profile = captured(capture, torch_kinds, "experts", "torch-compile")
    (told,) = breaks_of(profile, "recompile")
    reason, location, _ = told
    assert "tensor 'x' size mismatch at index 0" in reason
    file, _, line = location.partition(":")
    assert file == "torch_zoo.py"
    source = (MODELS / file).read_text().splitlines()
    assert "def forward(self, x: Tensor)" in source[int(line) - 1]
    assert "class Expert(" in "\n".join(source[int(line) - 8 : int(line)])


def test_a_break_in_a_loop_costs_the_whole_function(capture: Capture, torch_kinds: Path) -> None:
    profile = captured(capture, torch_kinds, "experts", "torch-compile")
    (told,) = breaks_of(profile, "graph break")
    reason, location, _ = told
    assert "output shape depends on input Tensor data" in reason
    assert "The whole function runs without the compiler" in reason
    source = (MODELS / "torch_zoo.py").read_text().splitlines()
    assert "torch.where(chosen == number)" in source[int(location.partition(":")[2]) - 1]


def test_breaks_lead_to_the_operators_that_they_name(capture: Capture, torch_kinds: Path) -> None:
    profile = captured(capture, torch_kinds, "variable_lstm", "torch-compile")
    found = breaks_of(profile, "graph break")
    assert [node for _, _, node in found] == ["_pack_padded_sequence", "lstm"]
    assert "site-packages" not in " ".join(reason for reason, _, _ in found)
    assert any("compile" in item.message for item in profile.diagnostics)


def test_operators_without_generated_code_are_told_one_by_one(
    capture: Capture, torch_kinds: Path
) -> None:
    profile = captured(capture, torch_kinds, "decoder", "torch-compile")
    found = breaks_of(profile, "fallback")
    assert [node for _, _, node in found] == [
        "scaled_dot_product_attention", "scaled_dot_product_attention_1",
        "scaled_dot_product_attention_2",
    ]  # fmt: skip
    kinds = [profile.strings[kind] for kind in profile.fusion.groups.kind.tolist()]
    assert kinds.count("fallback") == len(found)


def test_compile_phases_are_told(capture: Capture, torch_kinds: Path) -> None:
    facts = captured(capture, torch_kinds, "experts", "torch-compile").environment.facts
    assert all(word in facts["Compile time"] for word in ("Dynamo", "AOTAutograd", "Inductor"))
    assert facts["Slowest to compile"].startswith("forward (torch_zoo.py:")


def test_a_model_that_keeps_tensors_between_steps_cannot_train_and_says_so(
    capture: Capture, torch_kinds: Path
) -> None:
    with pytest.raises(CaptureFailed, match=r"keeps tensors of one step for the next"):
        capture(
            torch_kinds / "decoder.pt",
            "torch-eager",
            source_folder=str(MODELS),
            inputs=KINDS["decoder"][1],
            options={"run": "training"},
        )
