"""Segments of a CUDA allocator at every moment, against the allocator that was asked."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profilers import snapshot as twin
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.segments import segment_map
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.profile.references import broken_references
from tests.profilers.snapshots import rewritten
from tests.profilers.traces.memory_snapshots import PooledAllocator, pooled_training, snapshot
from tests.sample import MIB


def opened(path: Path, *allocators: PooledAllocator) -> Profile:
    path.write_bytes(pickle.dumps(snapshot(*allocators)))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    assert broken_references(profile) == []
    return profile


def test_the_map_at_the_end_is_what_the_segments_say(tmp_path: Path) -> None:
    allocator = pooled_training()
    profile = opened(tmp_path / "memory.pickle", allocator)
    device = memory_curve(profile).device
    found = segment_map(profile, device, int(profile.memory.counters.time_ns[-1]))
    assert dict(zip(found.begin.tolist(), (found.end - found.begin).tolist(), strict=True)) == (
        allocator.segments
    )
    assert dict(
        zip(found.block_begin.tolist(), (found.block_end - found.block_begin).tolist(), strict=True)
    ) == (allocator.alive)
    gaps = [size for segment in allocator.segments for _, size in allocator.gaps(segment)]
    assert found.free_bytes == sum(gaps)
    assert found.largest_free_bytes == max(gaps)
    assert found.fragmentation == pytest.approx(1 - max(gaps) / sum(gaps))


def test_reserved_and_used_bytes_agree_with_the_counters_at_every_event(tmp_path: Path) -> None:
    profile = opened(tmp_path / "memory.pickle", pooled_training())
    counters, device = profile.memory.counters, memory_curve(profile).device
    last = np.flatnonzero(np.diff(counters.time_ns, append=-1))
    for row in last.tolist():
        found = segment_map(profile, device, int(counters.time_ns[row]))
        assert found.reserved_bytes == counters.reserved_bytes[row]
        assert int(found.used.sum()) == counters.allocated_bytes[row]


def test_holes_between_blocks_are_fragments(tmp_path: Path) -> None:
    allocator = PooledAllocator()
    blocks = [allocator.alloc(2 * MIB) for _ in range(10)]  # one segment, full
    for block in blocks[::2]:
        allocator.free(block)
    profile = opened(tmp_path / "holes.pickle", allocator)
    end = int(profile.memory.counters.time_ns[-1])
    found = segment_map(profile, memory_curve(profile).device, end)
    assert found.free_bytes == 10 * MIB
    assert found.split_bytes == 10 * MIB
    assert found.largest_free_bytes == 2 * MIB
    assert found.fragmentation == pytest.approx(0.8)


def test_parts_of_an_expandable_segment_come_and_go(tmp_path: Path) -> None:
    """Three pages, of which the middle one is given back: two segments with a hole."""
    page, base = 2 * MIB, 1 << 40
    entries = [
        {"action": action, "addr": base + at * page, "size": page, "stream": 0, "time_us": 10 + time}
        for time, (action, at) in enumerate([
            ("segment_map", 0), ("segment_map", 1), ("segment_map", 2), ("segment_unmap", 1),
        ])
    ]  # fmt: skip
    segments = [
        {
            "device": 0, "address": base + at * page, "total_size": page, "stream": 0,
            "segment_type": "large", "is_expandable": True, "blocks": [],
        }
        for at in (0, 2)
    ]  # fmt: skip
    path = tmp_path / "expandable.pickle"
    path.write_bytes(pickle.dumps({"segments": segments, "device_traces": [entries]}))
    profile = open_path(path)
    assert isinstance(profile, Profile)
    times = profile.memory.counters.time_ns.tolist()
    device = int(profile.memory.segments.device[0])
    sizes = [
        (found.end - found.begin).tolist()
        for found in (segment_map(profile, device, time) for time in times)
    ]
    assert sizes == [[page], [2 * page], [3 * page], [page, page]]


def test_segments_that_were_there_before_last_from_the_start(tmp_path: Path) -> None:
    allocator = PooledAllocator()
    early = allocator.alloc(3 * MIB)
    late = allocator.alloc(18 * MIB)  # a segment of its own
    allocator.entries.clear()  # the recording begins here
    allocator.free(late)
    allocator.release_unused()
    allocator.alloc(MIB)
    profile = opened(tmp_path / "before.pickle", allocator)
    device = memory_curve(profile).device
    first = segment_map(profile, device, 0)
    assert sorted((first.end - first.begin).tolist()) == [20 * MIB, 20 * MIB]
    last = segment_map(profile, device, int(profile.memory.counters.time_ns[-1]))
    assert (last.end - last.begin).tolist() == [20 * MIB]
    assert last.block_begin.tolist() == [early, early + 3 * MIB]


def test_segments_survive_saving(tmp_path: Path) -> None:
    profile = opened(tmp_path / "memory.pickle", pooled_training(steps=2))
    twin.write(profile, tmp_path / "memory.twin")
    again = twin.read(tmp_path / "memory.twin")
    for name in ("segments", "placements"):
        before, after = getattr(profile.memory, name), getattr(again.memory, name)
        for column, values in before.columns().items():
            assert (after.columns()[column] == values).all()
            assert len(values)


def test_a_snapshot_from_before_there_were_segments_still_opens(tmp_path: Path) -> None:
    def without_segments(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
        for table in ("segments", "placements"):
            for held in (members, manifest["members"], manifest["values"]):
                for name in [each for each in held if each.startswith(f"memory/{table}/")]:
                    del held[name]

    profile = opened(tmp_path / "memory.pickle", pooled_training(steps=2))
    twin.write(profile, tmp_path / "memory.twin")
    again = open_path(rewritten(tmp_path / "memory.twin", without_segments))
    assert isinstance(again, Profile)
    assert len(again.memory.segments) == len(again.memory.placements) == 0
    assert len(again.memory.allocations) == len(profile.memory.allocations)


def test_segments_over_each_other_are_drawn_once(tmp_path: Path) -> None:
    """Thousands that all cover the same thousands of ranges, as no allocator writes them."""
    page, base, count = 1 << 12, 1 << 40, 3000
    entries = [
        {"action": "segment_map", "addr": base + at * page, "size": page, "time_us": at}
        for at in range(count)
    ]
    whole = {"device": 0, "address": base, "total_size": count * page, "blocks": []}
    path = tmp_path / "over.pickle"
    path.write_bytes(
        pickle.dumps({"segments": [dict(whole) for _ in range(count)], "device_traces": [entries]})
    )
    profile = open_path(path)
    assert isinstance(profile, Profile)
    assert len(profile.memory.segments) == count
