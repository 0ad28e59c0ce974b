"""Whose the blocks of a PyTorch run are, and what kind they are of; in training against PyTorch's count."""

from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.memory.owners import owner_names
from profilers.profile import MemoryCategory, Profile
from tests.conftest import Capture

MODELS = Path(__file__).parents[2] / "models"
TRAINING = {"run": "training"}


@pytest.fixture(scope="module")
def trained(capture: Capture, torch_files: Path) -> Profile:
    return capture(
        torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS), options=TRAINING
    )


def rows_of(profile: Profile, category: MemoryCategory) -> list[int]:
    return np.flatnonzero(profile.memory.allocations.category == category).tolist()


def learnt_bytes(profile: Profile) -> dict[str, int]:
    """Bytes of each weight that takes a gradient."""
    graph = profile.authored
    return {
        profile.strings[name]: size
        for name, size in zip(
            graph.parameters.name.tolist(), graph.parameters.bytes.tolist(), strict=True
        )
        if "running" not in profile.strings[name] and "num_batches" not in profile.strings[name]
    }


def test_every_weight_has_one_gradient_in_each_step(trained: Profile) -> None:
    allocations, steps = trained.memory.allocations, trained.steps
    learnt = learnt_bytes(trained)
    for start, duration in zip(steps.start_ns.tolist(), steps.duration_ns.tolist(), strict=True):
        rows = [
            row
            for row in rows_of(trained, MemoryCategory.GRADIENT)
            if start <= allocations.allocated_ns[row] < start + duration
            and allocations.parameter[row] >= 0
        ]
        names = owner_names(trained, np.array(rows))
        sizes = allocations.bytes[rows].tolist()
        found = {
            name.removeprefix("gradient of "): size for name, size in zip(names, sizes, strict=True)
        }
        assert len(found) == len(rows)
        assert found == learnt
        assert (allocations.node[rows] >= 0).all()


def test_the_optimiser_keeps_two_values_and_a_count_for_each_weight(trained: Profile) -> None:
    """AdamW: the mean and the square, both of the weight's size, and the step as a float."""
    allocations = trained.memory.allocations
    rows = rows_of(trained, MemoryCategory.OPTIMISER_STATE)
    names = [
        name.removeprefix("optimiser state of ") for name in owner_names(trained, np.array(rows))
    ]
    sizes = dict(zip(names, allocations.bytes[rows].tolist(), strict=True))
    assert sizes == {name: 2 * size + 4 for name, size in learnt_bytes(trained).items()}


def test_activations_live_until_backward_and_gradients_until_the_optimiser(
    trained: Profile,
) -> None:
    allocations, slices = trained.memory.allocations, trained.trace.slices
    ranges = {
        name: [
            (int(slices.start_ns[row]), int(slices.start_ns[row] + slices.duration_ns[row]))
            for row in np.flatnonzero(slices.name == trained.strings.find(name)).tolist()
        ]
        for name in ("forward", "backward", "optimiser")
    }
    kept = [
        row for row in rows_of(trained, MemoryCategory.GRADIENT) if allocations.parameter[row] >= 0
    ]
    for row in kept:
        assert any(b <= allocations.allocated_ns[row] < e for b, e in ranges["backward"])
        assert any(b <= allocations.freed_ns[row] <= e for b, e in ranges["optimiser"])
    largest = max(
        rows_of(trained, MemoryCategory.ACTIVATION), key=lambda row: int(allocations.bytes[row])
    )
    assert any(b <= allocations.allocated_ns[largest] < e for b, e in ranges["forward"])
    assert any(b <= allocations.freed_ns[largest] <= e for b, e in ranges["backward"])


def test_inference_makes_no_gradients(capture: Capture, torch_files: Path) -> None:
    profile = capture(torch_files / "cnn.pt", "torch-eager", source_folder=str(MODELS))
    present = {
        MemoryCategory(kind) for kind in np.unique(profile.memory.allocations.category).tolist()
    }
    assert present == {
        MemoryCategory.PARAMETER,
        MemoryCategory.INPUT,
        MemoryCategory.ACTIVATION,
        MemoryCategory.TEMPORARY,
    }
