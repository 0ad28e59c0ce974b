"""Real runs of ONNX Runtime, read back: steps, links, fusions and memory."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.captures import read_capture
from profilers.errors import CaptureFailed, DamagedFile, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import onnx_file
from profilers.opening import open_path
from profilers.profile import (
    NEVER_NS,
    MemoryCategory,
    Profile,
    Severity,
    SliceKind,
    TimingPhase,
    decode,
)
from profilers.profile.references import broken_references
from profilers.request import InputSpec, RunRequest
from tests.profilers.captures.linked import assert_linked

LEVELS = ("disabled", "basic", "extended", "all")
MODELS = ("cnn", "block", "control")
STEPS = 4

Run = Callable[[str, str], Profile]


def request_of(path: Path, level: str = "all") -> RunRequest:
    return RunRequest(
        str(path),
        "onnxruntime",
        inputs=onnx_file.inspect(path).inputs,
        steps=STEPS,
        warmup=1,
        threads=1,
        options={"level": level},
    )


@pytest.fixture(scope="module")
def run(onnx_files: Path, launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The profile of a model at a level; each is captured once."""
    profiles: dict[tuple[str, str], Profile] = {}

    def profile_of(name: str, level: str) -> Profile:
        if (name, level) not in profiles:
            folder = tmp_path_factory.mktemp(f"{name}_{level}")
            launcher.capture(request_of(onnx_files / f"{name}.onnx", level), folder)
            profiles[name, level] = read_capture(folder)
        return profiles[name, level]

    return profile_of


def kinds_of_breaks(profile: Profile) -> list[str]:
    return [profile.strings[kind] for kind in profile.fusion.breaks.kind]


def fusions(profile: Profile) -> dict[str, list[list[str]]]:
    """Operators of the members of each group, by the group's kind."""
    strings, fusion = profile.strings, profile.fusion
    found: dict[str, list[list[str]]] = {}
    for group, kind in enumerate(fusion.groups.kind):
        members = fusion.members.node[fusion.members.group == group]
        operators = [strings[profile.authored.nodes.operator[node]] for node in members]
        found.setdefault(strings[kind], []).append(operators)
    return found


def operators(profile: Profile) -> np.ndarray:
    return np.flatnonzero(profile.trace.slices.kind == SliceKind.OPERATOR)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MODELS)
def test_node_time_is_linked(run: Run, name: str, level: str) -> None:
    assert_linked(run(name, level))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", MODELS)
def test_every_reference_points_at_a_row(run: Run, name: str, level: str) -> None:
    assert broken_references(run(name, level)) == []


@pytest.mark.parametrize("name", MODELS)
def test_steps_and_timings(run: Run, name: str) -> None:
    profile = run(name, "all")
    slices = profile.trace.slices
    assert len(profile.steps) == STEPS
    assert (slices.kind == SliceKind.STEP).sum() == STEPS + 1  # one run goes before them
    in_steps = slices.step[operators(profile)]
    counts = np.bincount(in_steps[in_steps >= 0], minlength=STEPS)
    assert counts.min() > 0
    assert counts.min() == counts.max()
    phases = np.bincount(profile.timings.phase, minlength=5)
    assert phases[TimingPhase.MEASURED] >= phases[TimingPhase.PROFILED] == STEPS
    measured = profile.timings.duration_ns[profile.timings.phase == TimingPhase.MEASURED]
    assert 0 < np.median(measured) < np.median(profile.steps.duration_ns) * 100  # one unit


def test_nothing_is_fused_without_optimisation(run: Run) -> None:
    for name in MODELS:
        profile = run(name, "disabled")
        assert len(profile.fusion.groups) == 0
        slices = profile.trace.slices
        assert (slices.node[operators(profile)] >= 0).all()


def test_batch_norm_and_activation_join_their_convolution(run: Run) -> None:
    conv_norm = ["Conv", "BatchNormalization"]
    assert fusions(run("cnn", "basic")) == {"Conv": [conv_norm] * 2}
    assert fusions(run("cnn", "extended")) == {"FusedConv": [[*conv_norm, "Relu"]] * 2}
    assert list(fusions(run("cnn", "all")).values()) == [[[*conv_norm, "Relu"]] * 2]


