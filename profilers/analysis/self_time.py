"""Time that a slice spent itself, not in the slices it encloses."""

import numpy as np

from profilers.analysis.once import once
from profilers.profile import Slices
from profilers.profile.table import Int64


@once
def self_time_ns(slices: Slices) -> Int64:
    """Duration minus the union of the direct children's intervals, one value per slice.

    Children that partly overlap each other, or outlast their parent, are not counted twice.
    """
    own = _self_time_ns(slices)
    own.flags.writeable = False
    return own


def _self_time_ns(slices: Slices) -> Int64:
    own = slices.duration_ns.copy()
    rows = np.flatnonzero(slices.parent >= 0)
    if not len(rows):
        return own
    rows = rows[np.lexsort((slices.start_ns[rows], slices.parent[rows]))]
    parents = slices.parent[rows]
    is_first = np.concatenate(([True], parents[1:] != parents[:-1]))
    family = np.cumsum(is_first) - 1
    parent_rows = parents[is_first]
    spans = slices.duration_ns[parent_rows]
    # Families are laid end to end, so that one running maximum serves all of them.
    offsets = (np.cumsum(spans) - spans)[family]
    begin = slices.start_ns[rows] - slices.start_ns[parents]
    end = np.minimum(begin + slices.duration_ns[rows], spans[family]) + offsets
    begin = np.maximum(begin, 0) + offsets
    covered_until = np.maximum.accumulate(end)
    seen = np.maximum(np.concatenate(([0], covered_until[:-1])), offsets)
    fresh = np.maximum(end - np.maximum(begin, seen), 0)
    own[parent_rows] -= np.bincount(family, fresh, len(parent_rows)).astype(np.int64)
    return own
