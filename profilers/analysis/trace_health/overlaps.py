"""Slices that cross each other on one row, where they should lie inside or after one another."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.intervals import latest_end_so_far
from profilers.analysis.trace_health.facts import TraceFacts
from profilers.profile import Diagnostic, Severity, Slices
from profilers.profile.table import Int64

_ROUNDING_NS = 1_000
_DEEPEST = np.iinfo(np.int16).max
_NONE = np.empty(0, np.int64)


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

    That earlier one has the same parent: what lies inside of it ends sooner, and one that encloses
    both is no sibling.
    """
    around = np.where(slices.parent >= 0, slices.depth[slices.parent].astype(np.int32) + 1, 0)
    moved = slices.depth != np.minimum(around, _DEEPEST)  # beside something, on a deeper level
    if not moved.any():
        return _NONE, _NONE
    has_moved = np.zeros(int(slices.track.max()) + 1, np.bool_)
    has_moved[slices.track[moved]] = True
    rows = np.flatnonzero(has_moved[slices.track])
    parent = slices.parent[rows].astype(np.int64)
    family = np.where(parent >= 0, len(has_moved) + parent, slices.track[rows])
    order = np.argsort(family, kind="stable")
    rows, family = rows[order], family[order]
    starts = slices.start_ns[rows]
    ends = starts + slices.duration_ns[rows]
    latest = ends[latest_end_so_far(family, ends)]
    overlap_ns = latest[:-1] - starts[1:]
    crosses = np.flatnonzero((family[1:] == family[:-1]) & (overlap_ns > 0))
    by_row = np.argsort(rows[crosses + 1])
    return rows[crosses + 1][by_row], overlap_ns[crosses][by_row]
