"""Every run mode ties its times and bytes to the model's nodes, on every kind of test model."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.stats import statistics
from profilers.profile import NodeKind, SliceKind
from profilers.profile.references import broken_references
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked

MODELS = Path(__file__).parent / "models"
MODES = {
    "torch-eager": ("torch_files", "{}.pt"),
    "torch-compile": ("torch_files", "{}.pt"),
    "torch-export": ("torch_files", "{}.pt2"),
    "torchscript": ("torch_files", "{}.ts.pt"),
    "tf-graph": ("tf_files", "{}_saved"),
    "tf-xla": ("tf_files", "{}_saved"),
    "tf-eager": ("tf_files", "{}_saved"),
    "keras": ("tf_files", "{}.keras"),
    "tflite": ("tf_files", "{}.tflite"),
    "onnxruntime": ("onnx_files", "{}.onnx"),
}


@pytest.mark.parametrize("name", ["cnn", "block", "control"])
@pytest.mark.parametrize("mode", MODES)
def test_times_and_bytes_are_linked(
    capture: Capture, request: pytest.FixtureRequest, mode: str, name: str
) -> None:
    fixture, pattern = MODES[mode]
    path = request.getfixturevalue(fixture) / pattern.format(name)
    profile = capture(path, mode, source_folder=str(MODELS))
    assert broken_references(profile) == []
    facts = statistics(profile)
    assert facts["mode"] == mode
    assert facts["steps"] == 5
    assert facts["median_step_ns"] > 0
    assert facts["graph_nodes"] > 3
    assert facts["peak_bytes"] > facts["parameter_bytes"] > 0
    assert_linked(profile)
    slices, nodes = profile.trace.slices, profile.authored.nodes
    linked = np.unique(slices.node[(slices.kind == SliceKind.OPERATOR) & (slices.node >= 0)])
    assert len(linked) > 2  # spread over the graph, not tied to one node
    assert not np.isin(nodes.kind[linked], (NodeKind.INPUT, NodeKind.OUTPUT)).any()


@pytest.mark.parametrize("mode", MODES)
def test_the_convolutions_of_the_cnn_have_the_same_flops_everywhere(
    capture: Capture, request: pytest.FixtureRequest, mode: str
) -> None:
    """2 x 9 x 3 x 16 x 32 x 32 for the first, 2 x 9 x 16 x 32 x 16 x 16 for the second."""
    fixture, pattern = MODES[mode]
    path = request.getfixturevalue(fixture) / pattern.format("cnn")
    profile = capture(path, mode, source_folder=str(MODELS))
    nodes = profile.authored.nodes
    convolutions = [
        int(flops)
        for operator, flops in zip(nodes.operator.tolist(), nodes.flops.tolist(), strict=True)
        if "conv" in profile.strings[operator].lower()
    ]
    assert convolutions == [884_736, 2_359_296]
