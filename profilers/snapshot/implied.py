"""Columns of slices that others tell, so that they take less room or none.

Starts and durations become the steps of a `Tour`. The slice around each one is told by track, depth
and times; where that is wrong, the difference is stored.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int32
from profilers.profile.trace import Slices
from profilers.snapshot import nesting
from profilers.snapshot.columns import BadColumn
from profilers.snapshot.tour import Tour

ENCODINGS = ("tour", "around", "nesting")  # the last one until version 2: by track and depth alone
_MOST_SLICES = 1_000_000  # telling all takes half a second for so many, reading the columns 0.1 s
_Columns = dict[str, NDArray[Any]]
_Entries = Mapping[str, Mapping[str, Any]]


def stand_ins(slices: Slices) -> tuple[_Columns, dict[str, dict[str, Any]]]:
    """What to store in place of columns, and the manifest entries of those."""
    if not 0 < len(slices) <= _MOST_SLICES:
        return {}, {}
    tour = Tour(slices.depth, slices.name)
    steps, scale = tour.steps(slices.start_ns, slices.duration_ns)
    high, low = tour.split(steps)
    rest = slices.parent - _around(slices.columns())
    times: dict[str, Any] = {"encoding": "tour", "scale": scale}
    entries = {"start_ns": times, "duration_ns": times, "parent": {"encoding": "around"}}
    return {"tour_high": high, "tour_low": low, "parent_rest": rest}, entries


def told(known: _Columns, left_out: _Entries, stored: Callable[[str, str], Any]) -> _Columns:
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
        scale = left_out["start_ns"].get("scale")
        if not isinstance(scale, int) or not 0 < scale < 1 << 62:
            raise BadColumn(f"{scale!r} is no scale")
        high, low = stored("tour_high", "i8"), stored("tour_low", "u1")
        if not len(high) == len(low) == 2 * len(known["depth"]):
            raise BadColumn("the steps of its tour do not fit its slices")
        tour = Tour(known["depth"], known["name"])
        found["start_ns"], found["duration_ns"] = tour.joined(high, low, scale)
    if kinds.get("parent") == "nesting":
        found["parent"] = nesting.parents(known["track"], known["depth"])
    elif kinds.get("parent") == "around":
        rest = stored("parent_rest", "i4")
        if len(rest) != len(known["depth"]):
            raise BadColumn("its parents do not fit its slices")
        found["parent"] = _around(found) + rest
    return found


def _around(columns: Mapping[str, Any]) -> Int32:
    """The last slice before each one that is one level further out and lasts as long."""
    start_ns, end_ns = columns["start_ns"], columns["start_ns"] + columns["duration_ns"]
    candidate = nesting.parents(columns["track"], columns["depth"])
    is_around = (start_ns >= start_ns[candidate]) & (end_ns <= end_ns[candidate])
    return np.where(is_around, candidate, np.int32(-1))
