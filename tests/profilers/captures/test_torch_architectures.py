"""Models with in-place work, recurrent layers, shared modules: linked and counted in every mode."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.errors import CaptureFailed
from profilers.profile import Profile, SliceKind
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture, ModelFolders
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models"
MODES = {"torch-eager": "{}.pt", "torch-export": "{}.pt2", "torchscript": "{}.ts.pt"}
INPUTS = {
    "resnet": (InputSpec("x", "float32", (1, 3, 64, 64)),),
    "lstm": (InputSpec("x", "float32", (1, 20, 16)),),
    "branches": (InputSpec("left", "float32", (1, 32)), InputSpec("right", "float32", (1, 32))),
    "product": (InputSpec("x", "float32", (32, 4)),),
}
LSTM_MATRICES = 128 * 16 + 128 * 32 + 2 * 128 * 32  # two layers of 4 gates, width 32
LINEARS = 2 * (32 * 64 + 64 * 64) + 64 * 2  # the encoder twice, the head once


@pytest.fixture(scope="module")
def torch_more(model_folders: ModelFolders) -> Path:
    return model_folders["torch_more"]


def captured(capture: Capture, torch_more: Path, name: str, mode: str) -> Profile:
    path = torch_more / MODES[mode].format(name)
    return capture(path, mode, source_folder=str(MODELS), inputs=INPUTS[name])


@pytest.mark.parametrize("name", ["resnet", "lstm", "branches"])
@pytest.mark.parametrize("mode", MODES)
def test_times_and_bytes_are_linked(
    capture: Capture, torch_more: Path, mode: str, name: str
) -> None:
    profile = captured(capture, torch_more, name, mode)
    assert_linked(profile)
    assert (link_coverage(profile).operator_time or 0) >= 0.99


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "operator", "flops"),
    [
        ("lstm", "lstm", 2 * 20 * LSTM_MATRICES),
        ("branches", "linear", 2 * LINEARS),
        ("product", "matmul", 2 * 8 * 32 * 4),
    ],
)
def test_flops_are_those_of_the_matrices(
    capture: Capture, torch_more: Path, mode: str, name: str, operator: str, flops: int
) -> None:
    profile = captured(capture, torch_more, name, mode)
    nodes = profile.authored.nodes
    rows = [
        row for row, each in enumerate(nodes.operator.tolist()) if operator in profile.strings[each]
    ]
    assert rows
    assert int(nodes.flops[rows].sum()) == flops


@pytest.mark.parametrize("mode", MODES)
def test_both_calls_of_a_shared_module_have_their_own_times(
    capture: Capture, torch_more: Path, mode: str
) -> None:
    profile = captured(capture, torch_more, "branches", mode)
    graph, slices = profile.authored, profile.trace.slices
    first = [profile.strings[row] for row in graph.parameters.name.tolist()].index(
        "encoder.0.weight"
    )
    calls = graph.parameter_uses.node[graph.parameter_uses.parameter == first]
    assert len(calls) == 2
    for call in calls.tolist():
        rows = np.flatnonzero((slices.node == call) & (slices.kind == SliceKind.OPERATOR))
        names = [profile.strings[row] for row in slices.name[rows].tolist()]
        assert names.count("aten::linear") == len(profile.steps)


def test_tuples_are_no_nodes_of_script_graphs(capture: Capture, torch_more: Path) -> None:
    profile = captured(capture, torch_more, "lstm", "torchscript")
    graph = profile.authored
    operators = [profile.strings[row] for row in graph.nodes.operator.tolist()]
    assert not any("Tuple" in operator for operator in operators)
    sources = graph.edges.source[graph.edges.target == operators.index("aten::slice")].tolist()
    assert {operators[source] for source in sources} == {"prim::If"}  # batched or not


@pytest.mark.parametrize("mode", MODES)
def test_a_shape_that_the_model_rejects_is_told_in_its_words(
    capture: Capture, torch_more: Path, mode: str
) -> None:
    path = torch_more / MODES[mode].format("product")
    wrong = (InputSpec("x", "float32", (31, 4)),)
    with pytest.raises(CaptureFailed, match=r"31x4|x\.size\(\)\[0\] == 32") as raised:
        capture(path, mode, source_folder=str(MODELS), inputs=wrong)
    assert "inputs' shapes" in raised.value.remedy
