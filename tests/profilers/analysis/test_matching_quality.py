"""Graphs of known architectures are matched as the hand-written tables say."""

from collections.abc import Iterator

import numpy as np
import pytest

from profilers.analysis.pairing.matching import match_graphs
from tests.benchmarks.matching_figures import (
    judged,
    judged_by_origins,
    judged_without_names,
)
from tests.benchmarks.matching_quality import Captures

PRECISION, RECALL, TIME = 0.98, 0.95, 0.95
CAPTURED = (
    "encoder.pt2", "encoder_packed.pt2", "encoder.onnx", "encoder.keras",
    "unet.pt2", "unet.keras", "lstm.pt2", "lstm.keras",
)  # fmt: skip
READ = ("resnet.pt2", "resnet.keras", "resnet_added.pt2", "resnet_widened.pt2")


@pytest.fixture(scope="session")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captures]:
    made = Captures(tmp_path_factory.mktemp("matching"))
    made.build([*CAPTURED, *READ])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("architecture", "ours", "theirs"),
    [
        ("encoder", "encoder.pt2", "encoder.keras"),
        ("encoder", "encoder_packed.pt2", "encoder.keras"),
        ("encoder", "encoder.pt2", "encoder.onnx"),
        ("encoder", "encoder.onnx", "encoder.keras"),
        ("unet", "unet.pt2", "unet.keras"),
        ("lstm", "lstm.pt2", "lstm.keras"),
    ],
)
def test_operators_and_layers_of_captures_are_matched(
    captures: Captures, architecture: str, ours: str, theirs: str
) -> None:
    quality = judged(architecture, captures.profile(ours), captures.profile(theirs))
    assert quality.precision >= PRECISION
    assert quality.recall >= RECALL
    assert quality.layer_precision is not None
    assert quality.layer_precision >= PRECISION
    assert quality.layer_recall is not None
    assert quality.layer_recall >= RECALL
    assert quality.time is not None
    assert quality.time >= TIME


@pytest.mark.parametrize("theirs", READ[1:])
def test_a_resnet_50_is_matched_before_it_is_run(captures: Captures, theirs: str) -> None:
    quality = judged("resnet", captures.read("resnet.pt2"), captures.read(theirs))
    assert quality.precision >= PRECISION
    assert quality.recall >= RECALL
    assert quality.layer_precision is not None
    assert quality.layer_precision >= PRECISION


@pytest.mark.parametrize("theirs", ["resnet.keras", "resnet_widened.pt2"])
def test_names_are_not_needed_for_a_resnet_50(captures: Captures, theirs: str) -> None:
    quality = judged_without_names("resnet", captures.read("resnet.pt2"), captures.read(theirs))
    assert quality.precision >= PRECISION
    assert quality.recall >= RECALL


@pytest.mark.parametrize("ours", ["encoder.pt2", "encoder_packed.pt2", "encoder.onnx"])
def test_names_are_not_needed_for_a_transformer(captures: Captures, ours: str) -> None:
    a, b = captures.profile(ours), captures.profile("encoder.keras")
    quality = judged_without_names("encoder", a, b)
    assert quality.precision >= PRECISION
    assert quality.recall >= RECALL


@pytest.mark.parametrize("file", ["encoder.onnx", "unet.keras"])
def test_matching_a_rewritten_graph_agrees_with_its_compiler(captures: Captures, file: str) -> None:
    """Without the origins that the compiler's reader knows."""
    quality = judged_by_origins(captures.profile(file))
    assert quality.precision >= PRECISION
    assert quality.recall >= RECALL


def test_what_is_sure_is_right(captures: Captures) -> None:
    """A pair is at least as often right as its confidence says."""
    qualities = [
        judged("encoder", captures.profile(ours), captures.profile("encoder.keras"))
        for ours in ("encoder.pt2", "encoder_packed.pt2", "encoder.onnx")
    ]
    rights = np.concatenate([quality.rights for quality in qualities])
    confidences = np.concatenate([quality.confidences for quality in qualities])
    for low in (0.5, 0.7, 0.8, 0.9):
        inside = (confidences >= low) & (confidences < low + 0.1)
        assert not inside.any() or rights[inside].mean() >= low


def test_matching_turned_round_is_matching_from_the_other_side(captures: Captures) -> None:
    a, b = captures.profile("unet.pt2"), captures.profile("unet.keras")
    match = match_graphs(a.authored, a.strings, b.authored, b.strings)
    turned = match.turned()
    assert np.array_equal(np.sort(turned.nodes.b), np.sort(match.nodes.a))
    assert turned.nodes.a.tolist() == sorted(turned.nodes.a.tolist())
    back = turned.turned()
    assert back.nodes.a.tolist() == match.nodes.a.tolist()
    assert back.nodes.b.tolist() == match.nodes.b.tolist()
    assert back.layers.b.tolist() == match.layers.b.tolist()
