"""Where blocks are made again and again, and what grows from step to step."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.memory.owners import call_stack, owner_names
from profilers.analysis.memory.sites import allocation_sites, largest_lifetimes
from profilers.opening import open_path
from profilers.profile import NEVER_NS, Profile
from tests.profilers.traces.memory_snapshots import pooled_training, snapshot, training
from tests.sample import MIB, sample_profile


def opened(path: Path, content: object) -> Profile:
    path.write_bytes(pickle.dumps(content))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def test_a_node_makes_its_block_in_every_step() -> None:
    profile = sample_profile(blocks=2, steps=3)
    sites = allocation_sites(profile)
    counts = np.bincount(sites.of)
    assert sorted(counts.tolist()) == [1] * 2 + [3] * 6  # weights, and six nodes
    assert (sites.of[sites.first] == np.arange(len(sites.first))).all()


def test_lifetimes_begin_with_the_largest_and_leave_out_what_lasts() -> None:
    profile = sample_profile(blocks=2, steps=3)
    device = memory_curve(profile).device
    found = largest_lifetimes(profile, device, 4, False)
    allocations = profile.memory.allocations
    assert len(found.sites) == 4
    assert (allocations.bytes[found.blocks] == MIB).all()
    assert np.diff(found.offsets).tolist() == [3] * 4
    for begin, end in zip(found.offsets[:-1], found.offsets[1:], strict=True):
        assert (np.diff(allocations.allocated_ns[found.blocks[begin:end]]) > 0).all()
    everything = largest_lifetimes(profile, device, 100, True)
    assert len(everything.sites) == 8
    assert (allocations.freed_ns[everything.blocks] == NEVER_NS).sum() == 2


def test_what_grows_from_step_to_step_is_told_with_its_place(tmp_path: Path) -> None:
    profile = opened(tmp_path / "leak.pickle", snapshot(pooled_training(steps=6)))
    growth = memory_growth(profile, memory_curve(profile).device)
    assert len(growth.end_bytes) == 6
    assert np.diff(growth.end_bytes).tolist() == [MIB] * 5
    assert growth.bytes_per_step == MIB
    assert owner_names(profile, growth.places) == ["alloc · log_loss (train.py:10)"]
    assert growth.place_bytes_per_step.tolist() == [MIB]
    assert call_stack(profile, int(growth.places[0])) == "log_loss (train.py:10)"


@pytest.mark.parametrize("steps", [0, 1, 2, 8])
def test_a_run_that_frees_what_it_makes_does_not_grow(tmp_path: Path, steps: int) -> None:
    sample = sample_profile(steps=steps)
    assert memory_growth(sample, memory_curve(sample).device).bytes_per_step == 0
    profile = opened(tmp_path / "fine.pickle", snapshot(training(steps=4)))
    assert memory_growth(profile, memory_curve(profile).device).bytes_per_step == 0
