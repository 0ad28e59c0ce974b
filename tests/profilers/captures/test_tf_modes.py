"""The ways to run one TensorFlow or Keras model: eager, with and without Grappler, as a training step."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.profile import MemoryCategory, Profile, SliceKind, decode
from profilers.profile.references import broken_references
from profilers.profile.table import Int32
from profilers.request import RunRequest
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked

TRAINING = {"run": "training", "loss": "cross-entropy", "optimiser": "Adam"}


def linked_operators(profile: Profile) -> list[tuple[str, str]]:
    """Of each operator slice within the steps its own name and its node's operator."""
    slices, strings = profile.trace.slices, profile.strings
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
    operators = profile.authored.nodes.operator
    return [(strings[slices.name[row]], strings[operators[slices.node[row]]]) for row in rows]


def ancestors(parents: Int32, row: int) -> Iterator[int]:
    """The slices around a slice, from the inside out."""
    while (row := int(parents[row])) >= 0:
        yield row


def authored_operators(profile: Profile) -> set[str]:
    return {profile.strings[row] for row in profile.authored.nodes.operator}


@pytest.mark.parametrize("name", ["cnn.keras", "block.keras", "control.keras"])
def test_keras_runs_operator_by_operator(capture: Capture, tf_files: Path, name: str) -> None:
    profile = capture(tf_files / name, "tf-eager")
    assert_linked(profile)
    same = [ran.strip("_") == node for ran, node in linked_operators(profile)]
    assert np.mean(same) > 0.8  # the rest makes constants and reads sizes
    assert profile.graphs[1:] == ()


def test_eager_operators_lie_within_their_layers(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "tf-eager")
    slices, strings, nodes = profile.trace.slices, profile.strings, profile.authored.nodes
    convolutions = np.flatnonzero(slices.name == strings.find("Conv2D"))
    convolutions = convolutions[slices.kind[convolutions] == SliceKind.OPERATOR]
    assert len(convolutions) == 2 * 5
    for row in convolutions.tolist():
        layer = row
        while slices.kind[layer] != SliceKind.SCOPE:
            layer = int(slices.parent[layer])
        node = strings[nodes.name[slices.node[row]]]
        assert f"/{strings[slices.name[layer]]}_1/" in node


@pytest.mark.parametrize("name", ["block_saved", "control_saved", "cnn_frozen.pb"])
def test_a_graph_runs_node_by_node(capture: Capture, tf_files: Path, name: str) -> None:
    profile = capture(tf_files / name, "tf-eager")
    assert_linked(profile)
    assert all(ran == node for ran, node in linked_operators(profile))
    assert "one operator after the other" in profile.diagnostics[0].message


def test_a_loop_that_is_run_node_by_node_takes_the_rounds_that_the_data_asks_for(
    capture: Capture, tf_files: Path
) -> None:
    calls = []
    for mode in ("tf-eager", "tf-graph"):
        profile = capture(tf_files / "control_saved", mode)
        slices, nodes = profile.trace.slices, profile.authored.nodes
        rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
        operators = nodes.operator[slices.node[rows]]
        calls.append(int(np.sum(operators == profile.strings.find("Tanh"))))
    assert calls[0] == calls[1] > 0


def rounds_of(profile: Profile, step: int) -> dict[str, list[tuple[int, int]]]:
    """Begin and end of the rounds of each loop in a step, in their order."""
    slices, strings = profile.trace.slices, profile.strings
    found: dict[str, list[tuple[int, int]]] = {}
    for row in np.flatnonzero(slices.step == step).tolist():
        loop, is_round, _ = strings[slices.name[row]].partition(", round ")
        if is_round:
            begin = int(slices.start_ns[row])
            found.setdefault(loop, []).append((begin, begin + int(slices.duration_ns[row])))
    return found


def test_every_step_of_a_loop_tells_every_operator(capture: Capture, more_files: Path) -> None:
    """TensorFlow's executor stops tracing what it found to be cheap."""
    profile = capture(more_files / "lstm.keras", "keras")
    slices, nodes = profile.trace.slices, profile.authored.nodes
    rows = np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0))
    ((loop, rounds),) = rounds_of(profile, 0).items()
    cell = [profile.strings.find(name) for name in ("Tanh", "Sigmoid", "Mul")]
    for name in cell:
        of_cell = rows[nodes.operator[slices.node[rows]] == name]
        counts = np.bincount(slices.step[of_cell])
        assert len(counts) == 5
        assert set(counts) <= {len(rounds) * each for each in (2, 3)}, loop


