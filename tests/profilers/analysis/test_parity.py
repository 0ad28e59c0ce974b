"""The first layer at which two runs of one model part, on real captures."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from profilers import snapshot
from profilers.activations import digest_of, read
from profilers.analysis.comparison import compare
from profilers.analysis.parity import MEMBER, difference, sentence
from profilers.profile import Profile
from profilers.runtimes.ort.activations import tensor_names, with_outputs
from tests.conftest import Capture

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def in_torch(capture: Capture, torch_files: Path) -> Profile:
    return capture(
        torch_files / "cnn.pt",
        "torch-eager",
        source_folder=str(MODELS),
        options={"activations": "on"},
    )


_EXPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import onnx, torch
from build_onnx import export
model = torch.load(sys.argv[2], weights_only=False)
onnx.save(export(model, torch.randn(1, 3, 32, 32), optimize=False), sys.argv[3])
"""


@pytest.fixture(scope="module")
def in_onnx(
    capture: Capture, torch_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Profile:
    """The same weights."""
    path = tmp_path_factory.mktemp("parity") / "cnn.onnx"
    words = [sys.executable, "-c", _EXPORT, str(MODELS), str(torch_files / "cnn.pt"), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return capture(path, "onnxruntime", options={"activations": "on"})


def changed(profile: Profile, from_row: int) -> Profile:
    """As if every output from one on had other numbers."""
    rows = json.loads(profile.extra[MEMBER])
    for row in rows[from_row:]:
        row["projection"] = [2 * each + 1 for each in row["projection"]]
        row["mean"] += 1.0
    return replace(profile, extra={**profile.extra, MEMBER: json.dumps(rows).encode()})


def test_each_runtime_keeps_what_its_layers_make(
    in_torch: Profile, in_onnx: Profile, capture: Capture, tf_files: Path
) -> None:
    in_keras = capture(tf_files / "cnn.keras", "keras", options={"activations": "on"})
    for profile, key in ((in_torch, "scope"), (in_onnx, "tensor"), (in_keras, "scope")):
        rows = read(profile.extra[MEMBER])
        assert sum("input" in row for row in rows) == 1
        assert sum(key in row for row in rows) > 5
        for row in rows:
            assert row["minimum"] <= row["mean"] <= row["maximum"]
    found = compare(in_keras, in_keras).parity
    assert found is not None
    assert len(found.rows) > 5
    assert found.first == -1


def test_the_same_weights_and_inputs_agree_across_runtimes(
    in_torch: Profile, in_onnx: Profile
) -> None:
    found = compare(in_torch, in_onnx).parity
    assert found is not None
    assert found.same_inputs
    assert len(found.rows) >= 3
    assert found.first == -1
    assert "agree" in sentence(found)


def test_other_weights_part_at_the_first_layer(
    in_torch: Profile, capture: Capture, onnx_files: Path
) -> None:
    other = capture(onnx_files / "cnn.onnx", "onnxruntime", options={"activations": "on"})
    found = compare(in_torch, other).parity
    assert found is not None
    assert found.same_inputs
    assert found.first == 0
    assert sentence(found).startswith("The outputs part at stem.0")


def test_the_first_layer_that_parts_is_named(in_torch: Profile) -> None:
    first = 5
    found = compare(in_torch, changed(in_torch, first)).parity
    assert found is not None
    assert found.first > 0
    parted = read(in_torch.extra[MEMBER])[first]["scope"]
    assert found.rows[found.first].titles[0].startswith(str(parted).split(".")[0])
    assert found.rows[found.first].titles[0] in sentence(found)
    assert all(row.difference == 0 for row in found.rows[: found.first])


def test_other_inputs_are_told_instead_of_a_layer(in_torch: Profile) -> None:
    found = compare(in_torch, changed(in_torch, 0)).parity
    assert found is not None
    assert not found.same_inputs
    assert "given other inputs" in sentence(found)


def test_activations_travel_in_the_snapshot_and_are_printed(
    in_torch: Profile, in_onnx: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "a.twin", tmp_path / "b.twin"]
    for path, profile in zip(paths, (in_torch, in_onnx), strict=True):
        snapshot.write(profile, path)
    assert main(["compare", *map(str, paths)]) == 0
    assert "outputs of matched layers agree" in capsys.readouterr().out
    assert main(["compare", *map(str, paths), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["parity"]["rows"]
    assert all(row["difference"] < 1e-3 for row in rows)


def test_runs_that_keep_nothing_are_not_compared(capture: Capture, onnx_files: Path) -> None:
    plain = capture(onnx_files / "cnn.onnx", "onnxruntime")
    assert MEMBER not in plain.extra
    assert compare(plain, plain).parity is None


def test_channels_may_come_first_or_last_and_heads_in_any_order() -> None:
    image = np.random.default_rng(0).normal(size=(2, 8, 5, 5))
    first = digest_of(image, channels_first=True)
    last = digest_of(np.moveaxis(image, 1, -1), channels_first=False)
    assert difference(first, last) < 1e-12
    heads = np.random.default_rng(1).normal(size=(2, 4, 16, 8))
    turned = digest_of(heads.swapaxes(1, 2), channels_first=True)
    assert difference(digest_of(heads, channels_first=True), turned) < 1e-12
    assert difference(first, digest_of(image + 0.1, channels_first=True)) > 0.01
    assert difference(first, digest_of(-image, channels_first=True)) > 0.1


def test_damaged_digests_are_left_out() -> None:
    good = {"scope": "a", **digest_of(np.ones(3), channels_first=False)}
    rows = [good, {**good, "projection": [1]}, {**good, "shape": "x"}, 3, {"scope": "b"}]
    assert len(read(json.dumps(rows).encode())) == 1
    assert read(b"{") == []
    assert read(b"3") == []


def test_outputs_are_added_to_an_onnx_file_by_its_bytes_alone(onnx_files: Path) -> None:
    import onnx

    data = (onnx_files / "cnn.onnx").read_bytes()
    names = list(tensor_names(data))
    before = onnx.load_model_from_string(data)
    assert names == [name for node in before.graph.node for name in node.output if name]
    after = onnx.load_model_from_string(with_outputs(data, names[:3]))
    added = [value.name for value in after.graph.output][len(before.graph.output) :]
    assert added == names[:3]
    assert len(after.graph.node) == len(before.graph.node)
