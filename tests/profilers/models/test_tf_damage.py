"""Cut, crafted and absurd files give a reason, in bounded time and memory."""

import json
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from profilers.errors import DamagedFile, UnrecognisedFile
from profilers.graphs import tf_graph_def
from profilers.graphs.tensorflow_protos import new, parse
from profilers.graphs.tf_graph_def import read_graph_def
from profilers.models import (
    frozen_graph_file,
    hdf5_file,
    keras_file,
    saved_model_file,
    tflite_file,
)
from profilers.opening import open_path
from profilers.profile import StringPool

FILES = [
    (keras_file, "cnn.keras"),
    (hdf5_file, "cnn.h5"),
    (saved_model_file, "cnn_saved/saved_model.pb"),
    (frozen_graph_file, "cnn_frozen.pb"),
    (tflite_file, "control.tflite"),
]


@pytest.mark.parametrize(("module", "name"), FILES)
def test_a_truncated_file_is_damaged(
    tf_files: Path, tmp_path: Path, module: ModuleType, name: str
) -> None:
    data = (tf_files / name).read_bytes()
    for share in (0.01, 0.3, 0.6, 0.95):
        cut = tmp_path / "cut"
        cut.write_bytes(data[: int(share * len(data))])
        with pytest.raises(DamagedFile, match=r"Cannot read .*: .+"):
            module.inspect(cut)


@pytest.mark.parametrize("name", [name for _, name in FILES])
def test_a_truncated_file_is_not_taken_for_something_else(
    tf_files: Path, tmp_path: Path, name: str
) -> None:
    data = (tf_files / name).read_bytes()
    cut = tmp_path / Path(name).name
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedFile):
        open_path(cut)


@pytest.mark.parametrize("name", [name for _, name in FILES])
def test_an_emptied_file_is_not_recognised(tmp_path: Path, name: str) -> None:
    path = tmp_path / Path(name).name
    path.touch()
    with pytest.raises(UnrecognisedFile, match="empty"):
        open_path(path)


@pytest.mark.parametrize(("module", "name"), FILES)
def test_a_garbled_file_is_read_or_refused(
    tf_files: Path, tmp_path: Path, module: ModuleType, name: str
) -> None:
    original = (tf_files / name).read_bytes()
    dice = random.Random(7)
    refused = 0
    for _ in range(6 if module in (keras_file, hdf5_file) else 60):
        data = bytearray(original)
        for _ in range(dice.choice([1, 4, 32])):
            data[dice.randrange(len(data))] = dice.choice([0, 127, 128, 255])
        path = tmp_path / "garbled"
        path.write_bytes(data)
        try:
            model = module.inspect(path)
        except DamagedFile:
            refused += 1
        else:
            assert len(model.preview.graphs) == 1
    assert refused


def test_functions_that_call_each_other_for_ever() -> None:
    graph = new("GraphDef")
    graph.node.add(name="start", op="a")
    for name, called in (("a", "b"), ("b", "a")):
        function = graph.library.function.add()
        function.signature.name = name
        function.node_def.add(name="next", op=called)
    read = read_graph_def(graph, StringPool())
    assert len(read.nodes) == 3


def test_calls_that_expand_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf_graph_def, "_MOST_ENTRIES", 50_000)
    graph = new("GraphDef")
    graph.node.add(name="start", op="f0")
    for level in range(30):
        function = graph.library.function.add()
        function.signature.name = f"f{level}"
        for name in "abcd":
            function.node_def.add(name=name, op=f"f{level + 1}", input=["x"] * 5)
    with pytest.raises(ValueError, match="expand"):
        read_graph_def(graph, StringPool())


def test_a_flood_of_empty_nodes_does_not_fill_the_memory(tf_files: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = (tf_files / "cnn_frozen.pb").read_bytes() + b"\x0a\x00" * 20_000_000
    with pytest.raises(ValueError, match="entries"):
        parse("GraphDef", data)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 300_000


def rewritten(source: Path, target: Path, member: str, content: bytes | None) -> Path:
    """A copy of the archive with one member exchanged, or left out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in old.namelist():
            if name != member:
                copy.writestr(name, old.read(name))
            elif content is not None:
                copy.writestr(name, content)
    return target


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 1_000_000,
        b" " * (17 * 2**20),
        json.dumps({"class_name": "Functional", "config": {"layers": ["x"]}}).encode(),
        json.dumps({"class_name": "Functional", "config": None}).encode(),
    ],
)
def test_an_unsound_keras_configuration(tf_files: Path, tmp_path: Path, content: bytes) -> None:
    path = rewritten(tf_files / "cnn.keras", tmp_path / "x.keras", "config.json", content)
    with pytest.raises(DamagedFile):
        keras_file.inspect(path)


def test_a_keras_archive_with_compressed_or_without_weights(tf_files: Path, tmp_path: Path) -> None:
    source, weights = tf_files / "cnn.keras", "model.weights.h5"
    with zipfile.ZipFile(source) as archive:
        kept = rewritten(source, tmp_path / "kept.keras", weights, archive.read(weights))
    stored = keras_file.inspect(source).preview.authored.parameters
    assert (keras_file.inspect(kept).preview.authored.parameters.bytes == stored.bytes).all()
    without = keras_file.inspect(rewritten(source, tmp_path / "x.keras", weights, None))
    assert "no weights" in without.cannot_run
    assert len(without.preview.authored.nodes) == 10


def test_an_hdf5_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "table.h5"
    script = "import h5py, sys; h5py.File(sys.argv[1], 'w')['table'] = [1, 2, 3]"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    with pytest.raises(DamagedFile, match="without a Keras model"):
        hdf5_file.inspect(path)


def test_a_tflite_file_that_claims_more_than_it_holds(tf_files: Path, tmp_path: Path) -> None:
    data = bytearray((tf_files / "cnn.tflite").read_bytes())
    data[0:4] = (2**31 - 1).to_bytes(4, "little")
    path = tmp_path / "far.tflite"
    path.write_bytes(data)
    with pytest.raises(DamagedFile, match="out of the file"):
        tflite_file.inspect(path)


def test_a_folder_with_an_empty_saved_model(tmp_path: Path, tf_files: Path) -> None:
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(DamagedFile, match="holds no graph"):
        open_path(tmp_path)
    shutil.copy(tf_files / "cnn_frozen.pb", tmp_path / "saved_model.pb")
    with pytest.raises(DamagedFile):
        open_path(tmp_path)
