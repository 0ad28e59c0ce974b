"""Real captures of an H100 and an H200, made by tests/models/build_gpu_captures.py and read where there is no GPU."""

import zipfile
from collections import Counter

import numpy as np
import pytest

from profilers.analysis.advice import findings
from profilers.analysis.comparison import compare
from profilers.analysis.memory.segments import segment_map
from profilers.captures import read_capture
from profilers.captures.pytorch.cuda_graph_links import align_replay
from profilers.captures.pytorch.links import outermost_operators
from profilers.graphs.torch_inductor_code import KernelCall
from profilers.opening import open_path
from profilers.profile import MemoryCategory, Profile, SliceKind, TrackKind, decode
from profilers.profile.references import broken_references
from tests.conftest import ROOT
from tests.profilers.captures.linked import assert_linked

GPU = ROOT / "tests" / "data" / "gpu"
NAMES = sorted(path.stem for path in GPU.glob("*.zip"))


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Profile]:
    profiles = {}
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        with zipfile.ZipFile(GPU / f"{name}.zip") as packed:
            packed.extractall(folder)
        profiles[name] = read_capture(folder)
    return profiles


def kernels_of(profile: Profile) -> np.ndarray:
    return np.flatnonzero(profile.trace.slices.kind == SliceKind.KERNEL)


@pytest.mark.parametrize("name", NAMES)
def test_the_work_of_a_gpu_is_linked_to_the_model(captures: dict[str, Profile], name: str) -> None:
    profile = captures[name]
    assert broken_references(profile) == []
    assert profile.environment.facts["GPU"].startswith("NVIDIA H")
    tracks, slices = profile.trace.tracks, profile.trace.slices
    kernels = kernels_of(profile)
    assert len(kernels) > 0
    assert set(tracks.kind[slices.track[kernels]].tolist()) == {TrackKind.STREAM}
    assert_linked(profile)


def test_tritons_kernels_are_those_that_ran(captures: dict[str, Profile]) -> None:
    profile = captures["cnn_compiled"]
    groups, slices, strings = profile.fusion.groups, profile.trace.slices, profile.strings
    is_triton = groups.kind == strings.find("Triton")
    assert is_triton.sum() >= 5
    for group in np.flatnonzero(is_triton).tolist():
        ran = kernels_of(profile)[slices.group[kernels_of(profile)] == group]
        assert Counter(slices.step[ran].tolist()) == {0: 1, 1: 1}  # once a step
        assert {strings[name] for name in slices.name[ran]} == {strings[groups.name[group]]}
        assert "@triton.jit" in strings[groups.source[group]]


def test_library_kernels_bear_the_name_of_their_library(captures: dict[str, Profile]) -> None:
    told = {}
    for name in ("cnn_compiled", "block_cuda_graph"):
        groups, strings = captures[name].fusion.groups, captures[name].strings
        columns = groups.name.tolist(), groups.kind.tolist()
        told |= {strings[row]: strings[kind] for row, kind in zip(*columns, strict=True)}
    assert told["aten.convolution (implicit GEMM)"] == "cuDNN"
    assert told["aten.convolution (direct convolution)"] == "cuDNN"
    assert told["aten.addmm (GEMV)"] == "cuBLAS"
    attention = "aten._scaled_dot_product_efficient_attention (CUTLASS attention)"
    assert told[attention] == "fallback"


def test_kernels_of_a_replayed_cuda_graph_find_their_calls(captures: dict[str, Profile]) -> None:
    """One launch stands for all of them, and library kernels do not bear the operator's name."""
    profile = captures["block_cuda_graph"]
    slices, strings, nodes = profile.trace.slices, profile.strings, profile.authored.nodes
    launches = slices.name == strings.find("cudaGraphLaunch")
    assert launches.sum() == len(profile.steps)
    first = int(slices.correlation[launches][0])
    rows = kernels_of(profile)[slices.correlation[kernels_of(profile)] == first]
    told = [
        (
            strings[nodes.name[slices.node[row]]],
            strings[profile.fusion.groups.kind[slices.group[row]]],
        )
        for row in rows[np.argsort(slices.start_ns[rows])].tolist()
    ]
    assert told == [
        ("embedding", "Triton"), ("linear", "cuBLAS"),
        ("scaled_dot_product_attention", "fallback"), ("linear_1", "cuBLAS"),
        ("linear_1", "Triton"), ("linear_2", "cuBLAS"), ("linear_2", "Triton"),
        ("linear_3", "cuBLAS"), ("linear_3", "cuBLAS"), ("linear_3", "Triton"),
    ]  # fmt: skip


