"""What is missing from a trace: steps without an end, lost kernels, launches without a kernel."""

from dataclasses import replace

import numpy as np
import pytest

from profilers.analysis.trace_health import health
from profilers.profile import (
    Memory,
    Severity,
)
from tests.profilers.analysis.made_traces import MS, STEP_NS, US, Run, found, on_one_track, says


@pytest.mark.parametrize(("events", "cut"), [(999_999, False), (1_000_000, True)])
def test_exactly_a_million_events_are_a_cut(events: int, cut: bool) -> None:
    profile = on_one_track(np.arange(events) * 1_003, np.full(events, 701))
    assert says(profile, "exactly 1,000,000 events") == cut


def test_a_step_without_an_end_is_told() -> None:
    run = Run()
    run.step(3, duration_ns=0)
    assert found(run.profile(), "do not end").count == 1


@pytest.mark.parametrize(("launched", "cut"), [(4, True), (19, False)])
def test_a_last_step_whose_second_half_is_empty_is_cut(launched: int, cut: bool) -> None:
    run = Run()
    run.step(3)
    for at in range(launched):
        run.launch(3 * STEP_NS + at * MS + 10 * US, step=3)
    assert says(run.profile(), "cut within it") == cut


def test_steps_that_always_end_quietly_are_not_cut() -> None:
    run = Run(steps=4, launched=5)
    assert not says(run.profile(), "cut within it")


@pytest.mark.parametrize(("operators", "told"), [(15, True), (5, False)])
def test_work_after_the_last_step_may_be_a_step_without_end(operators: int, told: bool) -> None:
    run = Run()
    for at in range(operators):
        run.operator(3 * STEP_NS + at * MS)
    assert says(run.profile(), "after the last step") == told


@pytest.mark.parametrize(("lost", "told"), [(40, True), (3, False)])
def test_launches_after_the_last_kernel_have_lost_theirs(lost: int, told: bool) -> None:
    run = Run()
    for at in range(lost):
        run.call(3 * STEP_NS + at * 100 * US)
    profile = run.profile()
    assert says(profile, "records stop") == told
    if told:
        assert found(profile, "records stop").count == lost
        assert found(profile, "records stop").severity == Severity.WARNING
    assert not says(profile, "have no kernel or copy")


# What is missing


def test_launches_alone_tell_that_kernels_were_not_recorded() -> None:
    run = Run(launched=0)
    for at in range(5):
        run.call(at * MS)
    finding = found(run.profile(), "holds none")
    assert (finding.severity, finding.count) == (Severity.WARNING, 5)


def test_queries_and_waits_launch_nothing() -> None:
    run = Run(launched=0)
    for name in ("cudaEventQuery", "cudaDeviceSynchronize", "cudaLaunchHostFunc", "cudaMalloc"):
        run.call(MS, name)
    assert not says(run.profile(), "holds none")


@pytest.mark.parametrize(("lost", "told"), [(10, True), (2, False)])
def test_launches_whose_kernel_was_dropped_are_counted(lost: int, told: bool) -> None:
    run = Run()
    for at in range(lost):
        run.call(at * MS + 500 * US)
    profile = run.profile()
    assert says(profile, "have no kernel or copy") == told
    if told:
        assert found(profile, f"{100 * lost / (60 + lost):.1f} %").count == lost


@pytest.mark.parametrize(("orphans", "told"), [(10, True), (2, False)])
def test_kernels_without_launch_are_counted(orphans: int, told: bool) -> None:
    run = Run()
    for at in range(orphans):
        run.kernel(at * MS + 500 * US)
    assert says(run.profile(), "no launch in the trace") == told


def test_a_trace_without_steps_is_one_range() -> None:
    run = Run(steps=0)
    for at in range(20):
        run.launch(at * MS + 137 * at)
    finding = found(run.profile(), "marks no steps")
    assert finding.severity == Severity.INFO
    assert len(health(run.profile())) == 1


def test_gaps_in_step_numbers_are_counted() -> None:
    run = Run()
    run.step(7)
    run.launch(4 * STEP_NS - MS, step=3)
    assert found(run.profile(), "between 0 and 7").count == 4


def test_what_the_profiler_was_not_asked_for_is_one_remark() -> None:
    profile = replace(Run().profile(), memory=Memory.empty())
    assert found(profile, "Not in this profile: memory.").severity == Severity.INFO
    run = Run(launched=0)
    run.operator(MS)
    assert "record_shapes=True" in found(run.profile(), "input shapes").remedy


# Clocks
