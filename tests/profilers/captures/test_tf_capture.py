"""TensorFlow and Keras models, run in a real worker and read back."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.profile import MemoryCategory, NodeKind, Profile, SliceKind, TimingPhase
from profilers.request import InputSpec
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked

MODELS = [
    ("cnn.keras", "keras"),
    ("block.keras", "keras"),
    ("control.keras", "keras"),
    ("cnn.h5", "keras"),
    ("cnn_saved", "tf-graph"),
    ("block_saved", "tf-graph"),
    ("control_saved", "tf-graph"),
    ("cnn_frozen.pb", "tf-graph"),
    ("block_frozen.pb", "tf-graph"),
    ("control_frozen.pb", "tf-graph"),
]


def assert_complete(profile: Profile) -> None:
    assert_linked(profile)
    assert profile.steps.number.tolist() == [0, 1, 2, 3, 4]
    phases = profile.timings.phase.tolist()
    assert phases.count(TimingPhase.COMPILE) == phases.count(TimingPhase.WARMUP) == 1
    assert phases.count(TimingPhase.MEASURED) >= phases.count(TimingPhase.PROFILED) == 5


def group_members(profile: Profile) -> list[set[str]]:
    """Authored operators of each fusion group."""
    strings, members = profile.strings, profile.fusion.members
    operators = profile.authored.nodes.operator
    return [
        {strings[operators[node]] for node in members.node[members.group == group]}
        for group in range(len(profile.fusion.groups))
    ]


@pytest.mark.parametrize(("name", "mode"), MODELS)
def test_operators_and_memory_are_tied_to_the_graph(
    capture: Capture, tf_files: Path, name: str, mode: str
) -> None:
    profile = capture(tf_files / name, mode)
    assert_complete(profile)
    assert profile.environment.mode == mode
    assert profile.graphs[1].stage == "grappler"
    flops = profile.authored.nodes.flops
    assert flops[flops > 0].sum() > 1000


@pytest.mark.parametrize("name", ["fused.keras", "multi.keras", "lstm.keras"])
def test_other_architectures_are_tied_to_the_graph(
    capture: Capture, more_files: Path, name: str
) -> None:
    assert_complete(capture(more_files / name, "keras"))


@pytest.mark.parametrize("run", ["inference", "training"])
def test_a_model_that_was_never_built_gets_what_its_first_layer_takes(
    capture: Capture, more_files: Path, run: str
) -> None:
    profile = capture(more_files / "unbuilt.keras", "keras", options={"run": run})
    assert_complete(profile)
    shapes = {profile.strings[row] for row in profile.authored.edges.shape if row >= 0}
    assert "1,16,8" in shapes


def test_eager_training_is_tied_to_the_graph_of_several_inputs(
    capture: Capture, more_files: Path
) -> None:
    profile = capture(more_files / "multi.keras", "tf-eager", options={"run": "training"})
    coverage = link_coverage(profile)
    assert coverage.operator_time == coverage.peak_bytes == 1.0


def test_convolution_bias_and_relu_are_one_group(capture: Capture, more_files: Path) -> None:
    profile = capture(more_files / "fused.keras", "keras")
    assert group_members(profile) == [{"Conv2D", "BiasAdd", "Relu"}]
    groups, strings = profile.fusion.groups, profile.strings
    fused = profile.graphs[groups.stage[0]].nodes
    assert strings[fused.operator[groups.node[0]]] == strings[groups.kind[0]]
    slices = profile.trace.slices
    rows = np.flatnonzero(slices.group == 0)
    assert len(rows) == 5  # once per step
    operators = {strings[profile.authored.nodes.operator[node]] for node in slices.node[rows]}
    assert operators == {"Conv2D"}  # the heaviest member stands for the group


def test_an_operator_that_survives_is_no_member(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras")
    expected = [{"Conv2D", "BiasAdd"}, {"Conv2D", "BiasAdd"}, {"MatMul", "BiasAdd"}]
    assert sorted(map(sorted, group_members(profile))) == sorted(map(sorted, expected))


def test_optimised_nodes_name_their_authored_ones(capture: Capture, more_files: Path) -> None:
    profile = capture(more_files / "fused.keras", "keras")
    optimised = profile.graphs[1]
    fused = profile.fusion.groups.node[0]
    origins = optimised.origins.authored[optimised.origins.node == fused]
    strings, nodes = profile.strings, profile.authored.nodes
    assert {strings[nodes.operator[node]] for node in origins} == {"Conv2D", "BiasAdd", "Relu"}


def test_slices_in_a_loop_and_a_branch_find_the_nodes_of_its_body(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "control_saved", "tf-graph")
    authored, strings, slices = profile.authored, profile.strings, profile.trace.slices
    linked = slices.node[(slices.kind == SliceKind.OPERATOR) & (slices.node >= 0)]
    bodies = authored.nodes.subgraph[linked]
    ran = {strings[name] for name in authored.subgraphs.name[np.unique(bodies[bodies >= 0])]}
    assert {"body", "cond"} <= ran
    assert len(ran & {"then", "else"}) == 1  # the branch that was taken


def test_layers_name_the_classes_of_scopes(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras")
    scopes, strings = profile.authored.scopes, profile.strings
    classes = {strings[kind] for kind in scopes.kind if kind >= 0}
    assert {"Functional", "Conv2D", "BatchNormalization", "Dense"} <= classes


def test_variables_are_parameters_that_live_from_the_start(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "cnn_saved", "tf-graph")
    allocations, parameters = profile.memory.allocations, profile.authored.parameters
    held = allocations.take(allocations.category == MemoryCategory.PARAMETER)
    assert held.bytes.sum() == parameters.bytes.sum() == 22440
    assert (held.allocated_ns == 0).all()
    assert {profile.strings[name] for name in parameters.name} >= {"stem/kernel", "head/bias"}
    made = allocations.category
    assert (made == MemoryCategory.ACTIVATION).any()
    assert (made == MemoryCategory.INPUT).sum() == 1


def test_shapes_are_those_of_the_run(capture: Capture, tf_files: Path) -> None:
    given = InputSpec("image", "float32", (2, 32, 32, 3))
    profile = capture(tf_files / "cnn_saved", "tf-graph", inputs=(given,))
    shapes = {profile.strings[shape] for shape in profile.authored.edges.shape}
    assert "2,32,32,3" in shapes
    assert not any("?" in shape for shape in shapes)


def test_the_honest_latency_is_measured_without_the_profiler(
    capture: Capture, tf_files: Path
) -> None:
    profile = capture(tf_files / "cnn.keras", "keras")
    measured = profile.timings.take(profile.timings.phase == TimingPhase.MEASURED).duration_ns
    assert (measured > 10_000).all()
    facts = profile.environment.facts
    assert {"TensorFlow", "Keras", "Python", "Threads"} <= set(facts)


def changes(profile: Profile) -> dict[str, list[str]]:
    """Operators that Grappler did something else to than fusing, by what it did."""
    strings, breaks = profile.strings, profile.fusion.breaks
    found: dict[str, list[str]] = {}
    for kind, node in zip(breaks.kind.tolist(), breaks.node.tolist(), strict=True):
        operator = strings[int(profile.authored.nodes.operator[node])]
        found.setdefault(strings[kind], []).append(operator)
    return found


def test_what_grappler_folded_and_removed_is_listed(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "block.keras", "keras")
    found = changes(profile)
    assert found["constant folded"] == ["StridedSlice", "Cast", "StridedSlice"]
    assert found["merged"].count("AddV2") == 2  # an epsilon of each norm, added to a constant
    told = " ".join(diagnostic.message for diagnostic in profile.diagnostics)
    assert f"as constants: {len(found['constant folded'])}" in told
    optimised = profile.graphs[1].nodes
    names = optimised.name[optimised.kind == NodeKind.OPERATOR]
    running = {profile.strings[name] for name in names}
    for node in profile.fusion.breaks.node:
        assert profile.strings[profile.authored.nodes.name[node]] not in running


def test_what_only_shapes_were_asked_of_is_removed_as_not_needed(
    capture: Capture, tf_files: Path
) -> None:
    """Keras traces one step of a recurrent layer outside of the loop, for its shapes alone."""
    profile = capture(tf_files / "control.keras", "keras")
    names, breaks = profile.authored.nodes.name, profile.fusion.breaks
    of_cell = [
        profile.strings[reason]
        for node, reason in zip(breaks.node, breaks.reason, strict=True)
        if "/gru_cell_1/" in profile.strings[names[node]]
    ]
    assert len(of_cell) > 10
    assert set(of_cell) == {"Nothing that runs needs its result."}
