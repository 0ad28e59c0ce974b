"""The slice around each slice, told from tracks and depths alone."""

import numpy as np

from profilers.profile.table import Int16, Int32


def parents(track: Int32, depth: Int16) -> Int32:
    """The last slice before each one that is on its track and one level further out; -1 for none.

    Columns as in `Slices`: ordered by track, parents first.
    """
    found = np.full(len(depth), -1, np.int32)
    if not len(depth):
        return found
    by_depth = np.argsort(depth, kind="stable").astype(np.int32)
    levels, begins = np.unique(depth[by_depth], return_index=True)
    rows_of = dict(zip(levels.tolist(), np.split(by_depth, begins[1:]), strict=True))
    for level, rows in rows_of.items():
        outer = rows_of.get(level - 1)
        if outer is None:
            continue
        before = outer[np.maximum(np.searchsorted(outer, rows) - 1, 0)]
        is_around = (before < rows) & (track[before] == track[rows])
        found[rows] = np.where(is_around, before, -1)
    return found
