"""Gives each replica of a mirrored run tracks of its own: its operators share the threads of all."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from profilers.graphs.tensorflow_protos import parse
from profilers.profile import Profile, SliceKind, Trace, Tracks
from profilers.profile.json_column import JsonColumn
from profilers.profile.table import Int64
from profilers.traces.nesting import inverse, nest, slice_order

_DEVICE = re.compile(r".*/device:[A-Z]+:(\d+)")


def with_replica_tracks(traced: Profile, optimised: Path) -> Profile:
    """The same trace with the operators of each device but the first on tracks of their own rank.

    Parameters
    ----------
    optimised : Path
        The graph as it ran: it tells the device of each node.
    """
    if not optimised.is_file():
        return traced
    device_of = {
        node.name: int(match[1])
        for node in parse("GraphDef", optimised.read_bytes()).node
        if (match := _DEVICE.fullmatch(node.device))
    }
    trace = traced.trace
    of_name = np.array(
        [device_of.get(text.rpartition(":")[0], 0) for text in traced.strings], np.int64
    )
    slices = trace.slices
    is_operator = slices.kind == SliceKind.OPERATOR
    rank = np.where(is_operator, of_name[slices.name], 0) if len(slices) else of_name[:0]
    return _moved(traced, rank) if rank.any() else traced


def _moved(traced: Profile, rank: Int64) -> Profile:
    """Slices go to the track of their rank, and all rows that name a slice follow."""
    trace, slices = traced.trace, traced.trace.slices
    place = slices.track.astype(np.int64) + len(trace.tracks) * rank
    used = np.unique(place[rank > 0])
    number = {each: len(trace.tracks) + row for row, each in enumerate(used.tolist())}
    track = slices.track.copy()
    for each, row in number.items():
        track[place == each] = row
    order = slice_order(track, slices.start_ns, slices.duration_ns)
    row_of = inverse(order)
    moved = slices.take(order).replace(track=track[order])
    depth, parent = nest(moved.track, moved.start_ns, moved.duration_ns)
    flows = trace.flows
    allocations = traced.memory.allocations
    held = np.append(row_of, -1).astype(np.int32)  # row -1 stays -1
    return replace(
        traced,
        trace=Trace(
            moved.replace(depth=depth, parent=parent),
            _with_ranks(trace.tracks, used),
            flows.replace(source=held[flows.source], target=held[flows.target]),
            trace.counters,
            _InOrder(trace.arguments, order),
        ),
        memory=replace(
            traced.memory, allocations=allocations.replace(slice=held[allocations.slice])
        ),
    )


def _with_ranks(tracks: Tracks, used: Int64) -> Tracks:
    """The tracks, and copies of those that other ranks use."""
    count = len(tracks)
    rows = np.concatenate((np.arange(count), used % count))
    ranks = np.concatenate((tracks.rank, used // count)).astype(np.int32)
    return tracks.take(rows).replace(rank=ranks)


@dataclass(frozen=True, eq=False)
class _InOrder:
    """A JsonColumn in another order."""

    column: JsonColumn
    order: Int64

    def __len__(self) -> int:
        return len(self.order)

    def text(self, row: int) -> bytes:
        return self.column.text(int(self.order[row]))
