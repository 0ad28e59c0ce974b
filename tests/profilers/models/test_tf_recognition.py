"""TensorFlow, Keras and TFLite files are recognised by content and tell their inputs."""

import shutil
import sys
from pathlib import Path

import pytest

from profilers.errors import TwinscopeError
from profilers.models import ModelFile, format_of
from profilers.opening import open_path
from profilers.probe import Probe

IMAGE = ("image", "float32", (1, 32, 32, 3))
TOKENS = ("tokens", "int64", (1, 16))


def inspected(path: Path) -> ModelFile:
    recognised = format_of(Probe(path))
    assert recognised is not None, f"{path.name} is not recognised"
    return recognised.inspect(path)


def batched(given: tuple[str, str, tuple[int, ...]]) -> tuple[str, str, tuple[int | str, ...]]:
    name, dtype, shape = given
    return name, dtype, ("?0", *shape[1:])


@pytest.mark.parametrize(
    ("name", "kind", "modes", "given"),
    [
        ("cnn.keras", "keras", ("keras", "tf-xla"), batched(IMAGE)),
        ("cnn.h5", "keras-h5", ("keras", "tf-xla"), batched(IMAGE)),
        ("cnn_saved", "saved-model", ("tf-graph", "tf-xla"), batched(IMAGE)),
        ("cnn_frozen.pb", "frozen-graph", ("tf-graph", "tf-xla"), IMAGE),
        ("cnn.tflite", "tflite", ("tflite",), IMAGE),
        ("block.keras", "keras", ("keras", "tf-xla"), batched(TOKENS)),
        ("block.h5", "keras-h5", ("keras", "tf-xla"), batched(TOKENS)),
        ("block_saved", "saved-model", ("tf-graph", "tf-xla"), batched(TOKENS)),
        ("block_frozen.pb", "frozen-graph", ("tf-graph", "tf-xla"), TOKENS),
        ("block.tflite", "tflite", ("tflite",), TOKENS),
        ("control.keras", "keras", ("keras", "tf-xla"), ("sequence", "float32", ("?0", 8, 16))),
        ("control_saved", "saved-model", ("tf-graph", "tf-xla"), ("x", "float32", (1, 16))),
        ("control_frozen.pb", "frozen-graph", ("tf-graph",), ("x", "float32", (1, 16))),
        ("control.tflite", "tflite", ("tflite",), ("x", "float32", (1, 16))),
    ],
)
def test_kind_modes_and_inputs(
    tf_files: Path, name: str, kind: str, modes: tuple[str, ...], given: tuple[object, ...]
) -> None:
    model = inspected(tf_files / name)
    assert (model.kind, model.modes[: len(modes)]) == (kind, modes)
    assert [(spec.name, spec.dtype, spec.shape) for spec in model.inputs] == [given]
    assert not any(spec.guessed for spec in model.inputs)
    assert not model.dangers
    assert not model.cannot_run


@pytest.mark.parametrize(
    "name", ["block.keras", "block.h5", "block_saved", "block_frozen.pb", "block.tflite"]
)
def test_token_ids_stay_inside_the_vocabulary(tf_files: Path, name: str) -> None:
    (tokens,) = inspected(tf_files / name).inputs
    assert (tokens.low, tokens.high) == (0, 100)


@pytest.mark.parametrize(
    ("name", "disguise"),
    [
        ("cnn.keras", "model.pt"),
        ("cnn.h5", "model.keras"),
        ("cnn_frozen.pb", "model.onnx"),
        ("cnn.tflite", "model.bin"),
        ("cnn_saved/saved_model.pb", "model.pb"),
    ],
)
def test_renamed_files_keep_their_kind(
    tf_files: Path, tmp_path: Path, name: str, disguise: str
) -> None:
    renamed = shutil.copy(tf_files / name, tmp_path / disguise)
    original = tf_files / name.removesuffix("/saved_model.pb")
    assert inspected(Path(renamed)).kind == inspected(original).kind


