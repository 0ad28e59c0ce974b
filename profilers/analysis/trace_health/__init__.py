"""How far a trace's numbers can be trusted: what was lost, rounded, cut or distorted.

A check takes the facts of a trace and yields what it found. INFO is a remark, WARNING means that
numbers cannot be trusted. Adding a check is one function and one line in `CHECKS`.
"""

from collections.abc import Callable, Iterable

from profilers.analysis.trace_health import (
    clocks,
    missing,
    overhead,
    overlaps,
    precision,
    truncation,
    versions,
)
from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Profile

CHECKS: tuple[Callable[[TraceFacts], Iterable[Diagnostic]], ...] = (
    truncation.cut_at_a_million,
    truncation.steps_without_end,
    truncation.cut_last_step,
    truncation.work_after_the_last_step,
    truncation.kernels_stop_early,
    missing.no_kernels,
    missing.launches_without_kernel,
    missing.kernels_without_launch,
    missing.no_steps,
    missing.missing_steps,
    missing.not_recorded,
    clocks.kernels_before_launch,
    clocks.stray_events,
    clocks.work_without_duration,
    clocks.ranks_apart,
    precision.rounded_times,
    overlaps.partial_overlaps,
    overhead.profiler_at_work,
    overhead.python_traced,
    overhead.slow_first_step,
    overhead.crowded_host,
    versions.unknown_device_work,
    versions.newer_schema,
)


def health(profile: Profile) -> tuple[Diagnostic, ...]:
    """What there is to say about a trace, check by check; nothing about a profile without slices.

    Computed from the profile's tables alone, in less than 100 ms per million slices.
    """
    if not len(profile.trace.slices):
        return ()
    facts = TraceFacts(profile)
    return tuple(diagnostic for check in CHECKS for diagnostic in check(facts))
