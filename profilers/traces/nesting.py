"""Slices in their order, and what encloses what: compiled where the loops are loaded."""

from itertools import pairwise

import numpy as np

from profilers import compiled
from profilers.compiled.slice_order import nest as nest_rows
from profilers.compiled.slice_order import pair_ends as pair_rows
from profilers.profile.table import Int16, Int32, Int64


def slice_order(track: Int32, start_ns: Int64, duration_ns: Int64) -> Int64:
    """Rows by track, start, longest first."""
    loops = compiled.loaded()
    if loops is None:
        return np.lexsort((-duration_ns, start_ns, track))
    track = np.ascontiguousarray(track, np.int32)
    order = np.empty(len(track), np.int64)
    counts = np.bincount(track)
    bounds = [0, *np.cumsum(counts).tolist()]
    loops.order_by_track(track, counts, order)
    for begin, end in pairwise(bounds):
        rows = order[begin:end]
        starts = start_ns[rows]
        if (starts[1:] < starts[:-1]).any():
            rows[:] = rows[np.argsort(starts, kind="stable")]
        if not loops.longest_first(start_ns, duration_ns, rows):
            rows[:] = rows[np.lexsort((-duration_ns[rows], start_ns[rows]))]
    return order


def inverse(order: Int64) -> Int64:
    """Where each row lies in an order."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def nest(track: Int32, start_ns: Int64, duration_ns: Int64) -> tuple[Int16, Int32]:
    """Depth and enclosing row of ordered slices; see `profilers.compiled.slice_order.nest`."""
    track = np.ascontiguousarray(track, np.int32)
    start_ns, end_ns = np.ascontiguousarray(start_ns), start_ns + duration_ns
    count, loops = len(track), compiled.loaded()
    if loops is not None:
        depth, parent = np.empty(count, np.int16), np.empty(count, np.int32)
        beneath, around = np.empty(count, np.int32), np.empty(count, np.int32)
        loops.nest(track, start_ns, end_ns, depth, parent, beneath, around)
        return depth, parent
    levels, parents, under, outer = [0] * count, [0] * count, [0] * count, [0] * count
    nest_rows(track.tolist(), start_ns.tolist(), end_ns.tolist(), levels, parents, under, outer)
    return np.array(levels, np.int16), np.array(parents, np.int32)


def paired(key: Int64, time_ns: Int64, begins: int) -> Int64:
    """For each of the first `begins` rows the later row that ends it, -1 for none.

    An end closes the latest open begin of its key, a number from 0 on.
    """
    is_end = np.arange(len(key)) >= begins
    order = np.lexsort((is_end, time_ns)) if len(key) else np.empty(0, np.int64)
    keys, loops = int(key.max(initial=-1)) + 1, compiled.loaded()
    latest, under, end_of = (np.full(size, -1, np.int64) for size in (keys, begins, begins))
    if loops is not None:
        loops.pair_ends(order, begins, key, latest, under, end_of)
        return end_of
    ends = end_of.tolist()
    pair_rows(order.tolist(), begins, key.tolist(), latest.tolist(), under.tolist(), ends)
    return np.array(ends, np.int64)
