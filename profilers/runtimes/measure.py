"""The phases every run goes through, timed the same way for every framework."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

STAGES = ("import", "load", "compile", "warm-up", "measure", "profile", "peaks", "write", "sweep")


class Reporter(Protocol):
    """How a runtime tells the launcher where it stands."""

    def progress(self, stage: str, fraction: float) -> None:
        """`stage` is one of `STAGES`, also as ``STAGE: part of it``; `fraction` of it, 0 to 1."""

    def log(self, text: str) -> None: ...

    def measuring(self, step: Callable[[], Any]) -> None:
        """Told before the steps that count; may run further ones itself, as long as it likes."""


def timed_steps(
    call: Callable[[], Any],
    count: int,
    report: Reporter,
    stage: str,
    step_range: Callable[[int], AbstractContextManager[Any]] = lambda number: nullcontext(),
) -> list[int]:
    """Call `count` times and return each wall-clock duration in nanoseconds.

    `call` must return only when its result is there (synchronise a device inside it);
    `step_range` marks the step for a profiler.
    """
    durations = []
    if stage == "measure":
        report.measuring(call)
    for number in range(count):
        report.progress(stage, number / count)
        with step_range(number):
            begin = time.perf_counter_ns()
            call()
            durations.append(time.perf_counter_ns() - begin)
    report.progress(stage, 1.0)
    return durations
