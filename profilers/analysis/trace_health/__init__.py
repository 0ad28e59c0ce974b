"""How far a trace's numbers can be trusted: what was lost, rounded, cut or distorted.

A check takes the facts of a trace and yields what it found. INFO is a remark, WARNING means that
numbers cannot be trusted. Adding a check is one function and one line in `CHECKS`.
"""

from collections.abc import Callable, Iterable

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.analysis.trace_health.overlaps import partial_overlaps
from profilers.analysis.trace_health.precision import rounded_times
from profilers.profile import Diagnostic, Profile

CHECKS: tuple[Callable[[TraceFacts], Iterable[Diagnostic]], ...] = (
    partial_overlaps,
    rounded_times,
)


def health(profile: Profile) -> tuple[Diagnostic, ...]:
    """What there is to say about a trace, check by check; nothing about a profile without slices.

    Computed from the profile's tables alone, in less than 100 ms per million slices.
    """
    if not len(profile.trace.slices):
        return ()
    facts = TraceFacts(profile)
    return tuple(diagnostic for check in CHECKS for diagnostic in check(facts))
