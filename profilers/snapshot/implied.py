"""Columns of slices that others tell, so that they take less room or none.

Starts and durations become the steps of a `Tour`, in ticks of the tracks' clocks where they have any.
The slice around each one is told by track, depth
and times; where that is wrong, the difference is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int32, Int64
from profilers.profile.trace import Slices
from profilers.snapshot import nesting
from profilers.snapshot.clocks import Clock, Clocks, clocks_of, in_ns, in_ticks
from profilers.snapshot.columns import BadColumn
from profilers.snapshot.tour import Tour

ENCODINGS = ("tour", "around", "nesting")  # the last one until version 2: by track and depth alone
_MOST_SLICES = 1_000_000  # telling all takes half a second for so many, reading the columns 0.1 s
_MOST_CLOCKS = 4096
_SHORT = 1 << 31
_Columns = dict[str, NDArray[Any]]
_Entries = Mapping[str, Mapping[str, Any]]
_Stored = Callable[[str, str], Any]


def stand_ins(slices: Slices) -> tuple[_Columns, dict[str, dict[str, Any]]]:
    """What to store in place of columns, and the manifest entries of those."""
    if not 0 < len(slices) <= _MOST_SLICES:
        return {}, {}
    tour = Tour(slices.depth, slices.name)
    walked, times = _steps(tour, slices)
    rest = slices.parent - _around(slices.columns())
    entries = {"start_ns": times, "duration_ns": times, "parent": {"encoding": "around"}}
    return {**walked, "parent_rest": rest}, entries


def _steps(tour: Tour, slices: Slices) -> tuple[_Columns, dict[str, Any]]:
    """Columns of the steps from each begin or end to the next, and how to read them."""
    times_ns = tour.times_ns(slices.start_ns, slices.duration_ns)
    scale = max(int(np.gcd.reduce(_differences(times_ns))), 1)
    entry: dict[str, Any] = {"encoding": "tour", "scale": scale}
    track = tour.of_slices(slices.track)
    clocks = clocks_of(track, times_ns) if scale == 1 else {}
    values, rest = in_ticks(clocks, track, times_ns)
    high, low = tour.split(_differences(values) // scale)
    if int(high.max()) < _SHORT:
        entry["high"], high = "i4", high.astype(np.int32)
    columns: _Columns = {"tour_high": high, "tour_low": low}
    if not clocks:
        return columns, entry
    told = {str(each): [clock.period_ns, clock.phase_ns] for each, clock in clocks.items()}
    return {**columns, "tour_rest": tour.sorted(rest)}, {**entry, "clocks": told}


def _differences(values: Int64) -> Int64:
    with np.errstate(over="ignore"):
        return np.diff(values, prepend=np.int64(0))


def told(known: _Columns, left_out: _Entries, stored: _Stored) -> _Columns:
    """The columns `left_out`, told by those that are `known` and what is stored instead.

    ``stored(name, dtype)`` reads a column.

    Raises
    ------
    BadColumn
        If what is stored does not fit.
    """
    found = dict(known)
    kinds = {name: entry.get("encoding") for name, entry in left_out.items()}
    if left_out and len(known["depth"]) > _MOST_SLICES:
        raise BadColumn("too many slices for what is left out of them")
    if kinds.get("start_ns") == "tour":
        found["start_ns"], found["duration_ns"] = _times(known, left_out["start_ns"], stored)
    if kinds.get("parent") == "nesting":
        found["parent"] = nesting.parents(known["track"], known["depth"])
    elif kinds.get("parent") == "around":
        rest = stored("parent_rest", "i4")
        if len(rest) != len(known["depth"]):
            raise BadColumn("its parents do not fit its slices")
        found["parent"] = _around(found) + rest
    return found


def _times(known: _Columns, entry: Mapping[str, Any], stored: _Stored) -> tuple[Int64, Int64]:
    scale = entry.get("scale")
    if not isinstance(scale, int) or not 0 < scale < 1 << 62:
        raise BadColumn(f"{scale!r} is no scale")
    clocks = _clocks(entry.get("clocks", {}))
    high = stored("tour_high", "i4" if entry.get("high") == "i4" else "i8")
    low = stored("tour_low", "u1")
    rest = stored("tour_rest", "i1") if clocks else np.zeros(len(high), np.int8)
    if not len(high) == len(low) == len(rest) == 2 * len(known["depth"]):
        raise BadColumn("the steps of its tour do not fit its slices")
    tour = Tour(known["depth"], known["name"])
    with np.errstate(over="ignore"):
        values = np.cumsum(tour.joined(high.astype(np.int64), low) * np.int64(scale))
    track = tour.of_slices(known["track"])
    return tour.starts_and_durations(in_ns(clocks, track, values, tour.walked(rest)))


def _clocks(told: Mapping[str, Sequence[float]]) -> Clocks:
    if len(told) > _MOST_CLOCKS:
        raise BadColumn(f"{len(told)} clocks are too many")
    try:
        return {int(track): Clock(*map(float, clock)) for track, clock in told.items()}
    except OverflowError as error:
        raise BadColumn("its clock does not fit its times") from error


def _around(columns: Mapping[str, Any]) -> Int32:
    """The last slice before each one that is one level further out and lasts as long."""
    start_ns, end_ns = columns["start_ns"], columns["start_ns"] + columns["duration_ns"]
    candidate = nesting.parents(columns["track"], columns["depth"])
    is_around = (start_ns >= start_ns[candidate]) & (end_ns <= end_ns[candidate])
    return np.where(is_around, candidate, np.int32(-1))
