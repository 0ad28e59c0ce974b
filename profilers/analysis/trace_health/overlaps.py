"""Slices that cross each other on one row, where they should lie inside or after one another."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity, Slices
from profilers.profile.table import Int64

_ROUNDING_NS = 1_000
_DEEPEST = np.iinfo(np.int16).max


def partial_overlaps(facts: TraceFacts) -> Iterator[Diagnostic]:
    rows, overlap_ns = crossing_slices(facts.slices)
    if not len(rows):
        return
    yield Diagnostic(
        Severity.INFO,
        "Slices partly overlap others of their row; they are drawn beside them.",
        "Their durations stand; a sum of them counts the time that they share twice.",
        len(rows),
    )
    short = int((overlap_ns <= _ROUNDING_NS).sum())
    if short:
        yield Diagnostic(
            Severity.INFO,
            "Of these overlaps, some last 1 µs or less, as rounded times make them.",
            "Take such slices as following one another.",
            short,
        )


def crossing_slices(slices: Slices) -> tuple[Int64, Int64]:
    """Rows that overlap an earlier one of their track without lying inside it, and for how long.

    Such a slice lies deeper than its parent's children should; what it crosses is the last slice
    before it that is one level up.
    """
    around = np.where(slices.parent >= 0, slices.depth[slices.parent].astype(np.int32) + 1, 0)
    rows = np.flatnonzero(slices.depth != np.minimum(around, _DEEPEST))
    if not len(rows):
        return rows, rows
    levels = int(slices.depth.max()) + 1
    lane = slices.track.astype(np.int64) * levels + slices.depth
    if lane.max() <= np.iinfo(np.uint16).max:
        lane = lane.astype(np.uint16)  # numpy sorts these by radix, ten times faster
    order = np.argsort(lane, kind="stable")
    place = lane[order].astype(np.int64) * len(lane) + order  # grows: by lane, then by row
    crossed_lane = lane[rows].astype(np.int64) - 1
    crossed = order[np.searchsorted(place, crossed_lane * len(lane) + rows) - 1]
    ends = slices.start_ns + slices.duration_ns
    return rows, np.minimum(ends[crossed], ends[rows]) - slices.start_ns[rows]
