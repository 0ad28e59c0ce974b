"""Findings that cost time or memory, each with its figures, the slices it rests on, and what to try.

A module offers ``find(profile) -> Iterator[Finding]``. Adding one is one module and one line here.
"""

from collections.abc import Callable, Iterator

from profilers.analysis.advice import (
    between_operators,
    contended_threads,
    copies,
    exposed_communication,
    far_from_roof,
    fusion_breaks,
    memory,
    small_kernels,
    waiting_for_host,
)
from profilers.analysis.advice.finding import Finding
from profilers.analysis.once import once
from profilers.profile import Profile

__all__ = ["ADVISERS", "Finding", "findings"]

ADVISERS: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    waiting_for_host.find,
    small_kernels.find,
    exposed_communication.find,
    between_operators.find,
    contended_threads.find,
    copies.find,
    far_from_roof.find,
    fusion_breaks.find,
    memory.find,
)


@once
def findings(profile: Profile) -> tuple[Finding, ...]:
    """What costs time first, by cost; then what costs memory."""
    found = [finding for find in ADVISERS for finding in find(profile)]
    return tuple(sorted(found, key=lambda each: (-each.cost_ns, -each.cost_bytes)))