def test_backward_and_optimiser_run_on_the_gpu_and_are_linked(
    captures: dict[str, Profile],
) -> None:
    profile = captures["cnn_training"]
    slices, strings = profile.trace.slices, profile.strings
    kernels = kernels_of(profile)
    assert (slices.node[kernels] >= 0).mean() > 0.95
    backward = [row for row in kernels.tolist() if "backward" in strings[slices.name[row]].lower()]
    assert backward
    flows = profile.trace.flows
    launched = np.isin(kernels, flows.target[flows.kind == strings.find("launch")])
    assert launched.all()


def test_a_real_allocator_snapshot_tells_blocks_stacks_and_running_out_of_memory() -> None:
    profile = open_path(GPU / "allocator.pickle")
    assert isinstance(profile, Profile)
    assert broken_references(profile) == []
    blocks = profile.memory.allocations
    assert len(blocks) > 100
    assert (blocks.slice >= 0).any()
    assert any("Memory ran out on cuda:0" in told.message for told in profile.diagnostics)
    names = {profile.strings[name] for name in profile.trace.slices.name.tolist()}
    assert any(name.startswith("alloc · forward (tests/models/torch_zoo.py:") for name in names)
    assert any("ConvolutionBackward0" in name for name in names)  # no Python runs in backward
    assert "Optimizer.step#Adam.step" in names
    last_ns = int(blocks.allocated_ns.max())
    segments = segment_map(profile, profile.strings.find("cuda:0"), last_ns)
    assert len(segments.begin) >= 2
    assert (segments.used <= segments.end - segments.begin).all()


def call(name: str, kind: str = "extern") -> KernelCall:
    return KernelCall(name, "", kind, "", (), ())


def test_a_product_in_two_halves_is_one_call() -> None:
    calls = [
        call("triton_a", "Triton"),
        call("aten.mm"),
        call("aten.mm"),
        call("triton_b", "Triton"),
    ]
    halves = ["triton_a", "gemm", "splitKreduce_kernel", "gemm", "triton_b"]
    assert align_replay(halves, calls) == [0, 1, 1, 2, 3]
    assert align_replay(["triton_a", "gemm", "gemm", "triton_b"], calls) == [0, 1, 2, 3]
    assert align_replay(["copy", "triton_b"], calls) == [1, 3]
    assert align_replay(["anything"], []) == [-1]


def test_a_kernel_claims_no_layers_before_the_one_it_computes(
    captures: dict[str, Profile],
) -> None:
    """Inductor's own record runs back through every buffer that it laid out anew."""
    profile = captures["cnn_compiled"]
    names, fusion = profile.strings, profile.fusion
    members = {
        names[int(name)]: {
            names[int(node)]
            for node in profile.authored.nodes.name[
                fusion.members.node[fusion.members.group == row]
            ]
        }
        for row, name in enumerate(fusion.groups.name)
        if names[int(name)].startswith("triton")
    }
    prefix = "triton_{}_fused__native_batch_norm_legit_no_training_convolution_{}"
    assert members[prefix.format("poi", "relu_2")] == {"conv2d", "batch_norm", "relu"}
    assert members[prefix.format("poi", "relu_3")] == {"conv2d_1"}  # its weights laid out anew
    assert members[prefix.format("red", "mean_relu_4")] == {
        "conv2d_1", "batch_norm_1", "relu_1", "adaptive_avg_pool2d"
    }  # fmt: skip
    assert members[prefix.format("per", "mean_relu_5")] == {"adaptive_avg_pool2d"}