@pytest.mark.parametrize("name", ["resnet", "resnet_half"])
def test_a_residual_add_joins_the_convolution_before_it(run: Run, name: str) -> None:
    profile = run(name, "all")
    if profile.strings.find("ReorderOutput") < 0:
        pytest.skip("this processor's ONNX Runtime does not block the layout")
    joined = fusions(profile)["Conv"]
    assert joined.count(["Conv", "Add", "Relu"]) == 6  # one per residual block
    assert joined.count(["Conv", "Relu"]) == 7
    assert link_coverage(profile).operator_time == 1.0


def test_casts_around_half_precision_are_breaks_of_the_node_that_needs_them(run: Run) -> None:
    profile = run("resnet_half", "disabled")
    strings, breaks = profile.strings, profile.fusion.breaks
    if not (breaks.kind == strings.find("precision cast")).any():
        pytest.skip("this ONNX Runtime computes in half precision")
    assert (breaks.node >= 0).all()
    assert link_coverage(profile).operator_time == 1.0


def test_a_layout_reorder_is_linked_and_named_as_a_break(run: Run) -> None:
    profile = run("cnn", "all")
    reorders = np.flatnonzero(profile.trace.slices.name == profile.strings.find("ReorderOutput"))
    if not len(reorders):
        pytest.skip("this processor's ONNX Runtime does not block the layout")
    nodes = set(profile.trace.slices.node[reorders].tolist())
    assert [profile.strings[profile.authored.nodes.operator[node]] for node in nodes] == ["Relu"]
    assert kinds_of_breaks(profile).count("layout reorder") == 1


def test_what_was_computed_ahead_or_removed_is_listed(run: Run) -> None:
    profile = run("block", "all")
    slices, breaks, strings = profile.trace.slices, profile.fusion.breaks, profile.strings
    kinds = kinds_of_breaks(profile)
    assert kinds.count("constant folded") > 5
    told = [each for each in profile.diagnostics if "while loading or removed" in each.message]
    assert told[0].count == kinds.count("constant folded") + kinds.count("removed")
    members = profile.fusion.members.node.tolist()
    for kind, node in zip(kinds, breaks.node.tolist(), strict=True):
        assert kind not in ("constant folded", "removed") or node not in members
        assert not (slices.node == node).any() or kind == "layout reorder", strings[node]


def test_linear_layers_of_the_block_become_gemms(run: Run) -> None:
    found = fusions(run("block", "extended"))
    assert found["Gemm"] == [["MatMul", "Add"]] * 4
    assert found["Split"] == [["Slice"] * 3]


def test_nodes_inside_control_flow_are_linked_to_their_body(run: Run) -> None:
    profile = run("control", "extended")
    slices, nodes, strings = profile.trace.slices, profile.authored.nodes, profile.strings
    assert fusions(profile)["FusedGemm"][-1] == ["Gemm", "Tanh"]
    subtractions = np.flatnonzero(slices.name == strings.find("Sub"))
    assert len(subtractions) >= 2 * (STEPS + 1)  # two rounds at least
    body = profile.authored.subgraphs
    for row in subtractions:
        subgraph = nodes.subgraph[slices.node[row]]
        assert strings[body.name[subgraph]] == "body"
        owners = {strings[slices.name[parent]] for parent in ancestors(profile, row)}
        assert "Loop" in owners


def test_each_round_of_a_loop_is_a_slice_of_its_node(run: Run) -> None:
    profile = run("control", "extended")
    slices, strings = profile.trace.slices, profile.strings
    loops = np.flatnonzero((slices.name == strings.find("Loop")) & (slices.step >= 0))
    assert len(loops) == STEPS
    for loop in loops.tolist():
        inside = np.flatnonzero(slices.parent == loop)
        count = len(inside)
        assert count >= 2
        assert [strings[row] for row in slices.name[inside]] == [
            f"round {number} of {count}" for number in range(1, count + 1)
        ]
        assert set(slices.node[inside].tolist()) == {int(slices.node[loop])}


def ancestors(profile: Profile, row: int) -> Iterator[int]:
    parent = profile.trace.slices.parent
    while (row := int(parent[row])) >= 0:
        yield row


