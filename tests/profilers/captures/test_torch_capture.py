"""PyTorch captures over a real worker: what is linked to what, and what holds how many bytes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.memory.curve import alive_at, memory_curve
from profilers.captures import read_capture
from profilers.captures.pytorch.files import EXECUTION_TRACE_FILE
from profilers.captures.sequence_alignment import END, Place, align
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import MemoryCategory, NodeKind, Profile, Severity, SliceKind, decode
from tests.conftest import Capture, CaptureFolder

MODELS = Path(__file__).parents[2] / "models"


def operators_of(profile: Profile, node_name: str) -> set[str]:
    """Names of the operator slices that are linked to a node."""
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    node = names.index(node_name)
    slices = profile.trace.slices
    rows = np.flatnonzero((slices.node == node) & (slices.kind == SliceKind.OPERATOR))
    return {profile.strings[int(slices.name[row])] for row in rows}


@pytest.mark.parametrize(("file", "mode"), [("cnn.pt2", "torch-export"), ("cnn.pt", "torch-eager")])
def test_operators_go_to_the_node_that_called_them(
    capture: Capture, torch_files: Path, file: str, mode: str
) -> None:
    profile = capture(torch_files / file, mode, source_folder=str(MODELS))
    assert "aten::conv2d" in operators_of(profile, "conv2d")
    assert "aten::convolution" in operators_of(profile, "conv2d_1")  # nested ones too
    assert operators_of(profile, "relu") & {"aten::relu", "aten::relu_"}
    assert "aten::conv2d" not in operators_of(profile, "relu")
    slices, steps = profile.trace.slices, profile.steps
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    first = slices.start_ns[
        (slices.node == names.index("conv2d")) & (slices.kind == SliceKind.OPERATOR)
    ]
    assert len(np.unique(np.searchsorted(steps.start_ns, first))) == len(steps)


def test_nodes_know_the_lines_of_the_model_as_a_program_that_pytorch_wrote_does(
    capture: Capture, torch_files: Path
) -> None:
    def lines(file: str, mode: str) -> list[tuple[str, str]]:
        profile = capture(torch_files / file, mode, source_folder=str(MODELS))
        nodes, text = profile.authored.nodes, profile.strings
        pairs = zip(nodes.name.tolist(), nodes.source.tolist(), strict=True)
        return [(text[name], text[line] if line >= 0 else "") for name, line in pairs]

    found = lines("cnn.pt", "torch-eager")
    assert found == lines("cnn.pt2", "torch-export")
    assert dict(found)["conv2d"].startswith("torch_zoo.py:")


@pytest.mark.parametrize(
    ("file", "mode"), [("control.pt2", "torch-export"), ("control.ts.pt", "torchscript")]
)
def test_branches_and_loops_are_bodies_with_their_own_times(
    capture: Capture, torch_files: Path, file: str, mode: str
) -> None:
    profile = capture(torch_files / file, mode)
    graph, slices = profile.authored, profile.trace.slices
    assert len(graph.subgraphs) >= 3  # two branches and a loop's body
    owners = graph.nodes.kind[graph.subgraphs.owner]
    assert (owners == NodeKind.CONTROL).all()
    inside = np.flatnonzero(graph.nodes.subgraph >= 0)
    timed = np.intersect1d(inside, slices.node[slices.kind == SliceKind.OPERATOR])
    assert len(timed) >= 3
    branches = [
        {int(row) for row in timed if graph.nodes.subgraph[row] == body}
        for body in range(len(graph.subgraphs))
    ]
    assert sum(bool(branch) for branch in branches) < len(branches)  # only one branch ran


def test_python_control_flow_is_recorded_as_it_ran(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "control.pt", "torch-eager", source_folder=str(MODELS))
    assert any(
        "what one run executed" in each.message and each.severity == Severity.WARNING
        for each in profile.diagnostics
    )
    graph = profile.authored
    names = {profile.strings[row] for row in graph.parameters.name.tolist()}
    assert {"first.weight", "repeated.weight"} <= names
    weight = [profile.strings[row] for row in graph.parameters.name.tolist()].index(
        "repeated.weight"
    )
    rounds = graph.parameter_uses.node[graph.parameter_uses.parameter == weight]
    assert len(rounds) in (2, 3)  # the loop ran so often
    assert {profile.strings[int(graph.scopes.name[graph.nodes.scope[row]])] for row in rounds} == {
        "repeated"
    }
    assert set(rounds.tolist()) <= set(graph.edges.target.tolist())


def test_a_fused_path_that_only_eager_mode_takes_is_in_the_graph(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "encoder.pt", "torch-eager")
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert "aten::_transformer_encoder_layer_fwd" in operators
    assert link_coverage(profile).operator_time == 1.0
    assert any("another path" in each.message for each in profile.diagnostics)


@pytest.mark.parametrize(
    ("file", "run", "is_recorded"),
    [
        ("cnn.pt", "inference", False),
        ("cnn.pt", "training", False),
        ("encoder.pt", "inference", True),
    ],
)
def test_a_run_is_recorded_only_where_the_exported_graph_may_be_another(
    capture_folder: CaptureFolder, torch_files: Path, file: str, run: str, is_recorded: bool
) -> None:
    source = {"source_folder": str(MODELS)}
    folder = capture_folder(torch_files / file, "torch-eager", options={"run": run}, **source)
    assert (folder / EXECUTION_TRACE_FILE).exists() == is_recorded
    assert link_coverage(read_capture(folder)).operator_time == 1.0


def test_the_peak_is_weights_input_and_what_the_largest_layer_needs(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    curve = memory_curve(profile)
    alive = alive_at(profile, curve.device, curve.peak_ns)
    blocks = profile.memory.allocations.take(alive)
    by_category = np.bincount(blocks.category, blocks.bytes, len(MemoryCategory))
    assert by_category[MemoryCategory.PARAMETER] == profile.authored.parameters.bytes.sum()
    assert by_category[MemoryCategory.INPUT] == 1 * 3 * 32 * 32 * 4
    stem_output = 16 * 32 * 32 * 4
    assert by_category[MemoryCategory.ACTIVATION] >= stem_output
    assert int(blocks.bytes.sum()) == curve.peak_bytes


def test_modules_are_ranges_and_no_operators(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    slices = profile.trace.slices
    scopes = {profile.strings[row] for row in slices.name[slices.kind == SliceKind.SCOPE].tolist()}
    assert {"attention", "attention.qkv", "mlp.0"} <= scopes
    operators = slices.name[slices.kind == SliceKind.OPERATOR]
    assert all("::" in profile.strings[row] for row in np.unique(operators).tolist())


def test_script_graphs_have_sizes_from_the_run(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "block.ts.pt", "torchscript")
    eager = capture(torch_files / "block.pt", "torch-eager", source_folder=str(MODELS))
    known = [
        graph.nodes.flops[graph.nodes.flops >= 0] for graph in (profile.authored, eager.authored)
    ]
    assert int(known[0].sum()) == int(known[1].sum())


@pytest.mark.parametrize(
    ("file", "mode"), [("cnn.pt", "torch-eager"), ("block.ts.pt", "torchscript")]
)
def test_every_step_has_the_sizes_that_one_more_recorded(
    capture: Capture, torch_files: Path, file: str, mode: str
) -> None:
    source = {"source_folder": str(MODELS)} if file == "cnn.pt" else {}
    profile = capture(torch_files / file, mode, **source)
    slices, arguments = profile.trace.slices, profile.trace.arguments
    by_step = []
    for step in range(len(profile.steps)):
        rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step == step))
        told = [decode(arguments, row) for row in rows.tolist()]
        assert all("External id" in each for each in told)
        names = [profile.strings[row] for row in slices.name[rows].tolist()]
        sizes_of = [each.get("Input Dims") for each in told]
        by_step.append(list(zip(names, sizes_of, strict=True)))
    assert len(by_step) == 5
    assert all(each == by_step[0] for each in by_step)
    assert {name for name, sizes in by_step[0] if sizes is None} <= {"aten::_nnpack_available"}
    # TorchScript tells all that is on its stack, the operator's own inputs last
    weights = [sizes[-2] for name, sizes in by_step[0] if sizes and name == "aten::linear"]
    assert weights
    assert all(len(each) == 2 for each in weights)


def test_a_class_that_cannot_be_found_is_named(capture: Capture, torch_files: Path) -> None:
    with pytest.raises(TwinscopeError, match="torch_zoo") as raised:
        capture(torch_files / "cnn.pt", "torch-eager", seed=1)
    assert "source folder" in raised.value.remedy


def test_inputs_come_from_a_file_where_one_is_given(
    capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "in.npz", tokens=np.full((1, 16), 99, np.int64))
    profile = capture(
        torch_files / "block.pt2", "torch-export", inputs_file=str(tmp_path / "in.npz")
    )
    assert len(profile.steps) == 5
    np.savez(tmp_path / "other.npz", words=np.zeros((1, 16), np.int64))
    with pytest.raises(TwinscopeError, match="lacks tokens"):
        capture(torch_files / "block.pt2", "torch-export", inputs_file=str(tmp_path / "other.npz"))
    np.savez(tmp_path / "bad.npz", tokens=np.full((1, 16), 100, np.int64))  # one too large
    with pytest.raises(TwinscopeError, match="index out of range"):
        capture(torch_files / "block.pt2", "torch-export", inputs_file=str(tmp_path / "bad.npz"))


def test_arrays_of_a_file_bring_the_names_where_the_model_tells_none(
    capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    model = open_path(torch_files / "block.pt")
    assert isinstance(model, ModelFile)
    assert [(spec.name, spec.guessed) for spec in model.inputs] == [("input", True)]
    np.savez(tmp_path / "in.npz", tokens=np.full((2, 7), 99, np.int64))
    profile = capture(
        torch_files / "block.pt",
        "torch-eager",
        source_folder=str(MODELS),
        inputs_file=str(tmp_path / "in.npz"),
    )
    inputs = profile.authored.nodes.kind == NodeKind.INPUT
    assert [profile.strings[name] for name in profile.authored.nodes.name[inputs]] == ["tokens"]
    np.save(tmp_path / "plain.npy", np.zeros(3))
    with pytest.raises(TwinscopeError, match=r"no \.npz file"):
        capture(
            torch_files / "block.pt",
            "torch-eager",
            source_folder=str(MODELS),
            inputs_file=str(tmp_path / "plain.npy"),
        )


def chain(*operators: str) -> list[Place]:
    last = len(operators) - 1
    return [Place(name, "", (at + 1 if at < last else END,)) for at, name in enumerate(operators)]


def test_alignment_skips_what_has_no_counterpart() -> None:
    executed = [("a", ""), ("extra", ""), ("b", ""), ("d", "")]
    assert align(executed, chain("a", "b", "c", "d"), 0) == [0, -1, 1, 3]


def test_alignment_takes_the_branch_that_ran_and_the_rounds_of_a_loop() -> None:
    program = [
        Place("start", "", (1,)),
        Place("if", "", (2, 4), is_silent=True),
        Place("linear", "", (3,)),
        Place("relu", "", (5,)),
        Place("linear", "", (6,)),
        Place("loop", "", (7, END), is_silent=True),
        Place("tanh", "", (5,)),
        Place("round", "", (7, END)),
    ]
    executed = [(name, "") for name in ("start", "linear", "tanh", "round", "round", "round")]
    assert align(executed, program, 0) == [0, 4, 6, 7, 7, 7]


def test_alignment_prefers_the_module_that_called() -> None:
    program = [Place("linear", "q", (1,)), Place("linear", "k", (END,))]
    assert align([("linear", "k")], program, 0) == [1]


def test_alignment_finds_the_cheapest_way_where_operators_were_gathered() -> None:
    rounds = 400
    program = chain(*("select", "mul", "add") * rounds)
    executed = [(name, "") for name in ("select", "mul", "add") for _ in range(rounds)]
    places = align(executed, program, 0)
    found = [place for place in places if place >= 0]
    assert all(
        program[place].operator == executed[at][0] for at, place in enumerate(places) if place >= 0
    )
    assert found == sorted(set(found))
    assert len(found) == rounds + 2  # one operator of each round, and those that end the last one


def test_alignment_goes_through_loops_and_branches_where_operators_were_gathered() -> None:
    rounds, begin = 300, 4
    inner = chain(*("select", "mul", "add") * rounds)
    followers = [tuple(at if at == END else at + begin for at in each.followers) for each in inner]
    program = [
        Place("loop", "", (1, 2), is_silent=True),
        Place("tanh", "", (1, 2)),
        Place("if", "", (3, begin), is_silent=True),
        Place("relu", "", (begin,)),
        *(replace(each, followers=after) for each, after in zip(inner, followers, strict=True)),
    ]
    gathered = [name for name in ("select", "mul", "add") for _ in range(rounds)]
    places = align([(name, "") for name in ("tanh", "tanh", "relu", *gathered)], program, 0)
    assert places[:3] == [1, 1, 3]
    assert sum(place >= begin for place in places) == rounds + 2
