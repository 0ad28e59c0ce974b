"""The phases every run goes through, timed the same way for every framework."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

STAGES = ("import", "load", "compile", "warm-up", "measure", "profile", "peaks", "write", "sweep")


class Reporter(Protocol):
    """How a runtime tells the launcher where it stands."""

    def progress(self, stage: str, fraction: float) -> None:
        """`stage` is one of `STAGES`, also as ``STAGE: part of it``; `fraction` of it, 0 to 1."""

    def log(self, text: str) -> None: ...

    @property
    def runs_alone(self) -> bool:
        """Whether this process may take more steps than were asked for: no other takes each with it."""

    def measuring(self, step: Callable[[], Any]) -> None:
        """Told before the steps that count; may run further ones itself, as long as it likes."""


# Times as many steps as were asked for, as far as all together last no longer.
_LIMITS = ((10, 1_000_000_000), (2, 4_000_000_000))


def measured_steps(call: Callable[[], Any], least: int, report: Reporter) -> list[int]:
    """Duration in ns of each step without the profiler: `least` and `further_steps`."""
    durations = least_steps(call, least, report)
    return durations + further_steps(call, durations, report)


def least_steps(call: Callable[[], Any], count: int, report: Reporter) -> list[int]:
    """Durations of as many steps without the profiler as were asked for."""
    report.measuring(call)
    return timed_steps(call, count, report, "measure")


def further_steps(call: Callable[[], Any], taken: Sequence[int], report: Reporter) -> list[int]:
    """More of the same: short steps are cheap, and many tell more surely how long one takes.

    Ten times as many as were `taken`, as far as all together last no longer than a second, and twice
    as many within four: of ten steps a fifth is not surely found, of twenty it is. When it ends does
    not hang on how much they differ, or chance would choose the result.
    """
    durations: list[int] = []
    spent_ns = sum(taken)
    while report.runs_alone and _are_wanted(len(taken), len(taken) + len(durations), spent_ns):
        begin = time.perf_counter_ns()
        call()
        durations.append(time.perf_counter_ns() - begin)
        spent_ns += durations[-1]
    return durations


def _are_wanted(asked: int, taken: int, spent_ns: int) -> bool:
    return any(taken < times * asked and spent_ns < most_ns for times, most_ns in _LIMITS)


def timed_steps(
    call: Callable[[], Any],
    count: int,
    report: Reporter,
    stage: str,
    step_range: Callable[[int], AbstractContextManager[Any]] = lambda number: nullcontext(),
    is_enough: Callable[[Sequence[int]], bool] = lambda durations: False,
) -> list[int]:
    """Call `count` times and return each wall-clock duration in nanoseconds.

    `call` must return only when its result is there (synchronise a device inside it);
    `step_range` marks the step for a profiler; `is_enough` is asked before each call whether those
    before it do.
    """
    durations: list[int] = []
    for number in range(count):
        if is_enough(durations):
            break
        report.progress(stage, number / count)
        with step_range(number):
            begin = time.perf_counter_ns()
            call()
            durations.append(time.perf_counter_ns() - begin)
    report.progress(stage, 1.0)
    return durations
