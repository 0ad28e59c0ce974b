"""What ties slices of an XSpace together: launches, producers and consumers, steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profilers.profile import WORK_KINDS, Flows, SliceKind, Slices, Steps, StringPool, Tracks
from profilers.profile.table import Int32, Int64
from profilers.traces.kineto import launches
from profilers.traces.nesting import inverse
from profilers.traces.xplane_columns import LinkPart
from profilers.traces.xplane_events import LARGEST_STEP

_LAUNCHED = (SliceKind.RUNTIME, *WORK_KINDS)
_LAST_NS = np.int64(2**62)


def launch_pairs(slices: Slices) -> tuple[Int32, Int32]:
    """Rows (runtime call, device work) that share a correlation."""
    rows = np.flatnonzero((slices.correlation >= 0) & np.isin(slices.kind, _LAUNCHED))
    calls, work = launches(slices.kind[rows], slices.correlation[rows])
    return rows[calls].astype(np.int32), rows[work].astype(np.int32)


def flows_of(
    producers: Sequence[LinkPart],
    consumers: Sequence[LinkPart],
    row_of: Int64,
    slices: Slices,
    launched: tuple[Int32, Int32],
    pool: StringPool,
) -> Flows:
    """Launch to kernel, and producer to its first consumer on each track.

    Parameters
    ----------
    row_of : ndarray of int64
        The row of each slice by the order in which it was met.
    """
    sources, targets = _async_pairs(producers, consumers, row_of, slices)
    names = np.array([pool.add("async"), pool.add("launch")], np.int32)
    return Flows.of(
        source=np.concatenate((sources, launched[0])),
        target=np.concatenate((targets, launched[1])),
        kind=np.repeat(names, (len(sources), len(launched[0]))),
    )


def steps_of(
    parts: Sequence[LinkPart],
    row_of: Int64,
    slices: Slices,
    tracks: Tracks,
    launched: tuple[Int32, Int32],
) -> tuple[Steps, Int32]:
    """The steps in order, and for each slice its step.

    A step of several hosts lasts from its first begin to its last end. Each slice belongs to the
    step in which it starts on its own host, device work to the step that launched it.
    """
    step = np.full(len(slices), -1, np.int32)
    marks = _marks(parts, row_of, slices, tracks)
    numbers, place = np.unique(marks.number, return_inverse=True)
    begin, end = np.full(len(numbers), _LAST_NS), np.full(len(numbers), -_LAST_NS)
    np.minimum.at(begin, place, marks.begin_ns)
    np.maximum.at(end, place, marks.end_ns)
    order = np.argsort(begin, kind="stable")
    row_of_number = inverse(order)
    for rank in np.unique(marks.rank).tolist():
        own = np.flatnonzero(marks.rank == rank)
        own = own[np.argsort(marks.begin_ns[own], kind="stable")]
        rows = np.flatnonzero((tracks.rank == rank)[slices.track])
        starts = slices.start_ns[rows]
        at = np.searchsorted(marks.begin_ns[own], starts, side="right") - 1
        inside = (at >= 0) & (starts <= marks.end_ns[own[at]])
        step[rows[inside]] = row_of_number[place[own[at[inside]]]]
    calls, work = launched
    step[work] = np.where(step[calls] >= 0, step[calls], step[work])
    steps = Steps.of(start_ns=begin[order], duration_ns=(end - begin)[order], number=numbers[order])
    return steps, step


@dataclass(frozen=True, eq=False)
class _Marks:
    """One row for each step of each host."""

    rank: Int64
    number: Int64
    begin_ns: Int64
    end_ns: Int64


def _marks(parts: Sequence[LinkPart], row_of: Int64, slices: Slices, tracks: Tracks) -> _Marks:
    """The host's own marks where it made any, else those of each host's first device."""
    rank, row, device, number = _joined(parts, row_of)
    device = np.where(device < 0, -1, tracks.device[device])
    kept = (number >= 0) & (slices.kind[row] == SliceKind.STEP)
    for each in np.unique(rank).tolist():
        of_rank = kept & (rank == each)
        kept[of_rank] = device[of_rank] == device[of_rank].min(initial=LARGEST_STEP)
    begin = slices.start_ns[row[kept]]
    return _Marks(rank[kept], number[kept], begin, begin + slices.duration_ns[row[kept]])


def _async_pairs(
    producers: Sequence[LinkPart], consumers: Sequence[LinkPart], row_of: Int64, slices: Slices
) -> tuple[Int64, Int64]:
    """Rows of producers, and of the first consumer of each on each track."""
    made_rank, made, *made_key = _joined(producers, row_of)
    used_rank, used, *used_key = _joined(consumers, row_of)
    keys = [
        np.concatenate(pair)
        for pair in zip((made_rank, *made_key), (used_rank, *used_key), strict=True)
    ]
    key = _numbered(keys)
    made_id, used_id = key[: len(made)], key[len(made) :]
    first = np.lexsort((used, slices.track[used], used_id))
    used, used_id = used[first], used_id[first]
    is_first = np.ones(len(used), np.bool_)
    is_first[1:] = (used_id[1:] != used_id[:-1]) | (
        slices.track[used[1:]] != slices.track[used[:-1]]
    )
    used, used_id = used[is_first], used_id[is_first]
    producer_of = np.full(len(key), -1, np.int64)
    producer_of[made_id] = made
    source = producer_of[used_id]
    drawn = (source >= 0) & (source != used)
    return source[drawn], used[drawn]


def _numbered(columns: Sequence[Int64]) -> Int64:
    """Equal rows of some columns get equal numbers, below the number of rows."""
    order = np.lexsort(columns)
    changes = np.zeros(len(order), np.bool_)
    for column in columns:
        changes[1:] |= column[order[1:]] != column[order[:-1]]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(changes)
    return numbers


def _joined(parts: Sequence[LinkPart], row_of: Int64) -> tuple[Int64, Int64, Int64, Int64]:
    """Rank, row, type and id of all parts."""
    nothing = np.empty(0, np.int64)
    rank = [np.full(len(part.slice), part.rank) for part in parts]
    return (
        np.concatenate((nothing, *rank)),
        row_of[np.concatenate((nothing, *(part.slice for part in parts)))],
        np.concatenate((nothing, *(part.type for part in parts))),
        np.concatenate((nothing, *(part.id for part in parts))),
    )
