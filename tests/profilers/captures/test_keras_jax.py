"""Keras files on JAX: the traced program, what XLA made of it, and the same file on TensorFlow."""

import gzip
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.comparison import compare
from profilers.analysis.coverage import link_coverage
from profilers.analysis.pairing.matching import match_graphs
from profilers.analysis.parity import MEMBER
from profilers.captures import read_capture
from profilers.captures.jax.files import TRACE_FILE
from profilers.errors import ModeUnavailable, TwinscopeError
from profilers.installing import install_command
from profilers.opening import open_path
from profilers.profile import MemoryCategory, NodeKind, Profile, SliceKind
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from profilers.run_record import RUN_FILE, RunRecord
from profilers.runtimes import mode_named
from profilers.traces.xplane_programs import programs_of
from tests.conftest import Capture

pytestmark = pytest.mark.skipif(
    find_spec("jax") is None, reason="JAX is not installed (pip install -e '.[jax]')"
)

LAYERS = ("stem", "stem_norm", "stem_relu", "body", "body_norm", "body_relu", "pool", "head")


@pytest.fixture(scope="module")
def cnn(capture: Capture, tf_files: Path) -> Profile:
    return capture(
        tf_files / "cnn.keras", "keras-jax", options={"activations": "on"}, sweep={"batch": (2,)}
    )


@pytest.fixture(scope="module")
def training(capture: Capture, tf_files: Path) -> Profile:
    options = {"run": "training", "loss": "cross-entropy", "optimiser": "Adam"}
    return capture(tf_files / "cnn.keras", "keras-jax", options=options)


def assert_linked(profile: Profile) -> None:
    coverage = link_coverage(profile)
    for share in (coverage.operator_time, coverage.fused_kernel_time, coverage.peak_bytes):
        assert share is not None
        assert share >= 0.95
    assert broken_references(profile) == []


def operators(profile: Profile) -> list[str]:
    return [profile.strings[row] for row in profile.authored.nodes.operator]


def test_a_keras_file_runs_on_jax(cnn: Profile) -> None:
    assert_linked(cnn)
    assert " on JAX " in cnn.environment.framework
    assert [graph.stage for graph in cnn.graphs] == ["authored", "hlo"]
    assert {"conv_general_dilated", "dot_general", "relu"} <= set(operators(cnn))
    assert "XLA's buffer assignment" in cnn.memory.source
    assert cnn.sweep.batch.tolist() == [2]


def test_kernels_lie_in_the_layer_that_asked_for_them(cnn: Profile) -> None:
    """Each layer with weights has instructions of its own, and their scopes say so."""
    slices, authored, strings = cnn.trace.slices, cnn.authored, cnn.strings
    ran = slices.node[(slices.kind == SliceKind.OPERATOR) & (slices.step >= 0)]
    scopes = {strings[authored.scopes.name[authored.nodes.scope[node]]] for node in ran}
    assert {"stem", "body", "head"} <= scopes
    convolutions = {row for row, name in enumerate(operators(cnn)) if name.startswith("conv_")}
    assert convolutions <= set(ran.tolist())


def test_flops_of_contractions_are_known(cnn: Profile) -> None:
    found = dict(zip(operators(cnn), cnn.authored.nodes.flops.tolist(), strict=True))
    assert found["dot_general"] == 2 * 32 * 10
    assert found["conv_general_dilated"] in (2 * 32 * 32 * 16 * 27, 2 * 16 * 16 * 32 * 9 * 16)


def test_fusions_hold_several_operators_of_the_model(cnn: Profile) -> None:
    members = np.bincount(cnn.fusion.members.group)
    assert len(members) == len(cnn.fusion.groups)
    assert members.max() > 1


def test_layers_are_those_of_tensorflow(capture: Capture, tf_files: Path, cnn: Profile) -> None:
    theirs = capture(tf_files / "cnn.keras", "keras")
    match = match_graphs(cnn.authored, cnn.strings, theirs.authored, theirs.strings)
    ours = [cnn.strings[name] for name in cnn.authored.scopes.name]
    named = [theirs.strings[name] for name in theirs.authored.scopes.name]
    paired = {ours[a]: named[b] for a, b in zip(match.layers.a, match.layers.b, strict=True)}
    assert {layer: paired.get(layer) for layer in LAYERS} == {
        layer: f"{layer}_1" for layer in LAYERS
    }


def test_weights_go_by_their_keras_names(cnn: Profile) -> None:
    names = {cnn.strings[name] for name in cnn.authored.parameters.name}
    assert {"stem/kernel", "body_norm/moving_mean", "head/bias"} <= names
    held = cnn.memory.allocations
    assert int(held.bytes[held.category == MemoryCategory.PARAMETER].sum()) == 22440


