"""Traces that stop before what they tell of is over."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity, SliceKind
from profilers.units import format_duration, format_percent

_TRACE_VIEWER_LIMIT = 1_000_000  # events that TensorFlow's trace viewer writes by default
_FEWEST_LOST = 20
_LOST_SHARE = 0.05
_QUIET = 0.5  # share of a step without a new event that is odd where other steps have less than
_USUALLY_QUIET = 0.25


def cut_at_a_million(facts: TraceFacts) -> Iterator[Diagnostic]:
    slices, counters = len(facts.slices), len(facts.profile.trace.counters)
    if _TRACE_VIEWER_LIMIT in (slices, slices + counters):
        yield Diagnostic(
            Severity.WARNING,
            "The trace holds exactly 1,000,000 events, where TensorFlow's trace viewer cuts: the "
            "rest is missing.",
            "Open the .xplane.pb file instead, or capture fewer steps.",
            _TRACE_VIEWER_LIMIT,
        )


def steps_without_end(facts: TraceFacts) -> Iterator[Diagnostic]:
    endless = int((facts.profile.steps.duration_ns <= 0).sum())
    if endless:
        yield Diagnostic(
            Severity.WARNING,
            "Steps begin and do not end, so they have no duration.",
            "Leave them out, or capture until the step is over.",
            endless,
        )


def cut_last_step(facts: TraceFacts) -> Iterator[Diagnostic]:
    """The last step goes on long after its last event, unlike the steps before it."""
    steps, slices = facts.profile.steps, facts.slices
    if len(steps) < 2:
        return
    rows = np.flatnonzero((slices.step >= 0) & ~facts.of_kind(SliceKind.STEP))
    last_ns = steps.start_ns.copy()
    np.maximum.at(last_ns, slices.step[rows], slices.start_ns[rows])
    quiet_ns = facts.step_ends_ns - last_ns
    quiet = quiet_ns / np.maximum(steps.duration_ns, 1)
    if quiet[-1] > _QUIET and np.median(quiet[:-1]) < _USUALLY_QUIET:
        yield Diagnostic(
            Severity.WARNING,
            f"Nothing begins in the last {format_duration(int(quiet_ns[-1]))} of the last step: "
            "the trace seems to be cut within it.",
            "Leave the last step out, or capture fewer steps.",
        )


def work_after_the_last_step(facts: TraceFacts) -> Iterator[Diagnostic]:
    steps, slices = facts.profile.steps, facts.slices
    if not len(steps):
        return
    over_ns = int(facts.step_ends_ns.max())
    rows = np.flatnonzero(facts.of_kind(SliceKind.OPERATOR) & (slices.start_ns >= over_ns))
    length_ns = int(facts.ends_ns[rows].max(initial=over_ns)) - over_ns
    if len(rows) and length_ns > np.median(steps.duration_ns) / 2:
        yield Diagnostic(
            Severity.INFO,
            f"Operators run for {format_duration(length_ns)} after the last step ends, in no step: "
            "a step that began there may have no end in the trace.",
            "Figures per step leave them out.",
            len(rows),
        )


def kernels_stop_early(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Launches after the last thing that any device did: its records were dropped."""
    if not len(facts.device_rows):
        return
    over_ns = int(facts.slices.start_ns[facts.device_rows].max())
    submitted_ns = facts.slices.start_ns[facts.submit_rows]
    lost = facts.unanswered_rows[facts.slices.start_ns[facts.unanswered_rows] > over_ns]
    if len(lost) >= _FEWEST_LOST and len(lost) >= _LOST_SHARE * len(submitted_ns):
        silent_ns = int(submitted_ns.max()) - over_ns
        yield Diagnostic(
            Severity.WARNING,
            f"The device's records stop {format_duration(silent_ns)} before the host's launches "
            f"do: {format_percent(len(lost) / len(submitted_ns))} of all launches are later, and "
            "their kernels are missing.",
            "The profiler ran out of buffers or was stopped before the device was done: capture "
            "fewer steps, and synchronise the device before the profiler stops.",
            len(lost),
        )