def test_rounds_begin_with_their_work_and_not_with_a_counter_that_ran_ahead(
    capture: Capture, more_files: Path
) -> None:
    profile = capture(more_files / "lstm.keras", "keras")
    slices, nodes = profile.trace.slices, profile.authored.nodes
    is_state = nodes.operator == profile.strings.find("Tanh")
    for step in range(5):
        ((_, rounds),) = rounds_of(profile, step).items()
        rows = np.flatnonzero((slices.step == step) & (slices.kind == SliceKind.OPERATOR))
        work = slices.start_ns[rows[is_state[slices.node[rows]]]]
        per_round = [int(np.sum((work >= begin) & (work < end))) for begin, end in rounds]
        assert per_round == [2] * len(rounds)


@pytest.mark.parametrize("mode", ["keras", "tf-onnxruntime"])
def test_what_keras_lets_xla_compile_within_the_graph_is_linked(
    capture: Capture, more_files: Path, mode: str
) -> None:
    profile = capture(more_files / "grouped.keras", mode)
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert coverage.peak_bytes == 1.0
    (image,) = RunRequest.from_json(dict(profile.environment.request)).inputs
    assert image.shape == (1, 224, 224, 3)
    is_inner = profile.trace.slices.kind == SliceKind.KERNEL
    names = {
        profile.strings[row]
        for row in profile.authored.nodes.name[profile.trace.slices.node[is_inner]]
    }
    assert mode != "keras" or any("depth" in name for name in names)


def test_sizes_of_the_run_reach_into_loops_of_a_saved_model(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "recurrent_saved", "tf-graph")
    nodes, strings = profile.authored.nodes, profile.strings
    is_inner = nodes.subgraph >= 0
    products = np.flatnonzero((nodes.operator == strings.find("MatMul")) & is_inner)
    assert len(products) == 2
    assert (nodes.flops[products] > 0).all()


def test_a_variable_that_is_replaced_in_each_step_is_known(
    capture: Capture, unconvertible: Path
) -> None:
    assert link_coverage(capture(unconvertible / "counting_saved", "tf-graph")).peak_bytes == 1.0


@pytest.mark.parametrize(
    ("mode", "options"),
    [("tf-graph", {"grappler": "on"}), ("tf-graph", {"grappler": "off"}), ("tf-xla", {})],
)
def test_a_reference_variable_that_counts_is_what_changes_it(
    capture: Capture, tf_files: Path, mode: str, options: dict[str, str]
) -> None:
    profile = capture(tf_files / "tf1_counting", mode, options=options)
    assert_linked(profile)
    assert ("total:VariableV2", "AssignAdd") in linked_operators(profile)
    (name,) = profile.authored.parameters.name
    assert profile.strings[name] == "total"


def test_without_grappler_only_onednn_fuses(capture: Capture, tf_files: Path) -> None:
    """oneDNN joins convolution and bias by itself; the matrix product is Grappler's work."""
    fused, stages = {}, {}
    for setting in ("on", "off"):
        profile = capture(tf_files / "cnn.keras", "keras", options={"grappler": setting})
        assert_linked(profile)
        operators = profile.authored.nodes.operator[profile.fusion.members.node]
        fused[setting] = {profile.strings[operator] for operator in operators}
        stages[setting] = profile.graphs[1].stage
    assert fused == {"on": {"Conv2D", "BiasAdd", "MatMul"}, "off": {"Conv2D", "BiasAdd"}}
    assert stages == {"on": "grappler", "off": "executed"}


@pytest.mark.parametrize("mode", ["keras", "tf-eager", "tf-xla"])
def test_a_training_step_is_linked_as_a_whole(capture: Capture, tf_files: Path, mode: str) -> None:
    profile = capture(tf_files / "cnn.keras", mode, options=TRAINING)
    assert_linked(profile)
    strings, authored = profile.strings, profile.authored
    names = [strings[name] for name in authored.nodes.name]
    assert any(name.startswith("gradient_tape/cnn_1/stem_1/") for name in names)
    weights = {strings[name] for name in authored.parameters.name}
    assert {"stem/kernel", "adam/stem_kernel_momentum"} <= weights


