"""Measures a model's step again for other sizes of its inputs, without the profiler."""

import math
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError
from profilers.request import InputSpec
from profilers.run_record import RunRecord
from profilers.runtimes.end_signal import on_end_signal
from profilers.runtimes.measure import Reporter, timed_steps
from profilers.sweeps import SWEEP_STAGE, batch_of, resized

UNKNOWN_BYTES = -1
_FEWEST_STEPS = 5
_ENOUGH_NS = 2_000_000_000

Sized = Callable[[tuple[InputSpec, ...], Reporter], "SizedRun"]


@dataclass(frozen=True)
class SizedRun:
    """A step for inputs of one size; `peak_bytes` runs one more of it, where that can be told."""

    step: Callable[[], Any]
    peak_bytes: Callable[[], int] = lambda: UNKNOWN_BYTES


def measure_sweep(
    record: RunRecord,
    report: Reporter,
    sized: Sized,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Leave a row in `record.sweep` for each size that the request asks for.

    A size that fails is a row with the reason; the others are measured all the same. SIGINT ends it
    wherever it is, even in the midst of compiling, and what was measured by then stays.

    Parameters
    ----------
    sized : callable
        Takes inputs of the size and whom to tell about making a model for them; gives the run.
    is_over : callable
        Asked before each size and each step whether that ends it as well.
    """
    request = record.request
    points = [(axis, size) for axis, sizes in request.sweep.items() for size in sizes]
    try:
        with on_end_signal(_end):
            _measure_points(points, record, report, _Measuring(sized, is_over))
    except _Ended:
        count = f"{len(record.sweep)} of {len(points)} sizes"
        record.note(f"Measuring other sizes was ended after {count}.")


def _measure_points(
    points: list[tuple[str, int]], record: RunRecord, report: Reporter, measuring: "_Measuring"
) -> None:
    for number, (axis, size) in enumerate(points):
        part = _PartOfSweep(report, f"{SWEEP_STAGE}: {axis} {size}", number, len(points))
        part.progress("", 0.0)
        measuring.go_on()
        try:
            inputs = resized(record.request.inputs, axis, size)
        except TwinscopeError as error:
            record.warn(f"{error.what}: {error.why}.")
            return
        row = {"axis": axis, "size": size, "batch": batch_of(inputs)}
        try:
            row |= measuring.measured(inputs, record, part)
        except TwinscopeError as error:
            row |= {"problem": str(error)}
        except Exception as error:  # the model runs code of its own
            row |= {"problem": _told(error, record.request.inputs, inputs)}
        record.sweep.append(row)


def _told(error: Exception, own: Sequence[InputSpec], inputs: Sequence[InputSpec]) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = f"{type(error).__name__}: {lines[0]}"
    if isinstance(error, IndexError) and _entries(inputs) < _entries(own):
        return f"{text}; an input may hold indices of what was cut off another one"
    return text


def _entries(inputs: Sequence[InputSpec]) -> int:
    return sum(math.prod(map(int, spec.shape)) for spec in inputs)


class _Ended(BaseException):
    """Passes by everything that takes a model's own failures."""


def _end() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise _Ended


class _PartOfSweep:
    """Tells what is done for one size as a part of the whole sweep, which never goes back."""

    def __init__(self, report: Reporter, title: str, number: int, count: int) -> None:
        self._report, self._title = report, title
        self._number, self._count = number, count
        self._reached = 0.0

    def progress(self, stage: str, fraction: float) -> None:
        told = stage.partition(": ")[2] or stage
        self._reached = max(self._reached, fraction if not stage else fraction / 2)
        done = (self._number + self._reached) / self._count
        self._report.progress(f"{self._title}, {told}" if told else self._title, done)

    def log(self, text: str) -> None:
        self._report.log(text)

    @property
    def runs_alone(self) -> bool:
        return self._report.runs_alone

    def measuring(self, step: Callable[[], Any]) -> None:
        self._report.measuring(step)


@dataclass(frozen=True)
class _Measuring:
    sized: Sized
    is_over: Callable[[], bool]

    def go_on(self) -> None:
        if self.is_over():
            raise _Ended

    def measured(
        self, inputs: tuple[InputSpec, ...], record: RunRecord, report: Reporter
    ) -> dict[str, Any]:
        run = self.sized(inputs, report)
        self._steps(run, max(record.request.warmup, 1), report, lambda durations: False)
        # Of slow ones as many as tell their median, where no other process must do the same.
        is_enough = _tell_median if report.runs_alone else lambda durations: False
        times_ns = self._steps(run, record.request.steps, report, is_enough)
        return {
            "median_ns": int(np.median(times_ns)),
            "p95_ns": int(np.percentile(times_ns, 95)),
            "peak_bytes": run.peak_bytes(),
        }

    def _steps(
        self,
        run: SizedRun,
        most: int,
        report: Reporter,
        is_enough: Callable[[Sequence[int]], bool],
    ) -> list[int]:
        def is_done(durations: Sequence[int]) -> bool:
            self.go_on()
            return is_enough(durations)

        return timed_steps(run.step, most, report, "", is_enough=is_done)


def _tell_median(durations: Sequence[int]) -> bool:
    return len(durations) >= _FEWEST_STEPS and sum(durations) >= _ENOUGH_NS
