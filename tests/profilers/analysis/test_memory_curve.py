"""The memory curve against a second, slow way of counting."""

import numpy as np

from profilers.analysis.memory.curve import alive_at, curve_of, memory_curve
from profilers.profile import NEVER_NS, Allocations, Memory, MemoryCategory, MemoryCounters, Profile
from profilers.profile.strings import StringTable


def profile_of(allocations: Allocations) -> Profile:
    return Profile(
        "by hand",
        StringTable(["cpu", "cuda:0"]),
        memory=Memory("test", allocations, MemoryCounters.empty()),
    )


def random_allocations(count: int) -> Allocations:
    generator = np.random.default_rng(1)
    begin = generator.integers(0, 500, count)
    freed = begin + generator.integers(0, 60, count)
    freed[::17] = NEVER_NS
    return Allocations.of(
        allocated_ns=begin,
        freed_ns=freed,
        bytes=generator.integers(1, 1000, count),
        device=np.zeros(count),
        category=generator.integers(0, 7, count),
        slice=np.full(count, -1),
        node=np.full(count, -1),
        parameter=np.full(count, -1),
    )


def test_levels_and_peak_equal_a_count_at_every_moment() -> None:
    allocations = random_allocations(400)
    curve = memory_curve(profile_of(allocations))
    slow = [
        int(allocations.bytes[(allocations.allocated_ns <= t) & (allocations.freed_ns > t)].sum())
        for t in range(600)
    ]
    assert curve.total_bytes.tolist() == [slow[t] for t in curve.time_ns.tolist()]
    assert curve.peak_bytes == max(slow)
    assert curve.peak_ns == slow.index(max(slow))


def test_what_is_alive_at_the_peak_adds_up_to_it() -> None:
    profile = profile_of(random_allocations(400))
    curve = memory_curve(profile)
    rows = alive_at(profile, curve.device, curve.peak_ns)
    sizes = profile.memory.allocations.bytes[rows]
    assert int(sizes.sum()) == curve.peak_bytes
    assert (np.diff(sizes) <= 0).all()


def test_a_block_freed_when_another_is_made_does_not_raise_the_peak() -> None:
    rows = [
        (0, 10, 100, 0, MemoryCategory.ACTIVATION, -1, -1, -1),
        (10, NEVER_NS, 100, 0, MemoryCategory.ACTIVATION, -1, -1, -1),
    ]
    assert memory_curve(profile_of(Allocations.from_rows(rows))).peak_bytes == 100


def test_the_device_with_the_highest_peak_is_shown_first() -> None:
    rows = [
        (0, 10, 100, 0, MemoryCategory.ACTIVATION, -1, -1, -1),
        (0, 10, 900, 1, MemoryCategory.ACTIVATION, -1, -1, -1),
    ]
    profile = profile_of(Allocations.from_rows(rows))
    assert memory_curve(profile).device == 1
    assert memory_curve(profile, device=0).peak_bytes == 100
    assert memory_curve(profile_of(Allocations.empty())).device == -1


def test_the_curve_of_some_allocations_ends_at_what_was_never_freed() -> None:
    allocations = random_allocations(100)
    _, levels = curve_of(allocations)
    never = allocations.freed_ns == NEVER_NS
    assert levels[-1] == allocations.bytes[never].sum()
