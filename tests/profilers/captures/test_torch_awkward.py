"""Complex spectra, inputs of every type, no weights at all: linked in every mode."""

import shutil

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.sweep import sweep_rows
from profilers.captures.pytorch.links import scope_paths
from profilers.errors import CaptureFailed
from profilers.profile import Profile
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture
from tests.profilers.captures.linked import assert_linked

FILE = ROOT / "tests" / "models" / "awkward.py"
INPUTS = {
    "Denoiser": (InputSpec("wave", "float32", (2, 1024)),),
    "Scores": (
        InputSpec("ids", "int64", (3, 16), low=0, high=16),
        InputSpec("mask", "bool", (3, 16)),
        InputSpec("x", "float64", (3, 16)),
        InputSpec("scale", "float64", ()),
    ),
}
MORE_INPUTS = {
    "Patches": (InputSpec("image", "float32", (2, 3, 16, 16)),),
    "Averages": (InputSpec("x", "float32", (8, 16)),),
    "Padded": (InputSpec("tokens", "int64", (2, 12), low=1, high=50),),
    "Forces": (InputSpec("positions", "float32", (8, 3)),),
    "Mapped": (InputSpec("x", "float32", (4, 16)),),
    "Pythonic": (InputSpec("x", "float32", (64, 64)),),
    "Recomputed": (InputSpec("x", "float32", (32, 64)),),
    "Jagged": (InputSpec("x", "float32", (12, 16)),),
    "Flexible": (InputSpec("x", "float32", (2, 8, 32)),),
}


def captured(capture: Capture, name: str, mode: str, **options: str) -> Profile:
    inputs = (INPUTS | MORE_INPUTS)[name]
    return capture(FILE, mode, signature=name, inputs=inputs, options=options)


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("mode", ["torch-eager", "torch-export", "torchscript"])
def test_times_and_bytes_are_linked(capture: Capture, mode: str, name: str) -> None:
    profile = captured(capture, name, mode)
    assert broken_references(profile) == []
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("Patches", "torch-eager"),
        ("Averages", "torch-eager"),
        ("Averages", "torch-aoti"),
        ("Pythonic", "torchscript"),
    ],
)
def test_fast_paths_and_copies_of_results_are_linked(
    capture: Capture, name: str, mode: str
) -> None:
    profile = captured(capture, name, mode)
    assert broken_references(profile) == []
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert (coverage.peak_bytes or 0.0) >= 0.95


def test_what_guards_look_at_is_no_operator_of_the_model(capture: Capture) -> None:
    profile = captured(capture, "Scores", "torch-compile")
    slices = profile.trace.slices
    guards = slices.name == profile.strings.find("TorchDynamo Cache Lookup")
    assert guards.any()  # the guard on a number without dimensions reads it: aten::item
    inside = np.append(guards, False)[slices.parent]
    assert profile.strings.find("aten::item") in slices.name[inside].tolist()
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.fused_kernel_time or 0.0) >= 0.95


