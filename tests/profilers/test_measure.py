"""How many steps are measured without the profiler."""

from collections.abc import Callable
from typing import Any

import pytest

from profilers.runtimes.measure import further_steps, measured_steps


class Reporter:
    def __init__(self, *, runs_alone: bool) -> None:
        self.runs_alone = runs_alone
        self.held: list[Callable[[], Any]] = []

    def progress(self, stage: str, fraction: float) -> None:
        assert stage == "measure"
        assert 0 <= fraction <= 1

    def log(self, text: str) -> None:
        raise AssertionError(text)

    def measuring(self, step: Callable[[], Any]) -> None:
        self.held.append(step)


@pytest.mark.parametrize(("runs_alone", "most"), [(True, 40), (False, 4)])
def test_steps_are_added_only_where_no_other_process_takes_part(
    runs_alone: bool, most: int
) -> None:
    calls: list[None] = []
    report = Reporter(runs_alone=runs_alone)
    taken = measured_steps(lambda: calls.append(None), 4, report)
    assert len(taken) == len(calls) == most
    assert len(report.held) == 1


def test_steps_that_took_long_together_are_taken_twice_as_often_at_most() -> None:
    calls: list[None] = []
    report = Reporter(runs_alone=True)
    taken = [600_000_000, 500_000_000]
    assert len(further_steps(lambda: calls.append(None), taken, report)) == len(calls) == 2


def test_long_steps_get_no_further_ones() -> None:
    def fail() -> None:
        raise AssertionError

    assert further_steps(fail, [2_500_000_000, 2_000_000_000], Reporter(runs_alone=True)) == []
