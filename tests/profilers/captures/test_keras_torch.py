"""One .keras file on its two backends: PyTorch beside TensorFlow, layer by layer."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.pairing.matching import match_graphs
from profilers.profile import MemoryCategory, Profile, SliceKind
from tests.conftest import Capture
from tests.profilers.captures.linked import assert_linked

LAYERS = {
    "cnn.keras": ("stem", "stem_norm", "stem_relu", "body", "body_norm", "body_relu", "pool", "head"),
    "block.keras": ("embedding", "norm1", "attention", "norm2", "mlp1", "mlp2"),
}  # fmt: skip


def scope_names(profile: Profile) -> list[str]:
    return [profile.strings[name] for name in profile.authored.scopes.name]


@pytest.mark.parametrize("name", [*LAYERS, "control.keras", "lambda.keras"])
def test_a_keras_file_runs_on_pytorch(capture: Capture, tf_files: Path, name: str) -> None:
    profile = capture(tf_files / name, "keras-torch")
    assert_linked(profile, least=0.99)
    assert profile.environment.framework.startswith("Keras 3")
    assert " on PyTorch " in profile.environment.framework
    strings, slices = profile.strings, profile.trace.slices
    operators = {strings[slices.name[r]] for r in np.flatnonzero(slices.kind == SliceKind.OPERATOR)}
    assert any(operator.startswith("aten::") for operator in operators)


def test_layers_and_weights_go_by_their_keras_names(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras-torch")
    assert set(LAYERS["cnn.keras"]) <= set(scope_names(profile))
    strings, scopes = profile.strings, profile.authored.scopes
    classes = {strings[kind] for kind in scopes.kind if kind >= 0}
    assert {"Conv2D", "BatchNormalization", "Dense"} <= classes
    weights = {strings[name] for name in profile.authored.parameters.name}
    assert {"stem.kernel", "stem.bias", "body_norm.moving_mean", "head.kernel"} <= weights


@pytest.mark.parametrize("name", LAYERS)
def test_the_layers_of_both_backends_are_matched(
    capture: Capture, tf_files: Path, name: str
) -> None:
    ours = capture(tf_files / name, "keras-torch")
    theirs = capture(tf_files / name, "keras")
    match = match_graphs(ours.authored, ours.strings, theirs.authored, theirs.strings)
    names_a, names_b = scope_names(ours), scope_names(theirs)
    paired = {names_a[a]: names_b[b] for a, b in zip(match.layers.a, match.layers.b, strict=True)}
    assert {layer: paired.get(layer) for layer in LAYERS[name]} == {
        layer: f"{layer}_1" for layer in LAYERS[name]
    }


def test_both_backends_hold_the_same_bytes_of_weights(capture: Capture, tf_files: Path) -> None:
    sizes = []
    for mode in ("keras-torch", "keras"):
        profile = capture(tf_files / "cnn.keras", mode)
        held = profile.memory.allocations
        sizes.append(int(held.bytes[held.category == MemoryCategory.PARAMETER].sum()))
    assert sizes[0] == sizes[1] == 22440


def test_a_training_step_on_pytorch_is_linked(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "cnn.keras", "keras-torch", options={"run": "training"})
    assert_linked(profile, least=0.99)
    operators = profile.trace.slices.name[profile.trace.slices.kind == SliceKind.OPERATOR]
    assert any("backward" in profile.strings[name].lower() for name in np.unique(operators))


def test_a_model_that_was_never_built_is_trained(capture: Capture, more_files: Path) -> None:
    profile = capture(more_files / "unbuilt.keras", "keras-torch", options={"run": "training"})
    assert_linked(profile)
    names = [profile.strings[row] for row in profile.authored.parameters.name]
    assert sum(name.endswith("kernel") for name in names) == 3  # of a recurrent and a dense layer
