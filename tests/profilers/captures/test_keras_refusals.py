"""What a person is told when a Keras file lacks code, weights or a newer Keras."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from profilers.captures import read_capture
from profilers.errors import MissingCode, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.keras.own_code import Wanted, missing_code

GAIN = """
import keras


class Gain(keras.layers.Layer):
    def call(self, x):
        assert "Fake" not in type(x).__name__
        return x * 2.0
"""


def request(path: Path, mode: str = "keras", **changes: object) -> RunRequest:
    return RunRequest(**{"model_path": str(path), "mode": mode, "steps": 1, "warmup": 1, **changes})  # type: ignore[arg-type]


def changed(source: Path, target: Path, members: Mapping[str, bytes]) -> Path:
    """The archive with other contents for some of its members."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get(name, old.read(name)))
    return target


def member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def with_config(source: Path, target: Path, old: str, new: str) -> Path:
    config = member(source, "config.json").decode()
    assert old in config
    return changed(source, target, {"config.json": config.replace(old, new).encode()})


def with_gain(tf_files: Path, tmp_path: Path) -> Path:
    """A layer that its author did not register, and of which the file does not tell the module."""
    config = json.loads(member(tf_files / "custom.keras", "config.json"))
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Scale":
            layer.update(module=None, class_name="Gain", registered_name="Gain")
            layer["config"] = {"name": "own"}
    text = json.dumps(config).encode()
    return changed(tf_files / "custom.keras", tmp_path / "gain.keras", {"config.json": text})


def test_an_activation_that_is_but_a_name_is_told_missed_and_found(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    old, new = '"activation": "linear"', '"activation": "doubled"'
    path = with_config(tf_files / "cnn.keras", tmp_path / "named.keras", old, new)
    model = open_path(path)
    assert isinstance(model, ModelFile)
    assert {danger.call for danger in model.dangers} == {"the function doubled"}
    with pytest.raises(MissingCode, match=r"code of doubled was not found.*source folder"):
        launcher.capture(request(path, trusted=True), tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "functions.py").write_text("def doubled(x):\n    return x * 2.0\n")
    launcher.capture(request(path, trusted=True, source_folder=str(tmp_path / "own")), tmp_path)
    strings = read_capture(tmp_path).strings
    with pytest.raises(MissingCode):  # what one run was given is not there for the next
        launcher.capture(request(path, trusted=True), tmp_path)
    assert "Mul" in [strings[row] for row in range(len(strings))]


def test_unregistered_layers_are_found_by_their_definition_and_a_wrong_folder_is_named(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = with_gain(tf_files, tmp_path)
    (tmp_path / "wrong").mkdir()
    (tmp_path / "right" / "parts").mkdir(parents=True)
    (tmp_path / "right" / "parts" / "gains.py").write_text(GAIN)
    wrong, right = str(tmp_path / "wrong"), str(tmp_path / "right")
    with pytest.raises(MissingCode, match=r"code of Gain was not found in .*wrong.*source folder"):
        launcher.capture(request(path, trusted=True, source_folder=wrong), tmp_path)
    inputs = (InputSpec("x", "float32", (1, 4)),)
    given = request(path, "keras-torch", trusted=True, source_folder=right, inputs=inputs)
    launcher.capture(given, tmp_path)
    told = [each.message for each in read_capture(tmp_path).diagnostics]
    assert any("AssertionError in Gain.call() at gains.py:7" in message for message in told)


def test_a_source_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    lost = [Wanted("layers.own", "Gain", "Mine>Gain"), Wanted("", "swoosh", "swoosh")]
    told = missing_code("m.keras", lost, str(tmp_path / "nowhere"))
    assert "the code of layers.own.Gain, swoosh was not found: there is no folder" in str(told)


def test_a_file_of_a_newer_keras_says_so(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    source, path = tf_files / "cnn.keras", tmp_path / "newer.keras"
    facts = json.loads(member(source, "metadata.json"))
    config = member(source, "config.json").replace(
        b'"class_name": "ReLU"', b'"class_name": "ReLU9"'
    )
    changes = {
        "metadata.json": json.dumps({**facts, "keras_version": "99.1.0"}).encode(),
        "config.json": config,
    }
    changed(source, path, changes)
    told = r"this Keras has no keras.layers.ReLU9\. It was saved by Keras 99\.1\.0, and 3\."
    with pytest.raises(TwinscopeError, match=told):
        launcher.capture(request(path), tmp_path)


def test_the_weights_of_another_model_are_told_with_both_shapes(
    launcher: Launcher, tf_files: Path, tmp_path: Path
) -> None:
    path = with_config(
        tf_files / "cnn.keras", tmp_path / "wide.keras", '"units": 10', '"units": 12'
    )
    with pytest.raises(
        TwinscopeError, match=r"weights do not fit .* head .*\(32, 12\).*\(32, 10\)"
    ):
        launcher.capture(request(path), tmp_path)
