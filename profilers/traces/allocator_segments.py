"""When an allocator took which address range from the device, and gave it back."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from profilers.profile import NEVER_NS, Segments, StringPool
from profilers.profile.table import Int64
from profilers.traces.allocator_events import Action, AllocatorEvents
from profilers.traces.allocator_replay import EXPANDABLE, Segment

_MOST_CHANGES = 100_000
_MOST_LOOKS = 100_000


class HeldRange(NamedTuple):
    """Addresses from `begin` to `end`, held from `since_ns` to `until_ns`."""

    begin: int
    end: int
    since_ns: int
    until_ns: int
    stream: int
    kind: str


def held_ranges(
    events: AllocatorEvents, time_ns: Int64, segments: Sequence[Segment], flaws: Counter[str]
) -> list[HeldRange]:
    """Every range that one device's allocator held, in the order in which they ended.

    What the segments at the end hold, but nobody saw them take, was there before the recording.
    """
    changes = np.flatnonzero(np.isin(events.action, (Action.SEGMENT_ALLOC, Action.SEGMENT_FREE)))
    if len(changes) > _MOST_CHANGES:
        flaws["segments changed too often to be drawn; those at the end are drawn alone"] += 1
        changes = changes[:0]
    held = _Held()
    for row in changes.tolist():
        begin, at_ns = int(events.address[row]), int(time_ns[row])
        end = begin + int(events.bytes[row])
        held.end(begin, end, at_ns, is_release=events.action[row] == Action.SEGMENT_FREE)
        if events.action[row] == Action.SEGMENT_ALLOC:
            held.begin(begin, end, at_ns, int(events.stream[row]))
    # of what was given back nobody tells the kind, but the setting holds for all
    gone = EXPANDABLE if any(each.is_expandable for each in segments) else ""
    ended = [each._replace(kind=gone) for each in held.ended]
    return [*ended, *held.at_the_end(segments)]


def segments_table(ranges: Sequence[HeldRange], device: int, pool: StringPool) -> Segments:
    """The ranges of one device, whose name is that row of the pool."""
    columns = np.array([each[:5] for each in ranges], np.int64).reshape(len(ranges), 5)
    begin, end, since_ns, until_ns, stream = columns.T
    return Segments.of(
        address=begin,
        bytes=end - begin,
        reserved_ns=since_ns,
        released_ns=until_ns,
        device=np.full(len(ranges), device),
        stream=stream,
        kind=np.array([pool.add(each.kind) if each.kind else -1 for each in ranges], np.int32),
    )


class _Held:
    """Ranges held now, by address, and those that ended."""

    def __init__(self) -> None:
        self.ended: list[HeldRange] = []
        self._begins: list[int] = []
        self._ranges: list[HeldRange] = []

    def begin(self, begin: int, end: int, at_ns: int, stream: int) -> None:
        if end > begin:
            place = bisect_left(self._begins, begin)
            self._begins.insert(place, begin)
            self._ranges.insert(place, HeldRange(begin, end, at_ns, NEVER_NS, stream, ""))

    def end(self, begin: int, end: int, at_ns: int, *, is_release: bool) -> None:
        """Cut what is held of a range; a part that nobody saw taken was held from the beginning."""
        first, last = self._overlap(begin, end)
        cut = self._ranges[first:last]
        left = []
        for each in cut:
            inner = each._replace(begin=max(each.begin, begin), end=min(each.end, end))
            self.ended.append(inner._replace(until_ns=at_ns))
            left += [each._replace(end=begin)] if each.begin < begin else []
            left += [each._replace(begin=end)] if each.end > end else []
        if is_release:
            self.ended += [
                HeldRange(gap_begin, gap_end, 0, at_ns, 0, "")
                for gap_begin, gap_end in _gaps(begin, end, cut)
            ]
        self._ranges[first:last] = left
        self._begins[first:last] = [each.begin for each in left]

    def at_the_end(self, segments: Sequence[Segment]) -> Iterator[HeldRange]:
        """What is held still, named for its segment."""
        named = dict[int, Segment]()
        looks = _MOST_LOOKS + len(self._ranges)
        for segment in segments:
            end = segment.address + segment.bytes
            first, last = self._overlap(segment.address, end)
            looks -= last - first
            if looks < 0:  # segments that lie over each other, which no allocator has
                break
            named |= dict.fromkeys(range(first, last), segment)
            for gap_begin, gap_end in _gaps(segment.address, end, self._ranges[first:last]):
                yield HeldRange(gap_begin, gap_end, 0, NEVER_NS, segment.stream, segment.kind)
        for place, each in enumerate(self._ranges):
            yield each._replace(kind=named[place].kind) if place in named else each

    def _overlap(self, begin: int, end: int) -> tuple[int, int]:
        first = bisect_right(self._begins, begin)
        if first and self._ranges[first - 1].end > begin:
            first -= 1
        return first, max(bisect_left(self._begins, end), first)


def _gaps(begin: int, end: int, ranges: Sequence[HeldRange]) -> Iterator[tuple[int, int]]:
    """Parts of a range that no other, of rising and disjoint ones, covers."""
    at = begin
    for each in ranges:
        if each.begin > at:
            yield at, each.begin
        at = max(at, each.end)
    if at < end:
        yield at, end