def test_a_train_step_of_the_models_own_is_what_runs(capture: Capture, tf_files: Path) -> None:
    path, zoo = tf_files / "adversarial.keras", str(Path(__file__).parents[2] / "models")
    own = capture(path, "keras", source_folder=zoo, options={"run": "training"})
    assert_linked(own)
    assert own.environment.facts["Training step"] == "Adversarial.train_step"
    assert "StatelessRandomNormalV2" in authored_operators(own)
    other = {"run": "training", "loss": "mse", "optimiser": "SGD"}
    plain = capture(path, "keras", source_folder=zoo, options=other)
    assert "StatelessRandomNormalV2" not in authored_operators(plain)


def test_targets_go_by_the_names_of_outputs_and_layers_by_their_own(
    capture: Capture, tf_files: Path
) -> None:
    """Traced, the layer dense is called dense_1, as another layer is by itself."""
    zoo = str(Path(__file__).parents[2] / "models")
    path = tf_files / "detector.keras"
    profile = capture(path, "tf-eager", source_folder=zoo, options={"run": "training"})
    assert_linked(profile)
    strings, slices, nodes = profile.strings, profile.trace.slices, profile.authored.nodes
    called = {strings.find("BiasAdd"), strings.find("MatMul")}
    pairs = set()
    for row in np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step >= 0)).tolist():
        around = [strings[slices.name[each]] for each in ancestors(slices.parent, row)]
        layer = next((name for name in around if name in ("dense", "dense_1")), "")
        if layer and slices.name[row] in called:
            pairs.add((layer, strings[nodes.name[slices.node[row]]].rpartition("/")[0]))
    assert pairs == {("dense", "detector_1/dense_1"), ("dense_1", "detector_1/dense_1_2")}


def test_backward_is_tied_to_the_forward_of_its_layer(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras", options=TRAINING)
    assert broken_references(profile) == []
    strings, slices, flows = profile.strings, profile.trace.slices, profile.trace.flows
    names = profile.authored.nodes.name
    pairs = {
        (strings[names[slices.node[source]]], strings[names[slices.node[target]]])
        for source, target, kind in zip(flows.source, flows.target, flows.kind, strict=True)
        if strings[kind] == "fwdbwd"
    }
    of_layer = [backward for forward, backward in pairs if forward.startswith("cnn_1/body_1/")]
    assert len(of_layer) > 1
    assert all(backward.startswith("gradient_tape/cnn_1/body_1/") for backward in of_layer)


def test_a_training_step_tells_gradients_and_optimiser_state(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "cnn.keras", "keras", options=TRAINING)
    held = profile.memory.allocations
    state = held.take(held.category == MemoryCategory.OPTIMISER_STATE)
    assert state.bytes.sum() >= 2 * 4 * 5400  # two moments of each trainable weight
    assert (held.category == MemoryCategory.GRADIENT).any()


def test_rounds_of_a_loop_are_told_on_the_timeline(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "control.keras", "keras")  # a GRU over 8 places
    assert broken_references(profile) == []
    strings, slices, tracks = profile.strings, profile.trace.slices, profile.trace.tracks
    (track,) = np.flatnonzero(tracks.name == strings.find("Loop rounds")).tolist()
    rows = np.flatnonzero((slices.track == track) & (slices.step == 0))
    assert [strings[slices.name[row]].rpartition(", ")[2] for row in rows] == [
        f"round {number} of 8" for number in range(1, 9)
    ]
    ends = slices.start_ns[rows] + slices.duration_ns[rows]
    assert (ends[:-1] <= slices.start_ns[rows][1:]).all()
    products = [
        row
        for row in np.flatnonzero((slices.kind == SliceKind.OPERATOR) & (slices.step == 0)).tolist()
        if "MatMul" in strings[slices.name[row]] and "while" in strings[slices.name[row]]
    ]
    rounds = [decode(profile.trace.arguments, row)["round"] for row in products]
    assert set(rounds) == set(range(1, 9))
