"""How an allocator's segments are used at a moment: what lies where, and how fragmented it is."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import Profile
from profilers.profile.table import Int64


@dataclass(frozen=True, eq=False)
class SegmentMap:
    """The segments of one device at a moment, by address; neighbours that touch are one.

    Attributes
    ----------
    begin, end : int64 arrays
        Addresses of each segment.
    segment : int64 array
        A row of ``memory.segments`` that belongs to each.
    block_begin, block_end : int64 arrays
        Addresses of the blocks that lie in them, ascending.
    allocation : int64 array
        Row of ``memory.allocations`` of each block.
    block_segment : int64 array
        Position among the segments, ascending.
    used : int64 array
        Bytes in use, by segment.
    largest_free_bytes : int
        The largest piece that lies free in one segment.
    """

    begin: Int64
    end: Int64
    segment: Int64
    block_begin: Int64
    block_end: Int64
    allocation: Int64
    block_segment: Int64
    used: Int64
    largest_free_bytes: int

    @property
    def reserved_bytes(self) -> int:
        return int((self.end - self.begin).sum())

    @property
    def free_bytes(self) -> int:
        return self.reserved_bytes - int(self.used.sum())

    @property
    def split_bytes(self) -> int:
        """Free bytes of segments that are in use: only an empty segment can be given back."""
        in_use = self.used > 0
        return int((self.end - self.begin - self.used)[in_use].sum())

    @property
    def fragmentation(self) -> float:
        """Share of the free bytes that one request cannot have: 1 - largest free piece / free."""
        return 1 - self.largest_free_bytes / self.free_bytes if self.free_bytes else 0.0


def segment_map(profile: Profile, device: int, time_ns: int) -> SegmentMap:
    """Segments held and blocks alive at a moment; blocks outside of any segment are left out."""
    begin, end, segment = _joined(profile, device, time_ns)
    allocations, placements = profile.memory.allocations, profile.memory.placements
    row = placements.allocation
    alive = np.flatnonzero(
        (allocations.device[row] == device)
        & (allocations.allocated_ns[row] <= time_ns)
        & (allocations.freed_ns[row] > time_ns)
    )
    alive = alive[np.argsort(placements.address[alive], kind="stable")]
    block_begin = placements.address[alive]
    inside = np.searchsorted(begin, block_begin, "right") - 1
    is_inside = inside >= 0
    is_inside[is_inside] = block_begin[is_inside] < end[inside[is_inside]]
    alive, block_begin, inside = alive[is_inside], block_begin[is_inside], inside[is_inside]
    block_end = np.minimum(block_begin + placements.bytes[alive], end[inside])
    block_begin = np.maximum(block_begin, _reached(block_end))  # what overlaps is counted once
    block_end = np.maximum(block_end, block_begin)
    used = np.zeros(len(begin), np.int64)
    np.add.at(used, inside, block_end - block_begin)
    return SegmentMap(
        begin,
        end,
        segment,
        block_begin,
        block_end,
        row[alive].astype(np.int64),
        inside,
        used,
        _largest_gap(begin, end, block_begin, block_end, inside),
    )


def _joined(profile: Profile, device: int, time_ns: int) -> tuple[Int64, Int64, Int64]:
    """Segments held at the moment; those of one stream that follow without a gap are one."""
    table = profile.memory.segments
    held = np.flatnonzero(
        (table.device == device) & (table.reserved_ns <= time_ns) & (table.released_ns > time_ns)
    )
    held = held[np.argsort(table.address[held], kind="stable")]
    begin = table.address[held]
    end = begin + table.bytes[held]
    kind, stream = table.kind[held], table.stream[held]
    is_expandable = np.array([text == "expandable" for text in profile.strings], np.bool_)
    follows = np.zeros(len(held), np.bool_)
    follows[1:] = (begin[1:] <= end[:-1]) & (kind[1:] == kind[:-1]) & (stream[1:] == stream[:-1])
    follows &= np.append(is_expandable, False)[kind]
    first = np.flatnonzero(~follows)
    last = np.append(first[1:], len(held)) - 1
    return begin[first], end[last] if len(first) else end, held[first]


def _reached(block_end: Int64) -> Int64:
    """For each block the highest end of those before it."""
    before: Int64 = np.maximum.accumulate(np.append(0, block_end))[:-1]
    return before


def _largest_gap(
    begin: Int64, end: Int64, block_begin: Int64, block_end: Int64, inside: Int64
) -> int:
    """The longest piece of a segment without a block."""
    edges_begin = np.concatenate((begin, block_end))
    edges_end = np.concatenate((block_begin, end))
    owner_begin = np.concatenate((np.arange(len(begin)), inside))
    owner_end = np.concatenate((inside, np.arange(len(begin))))
    starts = edges_begin[np.lexsort((edges_begin, owner_begin))]
    stops = edges_end[np.lexsort((edges_end, owner_end))]
    return int((stops - starts).max(initial=0))