def test_optimised_nodes_name_their_origins(run: Run) -> None:
    profile = run("cnn", "extended")
    authored, optimised = profile.graphs
    assert (authored.stage, optimised.stage) == ("authored", "optimised")
    strings = profile.strings
    fused = profile.fusion.groups.node[0]
    origins = optimised.origins.authored[optimised.origins.node == fused]
    assert [strings[authored.nodes.operator[node]] for node in origins] == [
        "Conv", "BatchNormalization", "Relu",
    ]  # fmt: skip


def test_weights_and_inputs_live_throughout(run: Run, onnx_files: Path) -> None:
    profile = run("cnn", "all")
    memory = profile.memory.allocations
    weights = memory.take(memory.category == MemoryCategory.PARAMETER)
    initializers = onnx.load(onnx_files / "cnn.onnx").graph.initializer
    assert weights.bytes.sum() == sum(len(weight.raw_data) for weight in initializers)
    assert (weights.freed_ns == NEVER_NS).all()
    fed = memory.take(memory.category == MemoryCategory.INPUT)
    assert fed.bytes.tolist() == [4 * 3 * 32 * 32]
    assert profile.strings[profile.authored.nodes.name[fed.node[0]]] == "x"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["cnn", "block"])
def test_activations_add_up_to_what_the_arena_reported(run: Run, name: str, level: str) -> None:
    profile = run(name, level)
    slices, allocations = profile.trace.slices, profile.memory.allocations
    made = allocations.take(allocations.category == MemoryCategory.ACTIVATION)
    rest = []
    for row in operators_of_steps(profile):
        end_ns = slices.start_ns[row] + slices.duration_ns[row]
        alive = (made.allocated_ns < end_ns) & (made.freed_ns >= end_ns)
        reported = decode(profile.trace.arguments, row)["mem_bytes_requested_in_use"]
        rest.append(int(reported) - made.bytes[alive].sum())
    assert len(set(rest)) == 1  # the weights that the arena holds, and nothing else


def operators_of_steps(profile: Profile) -> list[int]:
    return [row for row in operators(profile) if profile.trace.slices.step[row] >= 0]


def test_the_arena_itself_is_shown_beside(run: Run) -> None:
    counters = run("block", "all").memory.counters
    assert len(counters) == len(operators_of_steps(run("block", "all")))
    assert (np.diff(counters.time_ns) >= 0).all()
    assert (counters.reserved_bytes >= counters.allocated_bytes).all()
    assert counters.allocated_bytes.min() > 0


def test_a_convolution_output_dies_after_its_last_reader(run: Run) -> None:
    profile = run("cnn", "disabled")
    slices, strings = profile.trace.slices, profile.strings
    memory = profile.memory.allocations
    first_conv = next(
        row for row in operators(profile)
        if strings[slices.name[row]] == "Conv" and slices.step[row] == 0
    )  # fmt: skip
    (block,) = np.flatnonzero(memory.slice == first_conv)
    assert memory.bytes[block] == 4 * 16 * 32 * 32
    reader = next(
        row for row in operators(profile)
        if strings[slices.name[row]] == "BatchNormalization" and slices.step[row] == 0
    )  # fmt: skip
    reader_end = slices.start_ns[reader] + slices.duration_ns[reader]
    assert memory.freed_ns[block] >= reader_end


def test_folded_nodes_are_told(run: Run) -> None:
    folded = [d for d in run("block", "all").diagnostics if "take no time" in d.message]
    assert len(folded) == 1
    assert folded[0].count > 5
    assert not [d for d in run("block", "all").diagnostics if d.severity > Severity.INFO]


def test_environment(run: Run) -> None:
    environment = run("cnn", "basic").environment
    assert environment.framework.startswith("ONNX Runtime 1.")
    assert environment.mode == "onnxruntime"
    assert environment.facts["Optimisation level"] == "basic"
    assert environment.request["steps"] == STEPS


def test_external_weights_run(onnx_files: Path, launcher: Launcher, tmp_path: Path) -> None:
    launcher.capture(request_of(onnx_files / "cnn_external.onnx"), tmp_path)
    profile = read_capture(tmp_path)
    assert profile.authored.parameters.bytes.sum() > 20_000
    assert sum(file.stat().st_size for file in tmp_path.glob("*.onnx")) < 40_000


