"""What a person is told when a TensorFlow or Keras model cannot be run."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.capturing import request_for
from profilers.analysis.coverage import link_coverage
from profilers.captures import read_capture
from profilers.errors import CaptureFailed, DamagedFile, TrustRequired, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import InputSpec, RunRequest

SOURCES = str(Path(__file__).parents[2] / "models")


def request(path: Path, mode: str = "keras", **changes: object) -> RunRequest:
    return RunRequest(**{"model_path": str(path), "mode": mode, "steps": 1, "warmup": 1, **changes})  # type: ignore[arg-type]


def test_a_wrong_shape_is_told_with_what_the_model_takes(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    wrong = (InputSpec("image", "float32", (1, 8, 8, 4)),)
    for name, mode in (("cnn.keras", "keras"), ("cnn_saved", "tf-graph")):
        with pytest.raises(TwinscopeError, match="image=\\?,32,32,3:float32"):
            launcher.capture(request(tf_files / name, mode, inputs=wrong), tmp_path)


def test_a_lambda_layer_is_not_run_without_trust(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    for name in ("lambda.keras", "lambda.h5"):
        with pytest.raises(TrustRequired, match="Python code"):
            launcher.capture(request(tf_files / name), tmp_path)
        launcher.capture(request(tf_files / name, trusted=True), tmp_path)
        assert len(read_capture(tmp_path).steps) == 1


def test_a_model_that_was_said_to_need_trust_is_not_loaded(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "file_access_saved"
    (tf_files / "written.txt").unlink(missing_ok=True)
    with pytest.raises(TrustRequired):
        launcher.capture(request(path, "tf-graph", options={"needs_trust": True}), tmp_path)
    assert not (tf_files / "written.txt").exists()


def test_layers_of_ones_own_are_found_in_the_source_folder(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "custom.keras"
    with pytest.raises(TwinscopeError, match=r"keras_zoo\.Scale was not found.*source folder"):
        launcher.capture(request(path), tmp_path)
    launcher.capture(request(path, trusted=True, source_folder=SOURCES), tmp_path)
    assert read_capture(tmp_path).environment.model_name == "custom.keras"


def test_an_unknown_signature_is_told_with_the_known_ones(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    with pytest.raises(TwinscopeError, match="serving_default"):
        launcher.capture(request(tf_files / "cnn_saved", "tf-graph", signature="other"), tmp_path)


def test_operators_that_the_build_lacks_are_all_named(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "unknown_frozen.pb"
    for mode in ("tf-graph", "tf-eager", "tf-xla"):
        with pytest.raises(TwinscopeError, match="no operator KindMean and no SoftenedRelu"):
            launcher.capture(request(path, mode), tmp_path)
    model = open_path(path)
    assert isinstance(model, ModelFile)
    graph = model.preview.authored
    assert {"KindMean", "Conv2D"} <= {model.preview.strings[row] for row in graph.nodes.operator}


@pytest.mark.parametrize("name", ["words", "rows", "pictures", "examples", "sparse"])
def test_text_and_tensors_that_come_in_parts_are_taken(
    launcher: Launcher, tf_files: Path, tmp_path: Path, name: str
) -> None:
    launcher.capture(request(tf_files / f"{name}_saved", "tf-graph"), tmp_path)
    assert len(read_capture(tmp_path).steps) == 1


@pytest.mark.parametrize("mode", ["keras", "tflite", "keras-torch"])
def test_what_a_layer_says_of_wrong_sizes_is_told(
    launcher: Launcher, more_files: Path, tmp_path: Path, mode: str
) -> None:
    tiny = (InputSpec("image", "float32", (1, 1, 1, 3)),)
    with pytest.raises(TwinscopeError) as failure:
        launcher.capture(request(more_files / "grouped.keras", mode, inputs=tiny), tmp_path)
    told = (
        "[Kk]ernel size" if mode == "keras-torch" else "Negative dimension .* in grouped_1/stem_1"
    )
    assert re.search(told, str(failure.value))
    assert not re.search(r"Exception encountered|\x1b", str(failure.value))


@pytest.mark.parametrize("signature", ["", "serving_default", "features"])
def test_each_signature_of_a_tensorflow_1_model_runs(
    launcher: Launcher, tf_files: Path, tmp_path: Path, signature: str
) -> None:
    launcher.capture(request(tf_files / "tf1_saved", "tf-graph", signature=signature), tmp_path)
    profile = read_capture(tmp_path)
    ran = {profile.strings[name] for name in profile.authored.nodes.operator}
    assert ("Softmax" in ran) is (signature != "features")
    coverage = link_coverage(profile)
    assert coverage.operator_time is not None
    assert coverage.operator_time >= 0.95


def test_a_tensorflow_1_model_without_a_signature_runs_from_its_placeholders(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    model = open_path(tf_files / "tf1_unsigned")
    assert isinstance(model, ModelFile)
    assert [spec.name for spec in model.inputs] == ["image", "kind"]
    (told,) = [each.message for each in model.preview.diagnostics]
    assert re.search("it runs from image, kind to .*probabilities", told)
    launcher.capture(replace(request_for(model, "tf-graph"), trusted=True, steps=1), tmp_path)
    profile = read_capture(tmp_path)
    ran = {profile.strings[name] for name in profile.authored.nodes.operator}
    assert {"Conv2D", "Softmax"} <= ran
    assert not {"ApplyAdam", "RestoreV2", "SaveV2"} & ran
    assert (link_coverage(profile).operator_time or 0) >= 0.95


def test_what_exists_in_graphs_only_cannot_run_in_parts(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    with pytest.raises(CaptureFailed, match=r"VariableV2.*mode tf-graph"):
        launcher.capture(request(tf_files / "tf1_counting", "tf-eager"), tmp_path)


@pytest.mark.parametrize("mode", ["tf-eager", "tf-xla", "tflite", "tf-onnxruntime"])
def test_variables_that_a_tensorflow_1_model_only_reads_keep_it_from_no_mode(
    launcher: Launcher, tf_files: Path, tmp_path: Path, mode: str
) -> None:
    launcher.capture(request(tf_files / "tf1_saved", mode), tmp_path)
    profile = read_capture(tmp_path)
    assert (link_coverage(profile).operator_time or 0) >= 0.95
    assert not any("cannot compile" in each.message for each in profile.diagnostics)
    gap = profile.environment.facts.get("Largest difference from TensorFlow", "0")
    assert float(gap) < 1e-5


def test_ragged_inputs_of_a_keras_file_are_told(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "ragged.keras"
    launcher.capture(request(path, "keras"), tmp_path)
    told = [each.message for each in read_capture(tmp_path).diagnostics]
    assert any("plain tensors, all rows of one length: ids" in each for each in told)
    with pytest.raises(
        TwinscopeError, match=r"ragged inputs, which Keras does not know on PyTorch"
    ):
        launcher.capture(request(path, "keras-torch"), tmp_path / "torch")


def test_a_graph_without_its_training_is_not_trained(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    training = {"run": "training"}
    for mode in ("tf-eager", "tf-xla"):
        with pytest.raises(TwinscopeError, match="forward pass only"):
            launcher.capture(request(tf_files / "cnn_saved", mode, options=training), tmp_path)


def test_a_failing_node_is_named_and_leaves_no_trace_in_the_next_capture(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    outside = (InputSpec("tokens", "int64", (1, 16), 500, 1000),)
    with pytest.raises(CaptureFailed, match=r"not in \[0, 100\).*GatherV2"):
        launcher.capture(request(tf_files / "block.keras", inputs=outside), tmp_path)
    launcher.capture(request(tf_files / "cnn_saved", "tf-graph"), tmp_path)
    assert len(read_capture(tmp_path).fusion.groups) == 3


def test_a_renamed_file_runs(launcher: Launcher, tf_files: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "model.bin"
    shutil.copy(tf_files / "cnn.keras", renamed)
    launcher.capture(request(renamed), tmp_path)
    assert len(read_capture(tmp_path).trace.slices) > 0


def test_a_capture_with_a_cut_file_is_refused(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    launcher.capture(request(tf_files / "cnn.keras"), tmp_path)
    for name in ("authored_graph.pb", "variables.json", "xplane.pb"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedFile):
            read_capture(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(DamagedFile):
            read_capture(tmp_path)
        (tmp_path / name).write_bytes(whole)
    read_capture(tmp_path)


@pytest.mark.parametrize("name", ["cnn.keras", "cnn_saved"])
def test_a_model_keeps_its_variables_while_it_runs(tf_files: Path, name: str) -> None:
    """TensorFlow's functions hold variables weakly: a collection between two steps took them."""
    module = "keras.on_tf" if name.endswith(".keras") else "tf.graph"
    model = open_path(tf_files / name)
    assert isinstance(model, ModelFile)
    request = request_for(model).to_json()
    program = (
        "import gc, json, sys\n"
        f"from profilers.runtimes.{module} import load\n"
        "from profilers.request import RunRequest\n"
        "traced = load(RunRequest.from_json(json.loads(sys.argv[1])))\n"
        "gc.collect()\n"
        "traced.call(*traced.arguments)\n"
        "assert traced.function.graph.variables\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(request)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_damaged_variables_of_a_saved_model_are_told(
    launcher: Launcher, tf_files: Path, tmp_path: Path, part: str
) -> None:
    folder = tmp_path / "cut_saved"
    shutil.copytree(tf_files / "cnn_saved", folder)
    weights = folder / "variables" / f"variables.{part}"
    weights.write_bytes(weights.read_bytes()[:20])
    with pytest.raises(
        TwinscopeError, match=r"variables folder are damaged.*Copy the whole folder"
    ):
        launcher.capture(request(folder, "tf-graph"), tmp_path)


