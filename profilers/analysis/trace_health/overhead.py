"""How far recording itself, and warming up, changed what was recorded."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity, SliceKind, TrackKind
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent

_OVERHEAD_SHARE = 0.05
_DISTORTING_SHARE = 0.2
_SLOW_FIRST_STEP = 2
# torch.profiler 2.13 with 200 to 900 operators per step, against unprofiled steps: 1.6 to 2.6 µs.
_RECORDING_NS = 2_000
_CROWDED_SHARE = 0.25
_SHORTEST_NS = 10_000_000
_RECORDED = (SliceKind.OPERATOR, SliceKind.RUNTIME, SliceKind.ANNOTATION, SliceKind.SCOPE)


def profiler_at_work(facts: TraceFacts) -> Iterator[Diagnostic]:
    rows = np.flatnonzero(facts.of_kind(SliceKind.OVERHEAD))
    busy_ns = _covered_ns(facts.slices.start_ns[rows], facts.ends_ns[rows])
    share = busy_ns / max(facts.span_ns, 1)
    if share > _OVERHEAD_SHARE:
        yield Diagnostic(
            Severity.WARNING if share > _DISTORTING_SHARE else Severity.INFO,
            f"The profiler's own work takes {format_duration(busy_ns)}, {format_percent(share)} of "
            "the trace.",
            "Measure times without the profiler; let it warm up for a step before it records.",
            len(rows),
        )


def python_traced(facts: TraceFacts) -> Iterator[Diagnostic]:
    frames = int(facts.of_kind(SliceKind.PYTHON).sum())
    if frames:
        yield Diagnostic(
            Severity.INFO,
            "Python calls were recorded, which makes host times longer.",
            "For host times, capture once more without with_stack.",
            frames,
        )


def slow_first_step(facts: TraceFacts) -> Iterator[Diagnostic]:
    durations = facts.profile.steps.duration_ns
    if len(durations) < 3:
        return
    others_ns = float(np.median(durations[1:]))
    if durations[0] > _SLOW_FIRST_STEP * others_ns > 0:
        yield Diagnostic(
            Severity.INFO,
            f"The first step takes {format_duration(int(durations[0]))}, "
            f"{durations[0] / others_ns:.1f} times the median of the others: it seems to include "
            "warming up.",
            "Leave it out of averages, or record after a few warm-up steps.",
        )


def crowded_host(facts: TraceFacts) -> Iterator[Diagnostic]:
    """Threads with so many short events that recording them takes much of the time."""
    tracks = facts.profile.trace.tracks
    if not facts.is_kineto:
        return
    recorded = facts.of_kind(*_RECORDED) & (tracks.kind == TrackKind.THREAD)[facts.slices.track]
    rows = np.flatnonzero(recorded)
    events = np.bincount(facts.slices.track[rows], minlength=len(tracks))
    begins = np.full(len(tracks), np.iinfo(np.int64).max)
    ends = np.zeros(len(tracks), np.int64)
    np.minimum.at(begins, facts.slices.track[rows], facts.slices.start_ns[rows])
    np.maximum.at(ends, facts.slices.track[rows], facts.ends_ns[rows])
    length_ns = np.maximum(ends - begins, 1)
    share = np.where((ends - begins) >= _SHORTEST_NS, events * _RECORDING_NS / length_ns, 0)
    busiest = int(share.argmax())
    if share[busiest] > _CROWDED_SHARE:
        rate = events[busiest] / (length_ns[busiest] / 1e6)
        yield Diagnostic(
            Severity.INFO,
            f"The busiest thread records {rate:.0f} events per millisecond; at some "
            f"{format_duration(_RECORDING_NS)} each, recording may take "
            f"{format_percent(min(float(share[busiest]), 1))} of its time.",
            "Compare host times with a run without the profiler.",
            int(events[busiest]),
        )


def _covered_ns(starts_ns: Int64, ends_ns: Int64) -> int:
    """Time that intervals cover together."""
    order = np.argsort(starts_ns)
    starts, ends = starts_ns[order], np.maximum.accumulate(ends_ns[order])
    reached = np.concatenate((starts[:1], ends[:-1]))
    return int(np.maximum(ends - np.maximum(starts, reached), 0).sum())
