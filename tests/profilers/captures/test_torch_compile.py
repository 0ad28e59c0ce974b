"""What torch.compile made of a model: kernels, their members, their slices, cuts, and failures."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.captures import read_capture
from profilers.captures.pytorch.files import COMPILATION_FILE
from profilers.profile import Graph, NodeKind, Profile, SliceKind
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from tests.conftest import Capture, CaptureFolder
from tests.profilers.captures.linked import assert_linked

MODELS = Path(__file__).parents[2] / "models"
POOLED = """import torch


class Pooled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 3)

    def forward(self, x):
        found = self.second(torch.nn.functional.max_pool2d(self.first(x), 2))
        pairs, means = torch.arange(8) // 2, found.mean((0, 2, 3))
        least = torch.zeros(4).scatter_reduce(0, pairs, means, "amin")
        most = torch.ones(4).scatter_reduce(0, pairs, means * 2, "amax")
        return least + most
"""


def names(profile: Profile, graph: Graph, nodes: np.ndarray) -> set[str]:
    return {profile.strings[int(row)] for row in graph.nodes.name[nodes]}


@pytest.fixture(scope="module")
def cnn(capture: Capture, torch_files: Path) -> Profile:
    return capture(torch_files / "cnn.pt", "torch-compile", source_folder=str(MODELS))


@pytest.fixture(scope="module")
def control(capture: Capture, torch_files: Path) -> Profile:
    return capture(torch_files / "control.pt", "torch-compile", source_folder=str(MODELS))


def test_the_authored_graph_is_that_of_eager_mode(
    cnn: Profile, capture: Capture, torch_files: Path
) -> None:
    eager = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    everything = np.arange(len(cnn.authored.nodes))
    assert names(cnn, cnn.authored, everything) == names(eager, eager.authored, everything)


def test_a_generated_kernel_knows_its_members_its_source_and_its_slices(cnn: Profile) -> None:
    groups, slices = cnn.fusion.groups, cnn.trace.slices
    kinds = [cnn.strings[kind] for kind in groups.kind.tolist()]
    fused = [row for row, kind in enumerate(kinds) if kind == "C++/OpenMP"]
    members = cnn.fusion.members
    by_group = {row: names(cnn, cnn.authored, members.node[members.group == row]) for row in fused}
    assert any({"batch_norm", "relu"} <= made_of for made_of in by_group.values())
    for row in fused:
        source, name = cnn.strings[groups.source[row]], cnn.strings[groups.name[row]]
        assert "void  kernel(" in source
        runs = np.flatnonzero((slices.group == row) & (slices.kind == SliceKind.OPERATOR))
        assert len(runs) == len(cnn.steps)
        assert all(name in cnn.strings[slices.name[run]] for run in runs.tolist())
        assert slices.node[runs[0]] in members.node[members.group == row]


def test_kernels_are_found_where_graphs_that_failed_were_counted_before(
    capture_folder: CaptureFolder, torch_files: Path, tmp_path: Path
) -> None:
    """Names of kernels bear another number than the graph then."""
    folder = capture_folder(torch_files / "cnn.pt", "torch-compile", source_folder=str(MODELS))
    later = shutil.copytree(folder, tmp_path / "later")
    text = (later / COMPILATION_FILE).read_text()
    number = re.search(r"# AOT ID: \['(\d+)_", text)
    assert number is not None
    counted = text.replace(number[0], f"# AOT ID: ['{int(number[1]) + 22}_")
    (later / COMPILATION_FILE).write_text(counted)
    coverage = link_coverage(read_capture(later))
    assert (coverage.operator_time, coverage.fused_kernel_time) == (1.0, 1.0)


def test_kernels_of_branches_and_loops_are_of_the_nodes_in_their_bodies(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "control.pt2", "torch-compile")
    assert_linked(profile)
    assert [profile.strings[kind] for kind in profile.fusion.breaks.kind.tolist()] == []
    graph, groups, members = profile.authored, profile.fusion.groups, profile.fusion.members
    of_group = [members.node[members.group == row].tolist() for row in range(len(groups))]
    assert all(len(np.unique(graph.nodes.subgraph[nodes])) == 1 for nodes in of_group)
    runs = {}
    for row, nodes in enumerate(of_group):
        body = int(graph.nodes.subgraph[nodes[0]])
        slices = profile.trace.slices
        is_call = (slices.group == row) & (slices.kind == SliceKind.OPERATOR)
        is_call &= ~np.isin(slices.parent, np.flatnonzero(is_call))
        runs.setdefault(body, {})[profile.strings[groups.name[row]]] = int(is_call.sum())
        assert set(slices.node[is_call].tolist()) <= set(nodes)
    titles = [profile.strings[row] for row in graph.subgraphs.name.tolist()]
    assert titles == ["then", "else", "cond", "body"]
    ran = [sorted(set(runs[body].values())) for body in range(4)]
    assert sorted(ran[:2]) == [[0], [len(profile.steps)]]  # one branch was taken
    ((cond,), (body,)) = ran[2:]
    assert cond - body == len(profile.steps)
    assert body in (2 * len(profile.steps), 3 * len(profile.steps))


def test_a_kernel_that_the_compiler_names_nothing_for_is_of_no_node(
    capture_folder: CaptureFolder, torch_files: Path, tmp_path: Path
) -> None:
    """And not of those beside it."""
    folder = capture_folder(torch_files / "cnn.pt", "torch-compile", source_folder=str(MODELS))
    untold = shutil.copytree(folder, tmp_path / "untold")
    document = json.loads((untold / COMPILATION_FILE).read_text())
    made_of = document["graphs"][0]["provenance"]["cppCodeToPost"]
    handle = next(each for each in made_of if each.startswith("cpp_fused_") and "relu" in each)
    del made_of[handle]
    (untold / COMPILATION_FILE).write_text(json.dumps(document))
    whole, profile = read_capture(folder), read_capture(untold)
    named = [profile.strings[row] for row in profile.fusion.groups.name.tolist()]
    nameless = named.index(handle.rpartition(":")[0])
    of_group = [
        [
            each.fusion.members.node[each.fusion.members.group == row].tolist()
            for row in range(len(named))
        ]
        for each in (whole, profile)
    ]
    assert of_group[1][nameless] == []
    assert of_group[0][nameless] != []
    del of_group[0][nameless], of_group[1][nameless]
    assert of_group[0] == of_group[1]
    assert any("names no operator for one" in each.message for each in profile.diagnostics)
    slices = profile.trace.slices
    ran = (slices.group == nameless) & (slices.kind == SliceKind.OPERATOR)
    assert ran.any()
    assert set(slices.node[ran].tolist()) == {-1}


def test_calls_of_operators_bear_the_library_that_ran_them(cnn: Profile) -> None:
    groups, slices, strings = cnn.fusion.groups, cnn.trace.slices, cnn.strings
    told = {}
    for row, name in enumerate(groups.name.tolist()):
        inside = {strings[each] for each in slices.name[slices.group == row].tolist()}
        told[strings[name]] = strings[groups.kind[row]], inside
    library, inside = next(
        found for name, found in told.items() if name.startswith("aten.convolution")
    )
    assert library == ("oneDNN" if "aten::mkldnn_convolution" in inside else "PyTorch")
    assert told["aten.addmm (GEMM)"][0] == cnn.environment.facts["BLAS"]


def test_the_stage_joins_kernels_by_buffers_and_reads_the_weights(cnn: Profile) -> None:
    stage = cnn.graphs[1]
    assert stage.stage == "inductor"
    assert broken_references(cnn) == []
    operators = np.flatnonzero(stage.nodes.kind == NodeKind.OPERATOR)
    assert np.isin(operators, stage.origins.node).all()
    assert (stage.edges.source < stage.edges.target).all()
    assert np.isin(operators, stage.edges.source).all()
    ours = {cnn.strings[name] for name in stage.parameters.name.tolist()}
    theirs = {cnn.strings[name] for name in cnn.authored.parameters.name.tolist()}
    assert ours <= theirs
    assert {"stem.0.weight", "head.bias"} <= ours
    shapes = {cnn.strings[row] for row in stage.edges.shape.tolist() if row >= 0}
    assert {"1,3,32,32", "1,16,32,32", "1,32,16,16"} <= shapes


def test_graph_breaks_tell_where_and_why(control: Profile) -> None:
    breaks = control.fusion.breaks
    places = [control.strings[row] for row in breaks.location.tolist()]
    source = (MODELS / "torch_zoo.py").read_text().splitlines()
    lines = [source[int(place.partition(":")[2]) - 1] for place in places]
    assert any("if bool(x.sum() > 0)" in line for line in lines)
    assert any("int(x.max() > 0.5)" in line for line in lines)
    assert all("Tensor.item()" in control.strings[row] for row in breaks.reason.tolist())
    graphs = {control.strings[row].partition("/")[0] for row in control.graphs[1].nodes.name}
    assert graphs == {"graph 0", "graph 1", "graph 2"}


def test_compile_time_is_told_apart_from_run_time(cnn: Profile) -> None:
    assert "Inductor" in cnn.environment.facts["Compile time"]
    assert cnn.environment.facts["Compiled graphs"].startswith("1,")


def test_a_fused_path_of_eager_mode_is_what_was_compiled(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "encoder.pt", "torch-compile")
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert "aten::_transformer_encoder_layer_fwd" in operators
    coverage = link_coverage(profile)
    assert coverage.operator_time is not None
    assert coverage.operator_time >= 0.95
    assert coverage.fused_kernel_time == 1.0


def test_a_model_that_cannot_be_compiled_runs_operator_by_operator(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(
        torch_files / "refuses_compiler.pt", "torch-compile", source_folder=str(MODELS)
    )
    (told,) = [item for item in profile.diagnostics if item.message.startswith("torch.compile")]
    assert "ran operator by operator" in told.message
    assert "no fake impl registered" in told.message  # what PyTorch says of the operator
    assert len(profile.graphs) == 1
    assert link_coverage(profile).operator_time == 1.0
    breaks, strings, graph = profile.fusion.breaks, profile.strings, profile.authored
    (row,) = np.flatnonzero(breaks.kind == strings.find("compile failure")).tolist()
    assert "no fake impl registered" in strings[breaks.reason[row]]
    file, _, line = strings[breaks.location[row]].partition(":")
    source = (MODELS / file).read_text().splitlines()[int(line) - 1]
    assert "untraceable(self.first(x))" in source
    assert "untraceable" in strings[graph.nodes.operator[breaks.node[row]]]
    assert graph.problems.node.tolist() == [breaks.node[row]]


def test_a_model_whose_kernels_fail_runs_operator_by_operator(capture: Capture) -> None:
    profile = capture(
        MODELS / "torch_zoo.py",
        "torch-compile",
        signature="Misjudged",
        inputs=(InputSpec("x", "float32", (4, 16)),),
    )
    (told,) = [item for item in profile.diagnostics if item.message.startswith("torch.compile")]
    assert "fails with AssertionError" in told.message
    assert link_coverage(profile).operator_time == 1.0
    kinds = {profile.strings[kind] for kind in profile.fusion.breaks.kind.tolist()}
    assert "compile failure" in kinds


def test_frozen_weights_let_onednn_take_batch_norms_and_activations_in(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(
        torch_files / "cnn.pt",
        "torch-compile",
        source_folder=str(MODELS),
        options={"weights": "frozen"},
    )
    groups, members, strings = profile.fusion.groups, profile.fusion.members, profile.strings
    made_of = [
        names(profile, profile.authored, members.node[members.group == row])
        for row, kind in enumerate(groups.kind.tolist())
        if strings[kind] == "oneDNN"
    ]
    assert made_of == [{"conv2d", "batch_norm", "relu"}, {"conv2d_1", "batch_norm_1", "relu_1"}]
    assert_linked(profile)
    assert link_coverage(profile).fused_kernel_time == 1.0


def test_copies_of_inputs_and_kernels_without_a_record_are_of_what_they_are_part_of(
    capture: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "pooled.py"
    path.write_text(POOLED)
    inputs, options = (InputSpec("x", "float32", (2, 3, 16, 16)),), {"run": "training"}
    profile = capture(path, "torch-compile", inputs=inputs, options=options)
    assert_linked(profile)
    groups, members = profile.fusion.groups, profile.fusion.members
    made_of = {
        profile.strings[name]: names(profile, profile.authored, members.node[members.group == row])
        for row, name in enumerate(groups.name.tolist())
    }
    assert made_of["cpp_fused_0"] == {"conv2d", "conv2d_1"}
    scatters = [
        names(profile, profile.authored, members.node[members.group == row])
        for row, name in enumerate(groups.name.tolist())
        if profile.strings[name] == "aten.scatter_reduce_.two"
    ]
    assert {"max_pool2d"} in scatters
    assert scatters[:2] == [{"scatter_reduce"}, {"scatter_reduce_1"}]