def test_float8_is_not_trained_eagerly_and_says_where_it_is(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    options = {"run": "training"}
    path = tf_files / "float8.keras"
    with pytest.raises(TwinscopeError, match=r"layer narrow is quantised to float8.*mode keras"):
        launcher.capture(request(path, "tf-eager", options=options), tmp_path)
    launcher.capture(request(path, options=options), tmp_path)
    assert len(read_capture(tmp_path).steps) == 1


def test_python_that_a_saved_graph_does_not_hold_is_told(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "file_access_saved"
    with pytest.raises(CaptureFailed, match=r"calls Python code .*no saved graph holds"):
        launcher.capture(request(path, "tf-graph", trusted=True), tmp_path)
    (tf_files / "written.txt").unlink()  # loading a trusted model does what its preview warned of


def test_a_frozen_graph_fills_its_own_lookup_tables(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    empty = tf_files / "tf1_words_empty.pb"  # first: tables of one name live as long as the process
    with pytest.raises(CaptureFailed, match=r"table is empty.*\(in .*Lookup.*tables_initializer"):
        launcher.capture(request(empty, "tf-graph"), tmp_path)
    with pytest.raises(
        CaptureFailed, match=r"XLA cannot compile .* without XLA it fails too .*table"
    ):
        launcher.capture(request(empty, "tf-xla"), tmp_path)
    launcher.capture(request(tf_files / "tf1_words.pb", "tf-graph"), tmp_path)
    coverage = link_coverage(read_capture(tmp_path)).operator_time
    assert coverage is not None
    assert coverage >= 0.95


def test_a_rank_that_no_operator_takes_is_told_in_a_sentence(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = tf_files / "tf1_open.pb"
    model = open_path(path)
    assert isinstance(model, ModelFile)
    launcher.capture(replace(request_for(model, "tf-xla"), steps=1, warmup=1), tmp_path)
    assert read_capture(tmp_path).environment.model_name == "tf1_open.pb"
    flat = (InputSpec("image", "float32", (7,)), InputSpec("gain", "float32", ()))
    with pytest.raises(CaptureFailed) as failure:
        launcher.capture(request(path, "tf-xla", inputs=flat), tmp_path)
    assert "rank 4" in failure.value.why
    assert "signature" not in str(failure.value)
