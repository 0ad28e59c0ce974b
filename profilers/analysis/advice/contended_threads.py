"""Threads of one operator that wait for one another, since other programs hold their processors."""

from collections.abc import Iterator

from profilers.analysis.advice.finding import Finding
from profilers.analysis.comparison.side import threads, waited
from profilers.analysis.step_time import step_time
from profilers.profile import Profile
from profilers.units import format_percent

_LEAST_SHARE = 0.1  # of the time that all threads together were ready to run


def find(profile: Profile) -> Iterator[Finding]:
    """From what the scheduler told of the run.

    Each parallel loop ends when the last of its threads is done: one that has no processor holds up
    all others, so that steps may take many times as long as with one thread.
    """
    facts = profile.environment.facts
    count, share, step = threads(facts), waited(facts), step_time(profile).median_ns
    if not count.isdigit() or int(count) < 2 or share < _LEAST_SHARE or not step:
        return
    yield Finding(
        "contended-threads",
        f"The run's {count} threads and other programs shared the processors: threads that were ready "
        f"to run waited for one {format_percent(share)} of the time, and those that were done waited "
        "for them.",
        f"Measure on a quiet machine, or with fewer threads than {count} (--threads on the command "
        "line).",
        share * step,
        share=share,
    )
