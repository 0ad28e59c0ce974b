"""Measures a model's step again for other sizes of its inputs, without the profiler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.errors import TwinscopeError
from profilers.request import InputSpec
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter, timed_steps
from profilers.sweeps import SWEEP_STAGE, batch_of, resized

UNKNOWN_BYTES = -1


@dataclass(frozen=True)
class SizedRun:
    """A step for inputs of one size; `peak_bytes` runs one more of it, where that can be told."""

    step: Callable[[], Any]
    peak_bytes: Callable[[], int] = lambda: UNKNOWN_BYTES


def measure_sweep(
    record: RunRecord, report: Reporter, sized: Callable[[tuple[InputSpec, ...]], SizedRun]
) -> None:
    """Leave a row in `record.sweep` for each size that the request asks for.

    A size that fails is a row with the reason; the others are measured all the same.

    Parameters
    ----------
    sized : callable
        Takes inputs of the size and gives the run with them.
    """
    request = record.request
    points = [(axis, size) for axis, sizes in request.sweep.items() for size in sizes]
    for number, (axis, size) in enumerate(points):
        report.progress(f"{SWEEP_STAGE}: {axis} {size}", number / len(points))
        try:
            inputs = resized(request.inputs, axis, size)
        except TwinscopeError as error:
            record.warn(f"{error.what}: {error.why}.")
            return
        row = {"axis": axis, "size": size, "batch": batch_of(inputs)}
        try:
            row |= _measured(sized(inputs), record, report, f"{SWEEP_STAGE}: {axis} {size}")
        except TwinscopeError as error:
            row |= {"problem": str(error)}
        except Exception as error:  # the model runs code of its own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            row |= {"problem": f"{type(error).__name__}: {lines[0]}"}
        record.sweep.append(row)


def _measured(run: SizedRun, record: RunRecord, report: Reporter, stage: str) -> dict[str, Any]:
    timed_steps(run.step, max(record.request.warmup, 1), report, stage)
    times_ns = timed_steps(run.step, record.request.steps, report, stage)
    return {
        "median_ns": int(np.median(times_ns)),
        "p95_ns": int(np.percentile(times_ns, 95)),
        "peak_bytes": run.peak_bytes(),
    }
