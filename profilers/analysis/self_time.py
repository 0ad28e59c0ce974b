"""Time that a slice spent itself, not in the slices it encloses."""

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.intervals import latest_end_so_far
from profilers.analysis.once import once
from profilers.profile import Slices
from profilers.profile.table import Int32, Int64


@once
def self_time_ns(slices: Slices) -> Int64:
    """Duration minus the union of the direct children's intervals, one value per slice.

    Children that partly overlap each other, or outlast their parent, are not counted twice.
    """
    own_ns = slices.duration_ns.copy()
    rows = np.flatnonzero(slices.parent >= 0)
    parents = slices.parent[rows]
    is_odd = _is_odd(slices, rows, parents)
    if is_odd.any():
        has_odd = np.zeros(len(slices), np.bool_)
        has_odd[parents[is_odd]] = True
        in_odd = has_odd[parents]
        _take_unions(own_ns, slices, rows[in_odd])
        rows, parents = rows[~in_odd], parents[~in_odd]
    np.subtract.at(own_ns, parents, slices.duration_ns[rows])  # they lie apart: their sum will do
    own_ns.flags.writeable = False
    return own_ns


def _is_odd(slices: Slices, rows: Int64, parents: Int32) -> NDArray[np.bool_]:
    """Which children partly overlap an earlier one, or outlast their parent.

    Those that overlap an earlier one lie deeper than just below their parent.
    """
    end_ns = slices.start_ns + slices.duration_ns
    is_odd: NDArray[np.bool_] = end_ns[rows] > end_ns[parents]
    is_odd |= slices.depth[rows] != slices.depth[parents] + 1
    return is_odd


def _take_unions(own_ns: Int64, slices: Slices, rows: Int64) -> None:
    """Subtract from each parent what the given children cover of it, all of a parent's children."""
    rows = rows[np.argsort(slices.parent[rows], kind="stable")]  # and by start, as all slices are
    parents = slices.parent[rows]
    begin = np.maximum(slices.start_ns[rows], slices.start_ns[parents])
    end = slices.start_ns[rows] + slices.duration_ns[rows]
    end = np.minimum(end, slices.start_ns[parents] + slices.duration_ns[parents])
    latest = end[latest_end_so_far(parents, end)]
    has_earlier = np.flatnonzero(parents[1:] == parents[:-1]) + 1
    begin[has_earlier] = np.maximum(begin, np.roll(latest, 1))[has_earlier]
    np.subtract.at(own_ns, parents, np.maximum(end - begin, 0))
