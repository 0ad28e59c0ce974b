"""Results are kept for as long as their source lives, and no longer."""

import gc
import threading
import weakref

import numpy as np
import pytest

from profilers.analysis.device.idle_time import idle_gaps
from profilers.analysis.device.launches import launches, queue_length
from profilers.analysis.device.time import device_time
from profilers.analysis.once import once
from profilers.analysis.operators import by_name
from profilers.analysis.self_time import self_time_ns
from profilers.profile import Profile, SliceKind
from tests.sample import sample_profile


def test_a_second_call_gives_the_same_result() -> None:
    profile = sample_profile()
    assert by_name(profile) is by_name(profile)
    assert by_name(profile) is by_name(profile, kind=SliceKind.OPERATOR)
    assert by_name(profile) is not by_name(profile, SliceKind.KERNEL)
    assert self_time_ns(profile.trace.slices) is self_time_ns(profile.trace.slices)
    slices = profile.trace.slices
    assert queue_length(slices, launches(profile)) is queue_length(slices, launches(profile))


def test_another_profile_has_results_of_its_own() -> None:
    assert by_name(sample_profile()) is not by_name(sample_profile())


def test_nothing_is_kept_of_a_profile_that_is_gone() -> None:
    profile = sample_profile()
    results = [by_name(profile), idle_gaps(profile), device_time(profile)]
    held = [weakref.ref(each) for each in (profile, profile.trace.slices, *results)]
    del profile, results
    gc.collect()
    assert [each() for each in held] == [None] * len(held)


def test_only_the_latest_ranges_are_kept() -> None:
    profile = sample_profile()
    first = weakref.ref(device_time(profile, (0, 1)))
    assert first() is not None
    for end_ns in range(2, 30):
        device_time(profile, (0, end_ns))
    gc.collect()
    assert first() is None
    assert device_time(profile, (0, 29)) is device_time(profile, (0, 29))


def test_kept_arrays_cannot_be_changed() -> None:
    own_ns = self_time_ns(sample_profile().trace.slices)
    with pytest.raises(ValueError, match="read-only"):
        own_ns[0] = 1


def test_a_caller_in_another_thread_waits_for_the_first_ones_result() -> None:
    begun, may_end = threading.Event(), threading.Event()

    @once
    def slow(profile: Profile) -> list[str]:
        begun.set()
        may_end.wait(10)
        return [profile.name]

    profile, found = Profile("slow"), []
    callers = [threading.Thread(target=lambda: found.append(slow(profile))) for _ in range(3)]
    callers[0].start()
    assert begun.wait(10)
    for caller in callers[1:]:
        caller.start()
    may_end.set()
    for caller in callers:
        caller.join(10)
    assert found == [["slow"]] * 3
    assert found[0] is found[1] is found[2]


def test_a_failure_is_told_and_tried_again() -> None:
    @once
    def picky(profile: Profile, rows: tuple[int, ...]) -> list[int]:
        return np.arange(3)[list(rows)].tolist()

    profile = Profile("picky")
    for _ in range(2):
        with pytest.raises(IndexError):
            picky(profile, (7,))
    assert picky(profile, (1,)) == [1]
