"""What choosing a mode turns on: the figures of one captured run, to stand beside those of others."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from profilers.analysis.comparison.ratios import Interval, median_interval
from profilers.analysis.comparison.side import batch_size, samples_per_step
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.sweep import sweep_rows
from profilers.profile import Profile, TimingPhase
from profilers.profile.table import Int64
from profilers.sweeps import BATCH


@dataclass(frozen=True)
class ModeFigures:
    """None where a run does not tell.

    Attributes
    ----------
    first_call_ns : int or None
        From the loaded model to its first result: tracing, converting and compiling it, whichever of
        these a mode does, and one step.
    step_ns : Interval or None
        Median unprofiled step with its 95 % interval; the interval is the median alone where too
        few steps were run.
    per_second : mapping of int to float
        Samples per second by batch size: the run's own, and those it was measured again with.
    peak_bytes : int or None
    unmeasured : mapping of int to str
        Why other batch sizes have no figure, by size.
    """

    first_call_ns: int | None
    step_ns: Interval | None
    per_second: Mapping[int, float]
    peak_bytes: int | None
    unmeasured: Mapping[int, str]


def mode_figures(profile: Profile) -> ModeFigures:
    """Figures of a captured run."""
    measured = _durations(profile, TimingPhase.MEASURED)
    step = None
    if len(measured):
        median = float(np.median(measured))
        step = median_interval(measured) or Interval(median, median, median)
    has_memory = len(profile.memory.allocations) > 0
    return ModeFigures(
        _first_call_ns(profile),
        step,
        _throughputs(profile, step),
        memory_curve(profile).peak_bytes if has_memory else None,
        {
            row["size"]: row["problem"]
            for row in sweep_rows(profile)
            if row["axis"] == BATCH and row["problem"]
        },
    )


def _durations(profile: Profile, phase: TimingPhase) -> Int64:
    timings = profile.timings
    durations: Int64 = timings.duration_ns[timings.phase == phase]
    return durations


def _first_call_ns(profile: Profile) -> int | None:
    compiling = _durations(profile, TimingPhase.COMPILE)
    steps = _durations(profile, TimingPhase.WARMUP)
    if not len(compiling) and not len(steps):
        return None
    return int(compiling.sum()) + (int(steps[0]) if len(steps) else 0)


def _throughputs(profile: Profile, step: Interval | None) -> dict[int, float]:
    own, samples = batch_size(profile), samples_per_step(profile)
    found = {own: samples / step.value * 1e9} if own and samples and step else {}
    for row in sweep_rows(profile):
        if row["axis"] == BATCH and row["per_second"] is not None:
            found[row["size"]] = row["per_second"]
    return found
