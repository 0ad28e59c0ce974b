"""TensorFlow models run in ONNX Runtime: what was converted, how far it is off, what it refuses."""

from pathlib import Path

import pytest

from profilers.analysis.coverage import link_coverage
from profilers.errors import CaptureFailed
from profilers.profile import NodeKind
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked


@pytest.mark.parametrize("name", ["cnn_saved", "block.keras", "control.keras"])
def test_a_model_of_tensorflow_is_linked_in_onnx_runtime(
    capture: Capture, tf_files: Path, name: str
) -> None:
    profile = capture(tf_files / name, "tf-onnxruntime")
    assert broken_references(profile) == []
    assert profile.environment.model_name == name
    assert_linked(profile)
    facts = profile.environment.facts
    assert facts["Converted by"].startswith("tf2onnx")
    assert float(facts["Largest difference from TensorFlow"]) < 1e-4


def test_layers_are_the_scopes_of_the_converted_graph(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn_saved", "tf-onnxruntime")
    scopes = {profile.strings[row].removesuffix("_1") for row in profile.authored.scopes.name}
    assert {"stem", "body", "pool", "head"} <= scopes
    assert "StatefulPartitionedCall" not in scopes


def test_other_batch_sizes_are_converted_too(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn_saved", "tf-onnxruntime", sweep={"batch": (1, 3)})
    assert profile.sweep.batch.tolist() == [1, 3]
    assert (profile.sweep.problem < 0).all()
    assert (profile.sweep.median_ns > 0).all()


def test_what_the_converter_added_stands_in_the_layer_beside_it(
    capture: Capture, tf_files: Path
) -> None:
    nodes = capture(tf_files / "block.keras", "tf-onnxruntime").authored.nodes
    is_operator = nodes.kind == NodeKind.OPERATOR
    assert (nodes.scope[is_operator & (nodes.subgraph < 0)] >= 0).all()


def test_a_type_that_the_converter_does_not_know_is_named(capture: Capture, tf_files: Path) -> None:
    with pytest.raises(CaptureFailed, match="no numbers of the type float8_e4m3fn"):
        capture(tf_files / "float8.keras", "tf-onnxruntime")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tf1_counting", "changes variables of TensorFlow 1's kind while it runs"),
        ("tf1_words_saved", "ONNX has no operator for LookupTableFindV2"),
    ],
)
def test_what_keeps_a_tensorflow_1_model_from_onnx_is_told(
    capture: Capture, tf_files: Path, name: str, says: str
) -> None:
    with pytest.raises(CaptureFailed, match=says):
        capture(tf_files / name, "tf-onnxruntime")


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("tf-onnxruntime", "ONNX has no operator for Erfinv"),
        ("tflite", "TFLite has no kernel for Erfinv"),
    ],
)
def test_operators_that_do_not_convert_are_named(
    capture: Capture, unconvertible: Path, mode: str, says: str
) -> None:
    with pytest.raises(CaptureFailed, match=says):
        capture(unconvertible / "erfinv_saved", mode, inputs=(InputSpec("x", "float32", (2, 8)),))


def test_a_loop_over_a_known_batch_converts(capture: Capture, unconvertible: Path) -> None:
    profile = capture(unconvertible / "mapped_saved", "tf-onnxruntime")
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-4
    assert link_coverage(profile).operator_time == 1.0


def test_a_loop_that_looks_rows_of_a_variable_up_converts(
    capture: Capture, unconvertible: Path
) -> None:
    profile = capture(unconvertible / "greedy_saved", "tf-onnxruntime")
    assert profile.environment.facts["Largest difference from TensorFlow"] == "0"
    assert link_coverage(profile).operator_time == 1.0


@pytest.mark.parametrize("name", ["counting_saved", "seen_saved"])
def test_a_model_that_changes_a_variable_does_not_convert(
    capture: Capture, unconvertible: Path, name: str
) -> None:
    with pytest.raises(CaptureFailed, match="changes its variables while it runs"):
        capture(unconvertible / name, "tf-onnxruntime")


@pytest.mark.parametrize("name", ["gated.keras", "hard.keras", "masked.keras"])
def test_swish_in_blocked_layout_and_states_that_are_written_are_linked(
    capture: Capture, more_files: Path, name: str
) -> None:
    """Fused activations lose the names of their tensors; a dropout keeps a seed even in inference."""
    profile = capture(more_files / name, "tf-onnxruntime")
    coverage = link_coverage(profile)
    assert coverage.operator_time == coverage.peak_bytes == 1.0
    assert float(profile.environment.facts["Largest difference from TensorFlow"]) < 1e-5
