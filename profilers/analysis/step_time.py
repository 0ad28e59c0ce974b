"""How long a step takes, with the profiler and without."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import Profile, TimingPhase
from profilers.profile.table import Int64


@dataclass(frozen=True)
class StepTime:
    """Durations in ns; None where that phase was not timed.

    `median_ns` and `p95_ns` are measured without the profiler. `profiled_ns` is the median of the
    profiled steps, from the run's own clock, else from the trace.
    """

    median_ns: int | None
    p95_ns: int | None
    profiled_ns: int | None

    @property
    def overhead(self) -> float | None:
        """Profiled against measured median, minus one."""
        if not self.median_ns or self.profiled_ns is None:
            return None
        return self.profiled_ns / self.median_ns - 1


def step_time(profile: Profile) -> StepTime:
    measured = _durations(profile, TimingPhase.MEASURED)
    profiled = _durations(profile, TimingPhase.PROFILED)
    if not len(profiled):
        profiled = profile.steps.duration_ns
    return StepTime(
        int(np.median(measured)) if len(measured) else None,
        int(np.percentile(measured, 95)) if len(measured) else None,
        int(np.median(profiled)) if len(profiled) else None,
    )


def phase_ns(profile: Profile, phase: TimingPhase) -> int:
    """Total time of one phase."""
    return int(_durations(profile, phase).sum())


def _durations(profile: Profile, phase: TimingPhase) -> Int64:
    timings = profile.timings
    return timings.take(timings.phase == phase).duration_ns