def test_kernels_of_a_command_buffer_find_their_instructions(captures: dict[str, Profile]) -> None:
    """XLA's trace names the buffer alone, and a kernel that is run again bears its first name."""
    profile = captures["encoder_jax"]
    modules = [each.title for each in profile.reports if each.title.startswith("Memory of an HLO")]
    assert "jit_model" in modules[0]  # the step's own program comes before those of its set-up
    slices, strings, fusion = profile.trace.slices, profile.strings, profile.fusion
    kernels = kernels_of(profile)
    rows = kernels[slices.step[kernels] == 0]
    rows = rows[np.argsort(slices.start_ns[rows])]
    told = {str(decode(profile.trace.arguments, row)["hlo_op"]) for row in rows.tolist()}
    assert told == {"command_buffer_1"}
    groups = slices.group[rows]
    assert len(set(groups.tolist())) == len(rows) == len(fusion.groups)  # each instruction once
    assert len({strings[name] for name in slices.name[rows]}) < len(rows)
    nodes = profile.authored.nodes
    blocks = [
        strings[nodes.name[node]].split("/")[1].partition("_")[0] for node in slices.node[rows]
    ]
    in_order = [block for block in blocks if block.startswith("encoder")]
    assert in_order == sorted(in_order)
    assert Counter(in_order)["encoder0"] == Counter(in_order)["encoder1"] > 10  # two alike


def test_a_training_step_on_a_gpu_is_read_by_its_own_program(captures: dict[str, Profile]) -> None:
    """The worker's inference had a program of the same name."""
    profile = captures["encoder_jax_training"]
    names = [profile.strings[name] for name in profile.authored.nodes.name.tolist()]
    ran = {names[node] for node in profile.trace.slices.node.tolist() if node >= 0}
    assert any(name.startswith("gradient/") for name in ran)
    assert any(name.startswith("adam") for name in ran)


def test_kernels_of_onnx_runtime_belong_to_the_nodes_that_launched_them(
    captures: dict[str, Profile],
) -> None:
    profile = captures["cnn_onnxruntime"]
    slices, strings, nodes = profile.trace.slices, profile.strings, profile.authored.nodes
    ran: dict[str, set[str]] = {}
    for row in kernels_of(profile):
        operator = strings[int(nodes.operator[slices.node[row]])]
        ran.setdefault(operator, set()).add(strings[int(slices.name[row])])
    assert any("convolve" in name or "gemm" in name or "conv" in name for name in ran["Conv"])
    assert all("Relu" in name or "UnaryElementWise" in name for name in ran["Relu"])
    flows = profile.trace.flows
    launched = dict(zip(flows.target.tolist(), flows.source.tolist(), strict=True))
    for row in kernels_of(profile).tolist():
        call = launched[row]
        outer = int(slices.parent[call])  # the operator that the host was in
        assert slices.kind[call] == SliceKind.RUNTIME
        assert slices.kind[outer] == SliceKind.OPERATOR
        assert slices.node[outer] == slices.node[row]


def test_memory_of_onnx_runtime_lies_where_its_provider_runs(captures: dict[str, Profile]) -> None:
    memory, strings = captures["cnn_onnxruntime"].memory, captures["cnn_onnxruntime"].strings
    blocks = memory.allocations
    places = {
        MemoryCategory(kind).name: {strings[row] for row in blocks.device[blocks.category == kind]}
        for kind in np.unique(blocks.category).tolist()
    }
    assert places["ACTIVATION"] == places["PARAMETER"] == {"cuda:0"}
    assert places["INPUT"] == {"cpu"}
    assert "arenas (cuda:0)" in memory.source


def test_a_layout_that_export_did_not_foresee_belongs_to_what_made_the_tensor(
    captures: dict[str, Profile],
) -> None:
    profile = captures["depthwise_keras_torch"]
    slices, strings = profile.trace.slices, profile.strings
    nodes = profile.authored.nodes
    rows, _ = outermost_operators(slices, strings)
    rewrites = [row for row in rows if strings[int(slices.name[row])] == "aten::contiguous"]
    made_for = {strings[int(nodes.operator[slices.node[row]])] for row in rewrites}
    assert made_for == {"aten.contiguous", "aten.permute"}  # in the graph, and beside it


def test_onnx_runtime_on_a_gpu_beside_pytorch(captures: dict[str, Profile]) -> None:
    torch, runtime = captures["cnn_training"], captures["cnn_onnxruntime"]
    assert torch.environment.facts["GPU"] != runtime.environment.facts["GPU"]  # one tells more
    assert not [each for each in compare(torch, runtime).cautions if "GPU" in each]
    remedies = {each.advice for each in findings(runtime) if each.id == "waiting-for-host"}
    assert any("I/O binding" in each for each in remedies)
    assert not any("torch.compile" in each for each in remedies)
