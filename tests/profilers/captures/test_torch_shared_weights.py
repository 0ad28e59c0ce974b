"""A weight under two names is one parameter that two nodes read."""

from pathlib import Path

import numpy as np
import pytest

from profilers.profile import Profile
from tests.conftest import Capture

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(params=["torch-eager", "torch-export", "torch-compile"])
def tied(request: pytest.FixtureRequest, capture: Capture, torch_files: Path) -> Profile:
    suffix = "pt2" if request.param == "torch-export" else "pt"
    return capture(torch_files / f"tied.{suffix}", request.param, source_folder=str(MODELS))


def test_a_tied_weight_is_one_parameter_with_two_readers(tied: Profile) -> None:
    graph = tied.authored
    names = [tied.strings[row] for row in graph.parameters.name.tolist()]
    row = names.index("embedding.weight")
    assert "head.weight" not in names
    assert graph.parameters.bytes.sum() == 4 * (100 * 32 + 2 * (32 * 32 + 32))
    readers = graph.parameter_uses.node[graph.parameter_uses.parameter == row]
    assert {tied.strings[graph.nodes.operator[node]] for node in readers.tolist()} == {
        "aten.embedding",
        "aten.linear",
    }
    assert (graph.nodes.parameter_bytes[readers] == 4 * 100 * 32).all()


def test_a_list_of_modules_tells_its_class(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "tied.pt", "torch-eager", source_folder=str(MODELS))
    scopes = profile.authored.scopes
    names = np.array([profile.strings[row] for row in scopes.name.tolist()])
    (kind,) = scopes.kind[names == "experts"]
    assert profile.strings[int(kind)] == "ModuleList"
