"""The same model from two frameworks: every telling operator finds its twin."""

from pathlib import Path

import pytest

from profilers.analysis.matching import match_graphs
from profilers.analysis.operator_family import operator_family
from profilers.profile import Profile
from tests.conftest import Capture


def twins(a: Profile, b: Profile, operator: str) -> list[list[str]]:
    """For each node of `a` whose operator holds `operator`, the operators of its twins in `b`."""
    pairs = match_graphs(a.authored, a.strings, b.authored, b.strings)
    found = []
    for row, name in enumerate(a.authored.nodes.operator.tolist()):
        if operator in a.strings[name]:
            rows = pairs.b[pairs.a == row].tolist()
            found.append([b.strings[int(b.authored.nodes.operator[twin])] for twin in rows])
    return found


@pytest.mark.parametrize(
    ("file", "mode", "convolution"),
    [("cnn.keras", "keras", "Conv2D"), ("cnn_saved", "tf-graph", "Conv2D")],
)
def test_convolutions_and_norms_find_their_twins_in_tensorflow(
    capture: Capture, torch_files: Path, tf_files: Path, file: str, mode: str, convolution: str
) -> None:
    ours = capture(torch_files / "cnn.pt2", "torch-export")
    theirs = capture(tf_files / file, mode)
    assert [convolution in each for each in twins(ours, theirs, "conv2d")] == [True, True]
    assert all(twins(ours, theirs, "batch_norm"))
    assert all("Relu" in each for each in twins(ours, theirs, "relu"))
    assert all("MatMul" in each for each in twins(ours, theirs, "linear"))


def test_order_tells_equal_convolutions_apart(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    ours = capture(torch_files / "cnn.pt2", "torch-export")
    theirs = capture(onnx_files / "cnn.onnx", "onnxruntime")
    pairs = match_graphs(ours.authored, ours.strings, theirs.authored, theirs.strings)
    ranks = [
        int(pairs.b[pairs.a == row][0])
        for row, name in enumerate(ours.authored.nodes.operator.tolist())
        if operator_family(ours.strings[name]) == "convolution"
    ]
    assert len(ranks) == 2
    assert ranks == sorted(ranks)


def test_a_transformer_block_finds_its_linear_layers(
    capture: Capture, torch_files: Path, tf_files: Path
) -> None:
    ours = capture(torch_files / "block.pt2", "torch-export")
    theirs = capture(tf_files / "block.keras", "keras")
    linear = twins(ours, theirs, "linear")
    assert all("MatMul" in each or "BatchMatMulV2" in each for each in linear)


def test_a_graph_is_its_own_twin(capture: Capture, torch_files: Path) -> None:
    """In eager mode and exported: two captures of one model."""
    ours = capture(torch_files / "block.pt2", "torch-export")
    pairs = match_graphs(ours.authored, ours.strings, ours.authored, ours.strings)
    assert len(pairs) > 10
    heavy = [
        row
        for row, name in enumerate(ours.authored.nodes.operator.tolist())
        if operator_family(ours.strings[name]) in ("matmul", "attention", "normalisation")
    ]
    for row in heavy:
        assert row in pairs.b[pairs.a == row].tolist()


def test_different_models_share_little(
    capture: Capture, torch_files: Path, onnx_files: Path
) -> None:
    cnn = capture(torch_files / "cnn.pt2", "torch-export")
    block = capture(onnx_files / "block.onnx", "onnxruntime")
    pairs = match_graphs(cnn.authored, cnn.strings, block.authored, block.strings)
    convolutions = {
        row
        for row, name in enumerate(cnn.authored.nodes.operator.tolist())
        if "conv" in cnn.strings[name]
    }
    assert not convolutions & set(pairs.a.tolist())
