"""Times that cannot be: effects before causes, events out of all range, clocks that disagree."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity, SliceKind
from profilers.units import format_duration

_ROUNDING_NS = 1_000
_STRAY_SHARE = 0.005
_STRETCH = 10
_LONGEST_RUN_NS = 3_600_000_000_000  # compiling and loading may take minutes before the dense part


def kernels_before_launch(facts: TraceFacts) -> Iterator[Diagnostic]:
    calls, work = facts.launches
    early_ns = facts.slices.start_ns[calls] - facts.slices.start_ns[work]
    early_ns = early_ns[early_ns > _ROUNDING_NS]
    if len(early_ns):
        yield Diagnostic(
            Severity.WARNING,
            "Kernels start before their launch, by up to "
            f"{format_duration(int(early_ns.max()))}: the clocks of host and device disagree.",
            "Trust times within the host and within the device; do not compare one with the other.",
            len(early_ns),
        )


def stray_events(facts: TraceFacts) -> Iterator[Diagnostic]:
    """A few events so far from all others that the time axis is mostly empty."""
    starts_ns, ends_ns = facts.slices.start_ns, facts.ends_ns
    most = int(_STRAY_SHARE * len(starts_ns))
    if not most:
        return
    first_ns = int(np.partition(starts_ns, most)[most])
    last_ns = int(np.partition(starts_ns, -most - 1)[-most - 1])
    length_ns = last_ns - first_ns
    is_stray = (ends_ns < first_ns - length_ns) | (starts_ns > last_ns + length_ns)
    if length_ns > 0 and is_stray.any() and facts.span_ns > _STRETCH * length_ns:
        yield Diagnostic(
            Severity.WARNING if facts.span_ns > _LONGEST_RUN_NS else Severity.INFO,
            f"Slices lie far from all others: the trace spans {format_duration(facts.span_ns)}, "
            f"but nearly all of it happens within {format_duration(length_ns)}.",
            "Zoom to the dense part; shares of the whole time say nothing here.",
            int(is_stray.sum()),
        )


def work_without_duration(facts: TraceFacts) -> Iterator[Diagnostic]:
    instant = int((facts.slices.duration_ns[facts.device_rows] <= 0).sum())
    if instant:
        yield Diagnostic(
            Severity.INFO,
            "Kernels or copies have no duration: they ended too soon for the file's clock, or "
            "their end was lost.",
            "Sums leave their time out.",
            instant,
        )


def ranks_apart(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Ranks whose steps (all their slices, where there are no steps) share no moment."""
    rows = np.flatnonzero(facts.of_kind(SliceKind.STEP))
    if not len(rows):
        rows = np.arange(len(facts.slices))
    rank = facts.profile.trace.tracks.rank[facts.slices.track[rows]]
    ranks, at = np.unique(rank, return_inverse=True)
    if len(ranks) < 2:
        return
    begins = np.full(len(ranks), np.iinfo(np.int64).max)
    ends = np.full(len(ranks), np.iinfo(np.int64).min)
    np.minimum.at(begins, at, facts.slices.start_ns[rows])
    np.maximum.at(ends, at, facts.ends_ns[rows])
    apart_ns = int(begins.max() - ends.min())
    if apart_ns > 0:
        ended, began = ranks[int(ends.argmin())], ranks[int(begins.argmax())]
        yield Diagnostic(
            Severity.WARNING,
            f"Rank {began} begins {format_duration(apart_ns)} after rank {ended} has ended: their "
            "clocks differ, or they were not captured together.",
            "Do not compare times between ranks; synchronise the hosts' clocks and capture the "
            "same steps on each.",
        )