def test_nested_tensors_are_followed_through_the_graph(capture: Capture) -> None:
    profile = captured(capture, "Padded", "torch-eager")
    assert link_coverage(profile).operator_time == 1.0
    graph, strings = profile.authored, profile.strings
    operators = [strings[row] for row in graph.nodes.operator.tolist()]
    first, second = (
        row for row, name in enumerate(operators) if name == "aten::_transformer_encoder_layer_fwd"
    )
    edges = set(zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    made = operators.index("aten::_nested_tensor_from_mask")
    padded = operators.index("aten::to_padded_tensor")
    assert {(made, first), (first, second), (second, padded)} <= edges
    assert (operators.index("aten::embedding"), made) in edges


def test_nested_tensors_that_inference_mode_refuses_are_compiled(capture: Capture) -> None:
    profile = captured(capture, "Jagged", "torch-compile")
    assert_linked(profile)
    assert len(profile.fusion.groups) > 0


@pytest.mark.parametrize("mode", ["torch-eager", "torch-export"])
def test_a_program_that_cannot_be_written_down_is_recorded(capture: Capture, mode: str) -> None:
    profile = captured(capture, "Flexible", mode)
    (told,) = [each.message for each in profile.diagnostics if "one run executed" in each.message]
    assert "operator flex_attention" in told
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_the_graph_of_a_package_is_that_of_its_kernels_where_none_can_be_written_down(
    capture: Capture,
) -> None:
    profile = captured(capture, "Flexible", "torch-aoti")
    (told,) = [each.message for each in profile.diagnostics if "package's kernels" in each.message]
    assert "operator flex_attention" in told
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert any(each.startswith("cpp_") and "flex_attention" in each for each in operators)
    assert broken_references(profile) == []
    assert (link_coverage(profile).operator_time or 0.0) >= 0.95


def test_kernels_of_blocks_computed_again_belong_to_the_block_they_come_from(
    capture: Capture,
) -> None:
    profile = captured(capture, "Recomputed", "torch-compile", run="training")
    assert broken_references(profile) == []
    assert link_coverage(profile).fused_kernel_time == 1.0
    strings, nodes = profile.strings, profile.authored.nodes
    paths = scope_paths(profile.authored, strings)
    modules = [paths.get(scope, "") for scope in nodes.scope.tolist()]
    groups, members = profile.fusion.groups, profile.fusion.members
    made_of = [
        {modules[node] for node in members.node[members.group == group].tolist()}
        for group in range(len(groups))
    ]
    blocks = [{module.partition(".")[0] for module in each} for each in made_of]
    assert {len(each) for each in blocks} == {1}
    slices = profile.trace.slices
    ran: dict[str, list[int]] = {}
    for group in slices.group[(slices.step == 0) & (slices.group >= 0)].tolist():
        ran.setdefault(profile.graphs[groups.stage[group]].stage, []).append(group)
    in_order = [block for group in ran["inductor"] for block in blocks[group]]
    assert in_order == sorted(in_order, key=["first", "second", "head"].index)
    for stage in ("inductor", "inductor backward"):
        assert set().union(*(made_of[group] for group in ran[stage])) >= set(modules) - {""}


def test_kernels_of_an_operator_written_in_python_are_made_of_what_it_calls(
    capture: Capture,
) -> None:
    profile = captured(capture, "Pythonic", "torch-compile", run="training")
    nodes, members = profile.authored.nodes, profile.fusion.members
    made_of: dict[str, set[str]] = {}
    for group, node in zip(members.group.tolist(), members.node.tolist(), strict=True):
        name = profile.strings[int(profile.fusion.groups.name[group])]
        made_of.setdefault(name, set()).add(profile.strings[int(nodes.operator[node])])
    (forward,) = [name for name in made_of if "mul_sin" in name]
    (backward,) = [name for name in made_of if "add_cos_mul" in name]
    assert made_of[forward] == {"aten.mul.Tensor", "aten.sin", "aten.add.Tensor"}
    assert made_of[forward] <= made_of[backward]


@pytest.mark.parametrize("name", ["Forces", "Mapped"])
def test_models_that_want_gradients_or_the_compiler_run_operator_by_operator(
    capture: Capture, name: str
) -> None:
    coverage = link_coverage(captured(capture, name, "torch-eager"))
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95


def test_other_sizes_of_a_model_that_wants_gradients_run_as_its_own_does(capture: Capture) -> None:
    profile = capture(
        FILE, "torch-eager", signature="Forces", inputs=MORE_INPUTS["Forces"], sweep={"batch": [3]}
    )
    assert [row["problem"] for row in sweep_rows(profile)] == [None]


def test_padded_encoders_run_under_autocast_though_their_fused_path_does_not(
    capture: Capture,
) -> None:
    profile = captured(capture, "Padded", "torch-eager", autocast="bfloat16")
    assert any("fused path" in each.message for each in profile.diagnostics)
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95


def test_a_trace_of_a_loop_as_an_operator_says_what_can_run_it(capture: Capture) -> None:
    with pytest.raises(CaptureFailed, match=r"parts of it compiled, by .* torch\.cond") as told:
        captured(capture, "Mapped", "torchscript")
    assert told.value.remedy == "Run it as PyTorch eager, compiled or exported program."


def test_a_backward_that_the_cpu_lacks_says_where_it_can_be_trained(capture: Capture) -> None:
    inputs = MORE_INPUTS["Flexible"]
    with pytest.raises(CaptureFailed, match="failed on its first step") as told:
        capture(
            FILE,
            "torch-eager",
            signature="Flexible",
            inputs=inputs,
            options={"run": "training"},
        )
    assert told.value.remedy == "Run its inference, or train it on a GPU."
