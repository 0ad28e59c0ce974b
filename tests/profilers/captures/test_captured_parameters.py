"""Every run mode that holds the weights tells their statistics, each with its own parameter."""

from math import prod
from pathlib import Path

import pytest

from profilers.profile import Profile, decode
from tests.conftest import Capture

MODELS = Path(__file__).parents[2] / "models"


def assert_told(profile: Profile) -> None:
    parameters, strings = profile.authored.parameters, profile.strings
    rows = profile.authored.parameter_statistics
    assert len(parameters) > 0
    assert len(rows) == len(parameters)
    for row in range(len(parameters)):
        text = strings[int(parameters.shape[row])]
        found = decode(rows, row)
        assert found["count"] == prod(int(size) for size in text.split(",") if size)
        assert sum(found["histogram"]) == found["count"]
        assert found["minimum"] <= found["mean"] <= found["maximum"]


@pytest.mark.parametrize(
    ("file", "mode"),
    [("cnn.pt", "torch-eager"), ("cnn.pt2", "torch-export"), ("control.ts.pt", "torchscript")],
)
def test_pytorch(capture: Capture, torch_files: Path, file: str, mode: str) -> None:
    assert_told(capture(torch_files / file, mode, source_folder=str(MODELS)))


@pytest.mark.parametrize(("file", "mode"), [("cnn.keras", "keras"), ("cnn_saved", "tf-graph")])
def test_tensorflow(capture: Capture, tf_files: Path, file: str, mode: str) -> None:
    profile = capture(tf_files / file, mode)
    assert_told(profile)
    names = [profile.strings[row] for row in profile.authored.parameters.name.tolist()]
    variance = next(row for row, name in enumerate(names) if name.endswith("moving_variance"))
    assert decode(profile.authored.parameter_statistics, variance)["minimum"] == 1.0