def test_outputs_of_layers_are_those_of_tensorflow(
    capture: Capture, tf_files: Path, cnn: Profile
) -> None:
    theirs = capture(tf_files / "cnn.keras", "keras", options={"activations": "on"})
    assert {row["scope"] for row in json.loads(cnn.extra[MEMBER]) if "scope" in row} >= set(LAYERS)
    found = compare(cnn, theirs).parity
    assert found is not None
    assert len(found.rows) >= len(LAYERS) - 1
    assert found.first == -1


def test_rounds_of_a_loop_are_told(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "control.keras", "keras-jax")
    assert_linked(profile)
    nodes = profile.authored.nodes
    (loop,) = np.flatnonzero(nodes.kind == NodeKind.CONTROL)
    assert profile.strings[nodes.operator[loop]] == "scan"
    rounds = [text for text in profile.strings if text.endswith("round 8 of 8")]
    assert len(rounds) == 1


def test_what_a_loop_computes_is_linked_into_its_body(capture: Capture, tf_files: Path) -> None:
    """A fusion of the loop's own slicing and of its cell stands for the cell."""
    profile = capture(tf_files / "control.keras", "keras-jax")
    nodes, slices, members = profile.authored.nodes, profile.trace.slices, profile.fusion.members
    inner = {int(group) for group in members.group[nodes.subgraph[members.node] >= 0]}
    rows = np.flatnonzero(np.isin(slices.group, sorted(inner)))
    assert len(rows)
    assert (nodes.subgraph[slices.node[rows]] >= 0).all()


def test_a_training_step_is_linked_backwards(training: Profile) -> None:
    assert_linked(training)
    categories = training.memory.allocations.category
    assert {MemoryCategory.GRADIENT, MemoryCategory.OPTIMISER_STATE} <= set(categories.tolist())
    strings, flows = training.strings, training.trace.flows
    assert "fwdbwd" in {strings[kind] for kind in np.unique(flows.kind)}
    assert "gradient" in {strings[name] for name in training.authored.scopes.name}


def test_a_damaged_capture_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        json.dumps({"request": {"model_path": "x", "mode": "keras-jax"}, "family": "jax"})
    )
    with pytest.raises(TwinscopeError, match="Cannot read the capture"):
        read_capture(tmp_path)


def test_what_does_not_fit_is_told(capture: Capture, tf_files: Path) -> None:
    wrong = InputSpec("image", "float32", (1, 8, 8))
    with pytest.raises(TwinscopeError, match="does not take these inputs"):
        capture(tf_files / "cnn.keras", "keras-jax", inputs=(wrong,))
    with pytest.raises(ModeUnavailable, match="JAX cannot run on cuda:7"):
        capture(tf_files / "cnn.keras", "keras-jax", device="cuda:7")


def test_a_missing_jax_is_named() -> None:
    mode = mode_named("keras-jax")
    assert mode is not None
    assert mode.missing(lambda name: name != "jax") == ("jax",)
    assert install_command(("jax",)).startswith("pip install jax")


@pytest.fixture(scope="module")
def trace_file(cnn: Profile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profiler's own file of that run, under the name that JAX gives it."""
    for folder in tmp_path_factory.getbasetemp().glob("capture*"):
        run = folder / RUN_FILE
        if run.exists() and RunRecord.read(folder).request.to_json() == cnn.environment.request:
            copy = tmp_path_factory.mktemp("dropped") / "vm.xplane.pb"
            shutil.copyfile(folder / TRACE_FILE, copy)
            return copy
    raise AssertionError("the capture left no trace")


def test_a_dropped_trace_has_the_memory_that_xla_planned(cnn: Profile, trace_file: Path) -> None:
    """As much as the capture itself tells, whose own blocks are those of the program too."""
    dropped = open_path(trace_file)
    assert isinstance(dropped, Profile)
    assert dropped.memory.source.startswith("XLA's buffer assignment")
    ours, theirs = (
        profile.memory.allocations.bytes[profile.memory.allocations.slice >= 0]
        for profile in (cnn, dropped)
    )
    assert sorted(ours.tolist()) == sorted(theirs.tolist())
    given = dropped.memory.allocations
    assert int(given.bytes[given.category == MemoryCategory.INPUT].sum()) == 22440 + 4 * 32 * 32 * 3
    assert broken_references(dropped) == []


def test_a_trace_whose_programs_are_damaged_keeps_everything_else(trace_file: Path) -> None:
    data = trace_file.read_bytes()
    (program,) = [p for name, p in programs_of(trace_file).items() if name == "jit_model"]
    damaged = trace_file.with_name("damaged.xplane.pb")
    damaged.write_bytes(data.replace(program, b"\xff" * len(program)))
    dropped = open_path(damaged)
    assert isinstance(dropped, Profile)
    assert len(dropped.trace.slices)
    assert not len(dropped.memory.allocations)


def test_programs_are_found_in_packed_traces_too(trace_file: Path) -> None:
    packed = trace_file.with_name("packed.xplane.pb.gz")
    packed.write_bytes(gzip.compress(trace_file.read_bytes()))
    assert programs_of(packed) == programs_of(trace_file) != {}
