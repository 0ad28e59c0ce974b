"""Training steps: their ranges, the links of backward, loss and optimiser, and what weights need."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.errors import TwinscopeError
from profilers.profile import Profile, SliceKind
from profilers.request import InputSpec
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked

MODELS = Path(__file__).parents[2] / "models"
TRAINING = {"run": "training"}


@pytest.fixture(scope="module")
def cnn(capture: Capture, torch_files: Path) -> Profile:
    return capture(
        torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS), options=TRAINING
    )


def named(profile: Profile, pattern: str) -> list[int]:
    """Slices whose name begins so."""
    slices = profile.trace.slices
    return [
        row
        for row, name in enumerate(slices.name.tolist())
        if profile.strings[name].startswith(pattern)
    ]


def node_of(profile: Profile, name: str) -> int:
    return [profile.strings[row] for row in profile.authored.nodes.name.tolist()].index(name)


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("cnn.pt", {}),
        ("block.pt", {"loss": "cross-entropy", "optimiser": "Adam"}),
        ("control.pt", {"loss": "sum", "optimiser": "SGD with momentum"}),
    ],
)
def test_all_of_a_training_step_is_linked(
    capture: Capture, torch_files: Path, file: str, options: dict[str, str]
) -> None:
    profile = capture(
        torch_files / file, "torch-eager", source_folder=str(MODELS), options=TRAINING | options
    )
    assert_linked(profile)


def test_a_step_shows_its_parts_in_order(cnn: Profile) -> None:
    slices = cnn.trace.slices
    parts = ["forward", "loss", "backward", "optimiser"]
    marks = [row for row in range(len(slices)) if slices.kind[row] == SliceKind.ANNOTATION]
    for step in range(len(cnn.steps)):
        names = [cnn.strings[slices.name[row]] for row in marks if slices.step[row] == step]
        assert [name for name in names if name in parts] == parts


def test_backward_is_tied_to_what_it_differentiates(cnn: Profile) -> None:
    slices = cnn.trace.slices
    convolutions = {node_of(cnn, "conv2d"), node_of(cnn, "conv2d_1")}
    evaluated = named(cnn, "ConvolutionBackward0")
    assert len(evaluated) == 2 * len(cnn.steps)
    assert {int(slices.node[row]) for row in evaluated} == convolutions
    assert {int(slices.node[row]) for row in named(cnn, "aten::convolution_backward")} == (
        convolutions
    )
    sums = named(cnn, "torch::autograd::AccumulateGrad")
    assert convolutions <= {int(slices.node[row]) for row in sums}
    assert (slices.node[sums] >= 0).all()


def test_loss_and_optimiser_are_nodes_of_their_own(cnn: Profile) -> None:
    graph, slices = cnn.authored, cnn.trace.slices
    loss, optimiser = node_of(cnn, "training loss"), node_of(cnn, "optimiser step")
    assert cnn.strings[graph.nodes.operator[loss]] == "mse_loss"
    assert cnn.strings[graph.nodes.operator[optimiser]] == "adamw_step"
    assert set(slices.node[named(cnn, "aten::mse_loss")].tolist()) == {loss}
    assert set(slices.node[named(cnn, "MseLossBackward0")].tolist()) == {loss}
    (head,) = graph.edges.source[graph.edges.target == loss].tolist()
    assert head == node_of(cnn, "linear")
    (edge,) = np.flatnonzero(graph.edges.target == optimiser)
    weights = graph.parameter_uses.parameter[graph.parameter_uses.node == optimiser]
    assert int(graph.edges.bytes[edge]) == int(graph.parameters.bytes[weights].sum())
    names = {cnn.strings[row] for row in graph.parameters.name[weights]}
    assert {"stem.0.weight", "stem.1.weight", "head.bias"} <= names
    assert "stem.1.running_mean" not in names  # nothing is learnt there


def test_training_leaves_the_weights_as_they_are(
    cnn: Profile, capture: Capture, torch_files: Path
) -> None:
    still = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    kept = [
        {
            profile.strings[name]: profile.authored.parameter_statistics.text(row)
            for row, name in enumerate(profile.authored.parameters.name.tolist())
        }
        for profile in (cnn, still)
    ]
    assert kept[0]["head.weight"] == kept[1]["head.weight"] != b""


def test_a_model_without_outputs_to_learn_from_is_told(capture: Capture, torch_files: Path) -> None:
    with pytest.raises(TwinscopeError, match="dimension of classes"):
        capture(
            torch_files / "control.pt",
            "torch-eager",
            inputs=(InputSpec("x", "float32", (16,)),),
            source_folder=str(MODELS),
            options=TRAINING | {"loss": "cross-entropy"},
        )


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_autocast_and_channels_last_reach_the_operators(
    capture: Capture, torch_files: Path, precision: str
) -> None:
    profile = capture(
        torch_files / "cnn.pt",
        "torch-eager",
        source_folder=str(MODELS),
        options={"autocast": precision, "memory_format": "channels-last"},
    )
    arguments = [profile.trace.arguments.text(row) for row in named(profile, "aten::convolution")]
    kind = {"bfloat16": b"c10::BFloat16", "float16": b"c10::Half"}[precision]
    assert arguments
    assert all(kind in text for text in arguments)
    inputs = profile.trace.arguments.text(named(profile, "aten::conv2d")[0])
    assert b"[3072,1,96,3]" in inputs.replace(b" ", b"")
    assert link_coverage(profile).operator_time == 1.0
    assert profile.environment.facts["Autocast"] == precision
