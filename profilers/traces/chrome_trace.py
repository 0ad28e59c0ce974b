"""A Chrome trace's events put in order: slices, tracks, steps, flows and counters."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from profilers.compiled.limits import LONGEST_NS
from profilers.profile import (
    Diagnostic,
    Severity,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    Trace,
    Tracks,
)
from profilers.profile.table import Int32
from profilers.traces import Progress
from profilers.traces.chrome_events import ChromeEvents, arguments_of, sorted_events
from profilers.traces.chrome_flows import flows_of
from profilers.traces.chrome_parts import (
    SliceRecords,
    SpannedJson,
    joined_column,
    joined_in_order,
)
from profilers.traces.chrome_reader import ReadEvents
from profilers.traces.chrome_tracks import counters_of, track_table, used_tracks
from profilers.traces.kineto import DEVICE_CATEGORIES, STEP_NAME, kinds_of, launches
from profilers.traces.nesting import nest, slice_order


@dataclass(frozen=True)
class ChromeTrace:
    """A trace with what is needed to link it further.

    `origin_ns` is what was taken off every time; `track_rows` has for each row of `events.tracks`
    its row in the trace's tracks, -1 if that is not shown.
    """

    trace: Trace
    steps: Steps
    pool: StringPool
    events: ChromeEvents
    instant_arguments: SpannedJson
    track_rows: Int32
    header: dict[str, Any]
    origin_ns: int
    diagnostics: tuple[Diagnostic, ...]


def trace_of(found: ReadEvents, pool: StringPool, progress: Progress) -> ChromeTrace:
    """All events in order, nested, named and linked."""
    events = sorted_events(found, pool)
    keys = used_tracks(events)
    track_rows = _inverse(keys, len(events.tracks))
    origin_ns = _origin_ns(events)
    records = _in_order(events, track_rows)
    arguments = arguments_of(records, found)
    slices = _nested(records, track_rows, origin_ns, pool)
    progress(0.85)
    launched = launches(slices.kind, slices.correlation)
    steps = _steps(slices, pool)
    slices = slices.replace(step=_steps_of(slices, steps, *launched))
    flows = flows_of(events.flows, slices, track_rows, origin_ns, pool, launched)
    samples = arguments_of(events.counters, found)
    counters, counter_tracks = counters_of(events, samples, len(keys), origin_ns, pool)
    tracks = track_table(events, keys, slices, arguments, pool)
    progress(1.0)
    return ChromeTrace(
        Trace(
            slices,
            Tracks.from_rows([*tracks, *counter_tracks]),
            flows,
            counters,
            arguments,
        ),
        steps,
        pool,
        events,
        arguments_of(events.instants, found),
        track_rows,
        found.header,
        origin_ns,
        _diagnostics(found, events),
    )


def _inverse(keys: list[int], count: int) -> Int32:
    rows = np.full(count, -1, np.int32)
    rows[keys] = np.arange(len(keys))
    return rows


def _origin_ns(events: ChromeEvents) -> int:
    """The earliest time of anything that is shown."""
    times = [*(part.start_ns for part in events.slices), events.counters.start_ns]
    return min((int(part.min()) for part in times if len(part)), default=0)


def _in_order(events: ChromeEvents, track_rows: Int32) -> SliceRecords:
    """All slices by track, start, longest first."""
    start_ns = joined_column(events.slices, "start_ns")
    duration_ns = joined_column(events.slices, "duration_ns")
    order = slice_order(track_rows[joined_column(events.slices, "track")], start_ns, duration_ns)
    return joined_in_order(events.slices, order)


def _nested(records: SliceRecords, track_rows: Int32, origin_ns: int, pool: StringPool) -> Slices:
    track, start_ns = track_rows[records.track], records.start_ns - origin_ns
    depth, parent = nest(track, start_ns, records.duration_ns)
    none = np.full(len(records), -1, np.int32)
    return Slices.of(
        start_ns=start_ns,
        duration_ns=records.duration_ns,
        name=records.name,
        category=records.category,
        kind=kinds_of(records.category, records.name, pool.table()),
        track=track,
        depth=depth,
        parent=parent,
        correlation=records.correlation,
        step=none,
        node=none,
        group=none,
    )


def _steps(slices: Slices, pool: StringPool) -> Steps:
    """Steps from the host's ``ProfilerStep#N`` ranges."""
    names = pool.table()
    rows = [
        (int(slices.start_ns[row]), int(slices.duration_ns[row]), int(match[1][:9]))
        for row in np.flatnonzero(slices.kind == SliceKind.STEP).tolist()
        if (match := STEP_NAME.search(names[int(slices.name[row])]))
        and names[int(slices.category[row])] not in DEVICE_CATEGORIES
    ]
    return Steps.from_rows(sorted(set(rows)))


def _steps_of(slices: Slices, steps: Steps, sources: Int32, targets: Int32) -> Int32:
    """The step a slice starts in; device work belongs to the step that launched it."""
    step = np.full(len(slices), -1, np.int32)
    if not len(steps):
        return step
    ends_ns = steps.start_ns + steps.duration_ns
    until_ns = np.minimum(ends_ns, np.append(steps.start_ns[1:], LONGEST_NS))
    bounds = np.concatenate(([0], np.cumsum(np.bincount(slices.track))))
    for begin, end in pairwise(bounds.tolist()):
        starts_ns = slices.start_ns[begin:end]
        first = (begin + np.searchsorted(starts_ns, steps.start_ns)).tolist()
        behind = (begin + np.searchsorted(starts_ns, until_ns)).tolist()
        for number, (low, high) in enumerate(zip(first, behind, strict=True)):
            step[low:high] = number
    step[targets] = step[sources]
    return step


def _diagnostics(found: ReadEvents, events: ChromeEvents) -> tuple[Diagnostic, ...]:
    notes = []
    if found.is_damaged:
        notes.append(
            Diagnostic(
                Severity.WARNING,
                "The file ends too early or is damaged; every event that is whole is shown.",
            )
        )
    if events.unfinished:
        notes.append(
            Diagnostic(Severity.INFO, "Ranges were begun but never ended.", count=events.unfinished)
        )
    notes += [
        Diagnostic(severity, sentence, count=count)
        for count, severity, sentence in (
            (
                found.repairs.untimed,
                Severity.WARNING,
                "Events without a readable time are left out.",
            ),
            (
                found.repairs.odd_times,
                Severity.WARNING,
                "Durations that are no numbers are read as zero.",
            ),
            (
                found.repairs.negative_durations,
                Severity.WARNING,
                "Negative durations are read as zero.",
            ),
            (
                found.repairs.odd_text,
                Severity.INFO,
                "Names are no valid UTF-8; what could not be read shows as �.",
            ),
        )
        if count
    ]
    return tuple(notes)