def test_without_a_signature_the_functions_are_named_and_the_first_one_shown(
    tf_files: Path,
) -> None:
    model = inspected(tf_files / "unsigned_saved")
    assert model.signatures == ("__call__",)
    assert not model.cannot_run
    strings, graph = model.preview.strings, model.preview.authored
    assert {"If", "While"} <= {
        strings[row].removeprefix("Stateless") for row in graph.nodes.operator
    }
    names = {strings[row] for row in graph.parameters.name}
    assert {"first", "positive", "negative", "repeated"} <= names
    assert "there is nothing to call" in inspected(tf_files / "empty_saved").cannot_run


def test_functions_of_parts_and_second_traces_can_be_chosen(tf_files: Path) -> None:
    model = inspected(tf_files / "parts_saved")
    assert model.signatures == ("__call__", "__call__#2", "control.__call__", "rows.__call__")
    assert model.entries_are == "function"
    given = [(spec.name, spec.shape, spec.dtype) for spec in model.inputs]
    assert given == [("pair_left", (2, 16), "float32"), ("pair_right", (2, 16), "float32")]
    (x,) = model.inputs_of("control.__call__")
    assert (x.name, x.shape) == ("x", (1, 16))


def test_functions_that_were_never_traced_are_named(tf_files: Path) -> None:
    model = inspected(tf_files / "untraced_saved")
    assert "encode had never been called when it was saved" in model.cannot_run
    assert not model.modes


def test_signatures_start_with_the_default(tf_files: Path) -> None:
    assert inspected(tf_files / "cnn_saved").signatures == ("serving_default", "serve")


def test_the_protobuf_of_a_saved_model_stands_for_its_folder(tf_files: Path) -> None:
    model = inspected(tf_files / "cnn_saved" / "saved_model.pb")
    assert model.path == tf_files / "cnn_saved"
    assert not model.cannot_run


def test_a_saved_model_without_its_variables_cannot_run(tf_files: Path, tmp_path: Path) -> None:
    shutil.copy(tf_files / "cnn_saved" / "saved_model.pb", tmp_path)
    model = inspected(tmp_path)
    assert "variables" in model.cannot_run
    assert len(model.preview.authored.nodes)


def test_weights_without_a_model_cannot_run_but_show(tf_files: Path) -> None:
    model = inspected(tf_files / "only.weights.h5")
    assert (model.modes, model.inputs) == ((), ())
    assert "without a model" in model.cannot_run
    shapes = {model.preview.strings[row] for row in model.preview.authored.parameters.shape}
    assert {"16,16", "16,48"} <= shapes


def test_an_open_rank_is_guessed_from_what_reads_the_input(tf_files: Path) -> None:
    image, gain = inspected(tf_files / "tf1_open.pb").inputs
    assert (image.name, image.shape, image.guessed) == ("image", ("?0", "?1", "?2", 5), True)
    assert (gain.shape, gain.guessed) == ((), False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "weights without the graph"),
        ("model.ckpt", "the name of a TensorFlow checkpoint"),
        ("model.ckpt.index", "weights without the graph"),
        ("model.ckpt.data-00000-of-00001", "weights without the graph"),
        ("model.ckpt.meta", "a TensorFlow graph .* whose weights lie in a checkpoint"),
        ("checkpoint", "only names a checkpoint"),
        ("graph.pbtxt", "a TensorFlow graph written as text"),
    ],
)
def test_parts_of_a_checkpoint_are_told_from_a_model(tf_files: Path, name: str, told: str) -> None:
    with pytest.raises(TwinscopeError, match=f"{told}.*SavedModel"):
        open_path(tf_files / "tf1_checkpoint" / name)


def test_no_framework_is_imported(tf_files: Path) -> None:
    for path in tf_files.iterdir():
        if path.name != "tf1_checkpoint":  # no model
            inspected(path)
    assert not {"tensorflow", "keras", "h5py"} & set(sys.modules)