def test_without_inputs_the_model_is_asked(
    onnx_files: Path, launcher: Launcher, tmp_path: Path
) -> None:
    launcher.capture(replace(request_of(onnx_files / "cnn.onnx"), inputs=()), tmp_path)
    (spec,) = read_capture(tmp_path).environment.request["inputs"]
    assert (spec["name"], spec["dtype"], tuple(spec["shape"])) == ("x", "float32", (1, 3, 32, 32))


def test_inputs_from_a_file_keep_their_shapes(
    onnx_files: Path, launcher: Launcher, tmp_path: Path
) -> None:
    np.savez(tmp_path / "in.npz", tokens=np.full((1, 16), 99))
    request = request_of(onnx_files / "block.onnx")
    request = replace(request, inputs=(), inputs_file=str(tmp_path / "in.npz"))
    launcher.capture(request, tmp_path)
    (spec,) = read_capture(tmp_path).environment.request["inputs"]
    assert tuple(spec["shape"]) == (1, 16)


def test_a_wrong_shape_is_told_with_what_is_taken(
    onnx_files: Path, launcher: Launcher, tmp_path: Path
) -> None:
    request = replace(
        request_of(onnx_files / "cnn.onnx"), inputs=(InputSpec("x", "float32", (1, 4, 32, 32)),)
    )
    with pytest.raises(CaptureFailed) as raised:
        launcher.capture(request, tmp_path)
    assert raised.value.what == "The model rejects its inputs"
    assert "x=1,3,32,32:float32" in raised.value.remedy


def test_an_input_of_another_name_is_told(
    onnx_files: Path, launcher: Launcher, tmp_path: Path
) -> None:
    request = replace(
        request_of(onnx_files / "cnn.onnx"), inputs=(InputSpec("z", "float32", (1, 3, 32, 32)),)
    )
    with pytest.raises(CaptureFailed, match="rejects its inputs"):
        launcher.capture(request, tmp_path)


def test_a_failing_node_is_named(onnx_files: Path, launcher: Launcher, tmp_path: Path) -> None:
    outside = InputSpec("tokens", "int64", (1, 16), low=500, high=501)
    request = replace(request_of(onnx_files / "block.onnx"), inputs=(outside,))
    with pytest.raises(CaptureFailed) as raised:
        launcher.capture(request, tmp_path)
    assert "Gather" in raised.value.what
    assert "idx=500" in raised.value.why
    assert "/onnxruntime" not in raised.value.why


def test_an_unknown_operator_is_told(launcher: Launcher, tmp_path: Path) -> None:
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy"
    ]
    node = onnx.helper.make_node("Magic", ["x"], ["y"], domain="my.lab")
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:])
    path = tmp_path / "magic.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    with pytest.raises(CaptureFailed, match="Magic"):
        launcher.capture(RunRequest(str(path), "onnxruntime"), tmp_path)


def test_the_worker_side_needs_numpy_and_its_framework_alone() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, profilers.runtimes.ort.inference; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "numpy" in told
    assert not {"onnx", "google", "msgspec", "psutil", "zstandard"} & set(told)


def test_an_unknown_level_is_told(onnx_files: Path, launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(TwinscopeError, match="basic, extended, all"):
        launcher.capture(request_of(onnx_files / "cnn.onnx", "fastest"), tmp_path)


@pytest.mark.parametrize("file", ["model.onnx", "optimised.onnx", "onnxruntime_profile.json"])
def test_a_damaged_capture_is_refused(
    onnx_files: Path, launcher: Launcher, tmp_path: Path, file: str
) -> None:
    launcher.capture(request_of(onnx_files / "cnn.onnx"), tmp_path)
    whole = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFile):
        read_capture(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DamagedFile, match=file):
        read_capture(tmp_path)


def test_the_profile_file_opens_on_its_own(
    onnx_files: Path, launcher: Launcher, tmp_path: Path
) -> None:
    launcher.capture(request_of(onnx_files / "control.onnx"), tmp_path)
    profile = open_path(tmp_path / "onnxruntime_profile.json")
    assert isinstance(profile, Profile)
    assert len(profile.steps) == STEPS + 1
    assert profile.graphs == ()
    slices = profile.trace.slices
    depth_of_if = slices.depth[slices.name == profile.strings.find("If")]
    assert set(depth_of_if.tolist()) == {2}
    assert slices.depth.max() == 4
