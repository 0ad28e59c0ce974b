"""Arrows of a Chrome trace: launches by correlation, and the ones that the file draws itself."""

import numpy as np

from profilers.profile import Flows, Slices, StringPool
from profilers.profile.table import Int32, Int64
from profilers.traces.chrome_parts import FlowRecords

_FEW_LEVELS = 64
_LAUNCHES = ("ac2g", "async_cpu_to_gpu")  # drawn by the correlation instead


def flows_of(
    records: FlowRecords,
    slices: Slices,
    track_rows: Int32,
    origin_ns: int,
    pool: StringPool,
    launched: tuple[Int32, Int32],
) -> Flows:
    """From each slice of a chain to the next one in time.

    Parameters
    ----------
    records : FlowRecords
        Those of one chain have the same category and id.
    track_rows : int64 array
        The row of `slices.track` for each track of the records, -1 for none.
    launched : pair of arrays
        Slices (runtime call, device work) that are known to belong together.
    """
    sources, targets = launched
    kept = np.ones(len(records), np.bool_)
    if len(sources):
        kept = ~np.isin(records.category, [pool.add(each) for each in _LAUNCHES])
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((records.start_ns[rows], records.id[rows], records.category[rows]))]
    ends = innermost(slices, track_rows[records.track[rows]], records.start_ns[rows] - origin_ns)
    rows, ends = rows[ends >= 0], ends[ends >= 0]
    is_pair = (records.id[rows[1:]] == records.id[rows[:-1]]) & (ends[1:] != ends[:-1])
    is_pair &= records.category[rows[1:]] == records.category[rows[:-1]]
    kinds = records.category[rows[:-1][is_pair]]
    kinds = np.where(kinds == pool.add(""), pool.add("flow"), kinds)
    return Flows.of(
        source=np.concatenate((sources, ends[:-1][is_pair])),
        target=np.concatenate((targets, ends[1:][is_pair])),
        kind=np.concatenate((np.full(len(sources), pool.add("launch")), kinds)),
    )


def innermost(slices: Slices, track: Int32, time_ns: Int64) -> Int64:
    """The deepest slice of a track that covers a time; -1 if none does."""
    found = np.full(len(track), -1, np.int64)
    lanes = int(track.max(initial=-1)) + 1
    counts = np.bincount(slices.track, minlength=lanes)
    bounds = np.concatenate(([0], np.cumsum(counts))).tolist()
    for lane in np.unique(track[track >= 0]).tolist():
        here = np.flatnonzero(track == lane)
        low, high = bounds[lane], bounds[lane + 1]
        last = low + np.searchsorted(slices.start_ns[low:high], time_ns[here], "right") - 1
        found[here] = np.where(last >= low, last, -1)
    return _climbed(slices, found, time_ns)


def _climbed(slices: Slices, row: Int64, time_ns: Int64) -> Int64:
    """The nearest slice, from each row on outwards, that has not ended.

    A few levels are climbed one by one. What lies deeper is searched by halves, since slices end no
    earlier than what they enclose: a trace may nest a million deep.
    """
    row = row.copy()
    climbing = np.flatnonzero(row >= 0)
    for _ in range(_FEW_LEVELS):
        here = row[climbing]
        has_ended = slices.start_ns[here] + slices.duration_ns[here] < time_ns[climbing]
        climbing = climbing[has_ended]
        row[climbing] = slices.parent[here[has_ended]]
        climbing = climbing[row[climbing] >= 0]
    if len(climbing):
        row[climbing] = _climbed_by_halves(slices, row[climbing], time_ns[climbing])
    return row


def _climbed_by_halves(slices: Slices, row: Int64, time_ns: Int64) -> Int64:
    ends = np.append(slices.start_ns + slices.duration_ns, np.iinfo(np.int64).max)
    nowhere = len(slices)
    leaps = [np.append(np.where(slices.parent >= 0, slices.parent, nowhere), nowhere)]
    while (leaps[-1] != nowhere).any():
        leaps.append(leaps[-1][leaps[-1]])
    for leap in reversed(leaps):
        further = leap[row]
        row = np.where((ends[row] < time_ns) & (ends[further] < time_ns), further, row)
    row = np.where(ends[row] < time_ns, leaps[0][row], row)
    return np.where(row == nowhere, -1, row)
