"""When a stream or a device worked, as disjoint intervals: shares, sums and gaps by binary search."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from profilers.analysis.intervals import merged
from profilers.profile import WORK_KINDS, Slices
from profilers.profile.table import Float64, Int64
from views.timeline.layout import TrackOrder


@dataclass(frozen=True, eq=False)
class BusyTimes:
    """Disjoint intervals in time order; `before_ns` is the busy time before each of them."""

    start_ns: Int64
    end_ns: Int64
    before_ns: Int64

    @classmethod
    def union(cls, start_ns: Int64, end_ns: Int64) -> Self:
        """The union of intervals in any order; those that touch become one."""
        start_ns, end_ns = merged(start_ns, end_ns)
        length_ns = end_ns - start_ns
        return cls(start_ns, end_ns, np.cumsum(length_ns) - length_ns)

    def until(self, times_ns: Float64) -> Float64:
        """Busy time before each of the given moments."""
        if not len(self.start_ns):
            return np.zeros(len(times_ns))
        # Whole ns as bounds keep the search in integers, and move no moment across a start.
        at = np.searchsorted(self.start_ns, np.floor(times_ns).astype(np.int64), "right") - 1
        place = np.maximum(at, 0)
        inside = np.minimum(times_ns, self.end_ns[place]) - self.start_ns[place]
        return np.where(at >= 0, self.before_ns[place] + inside, 0.0)

    def shares(self, edges: Float64) -> Float64:
        """Busy share between each two neighbouring moments."""
        return np.clip(np.diff(self.until(edges)) / np.diff(edges), 0.0, 1.0)

    def gaps(self, begin_ns: float, end_ns: float, shortest_ns: float) -> tuple[Int64, Int64]:
        """Starts and ends of gaps of at least `shortest_ns` that lie in sight, whole or in part.

        Such a gap holds a point of any grid of that spacing, so only those points are looked up.
        """
        if self._longest_gap_ns < shortest_ns:
            none = np.empty(0, np.int64)
            return none, none
        points = np.arange(begin_ns, end_ns + shortest_ns, shortest_ns)
        before = np.searchsorted(self.start_ns, points.astype(np.int64), "right") - 1
        before = before[(before >= 0) & (before + 1 < len(self.start_ns))]
        before = before[np.append(True, before[1:] != before[:-1])[: len(before)]]
        idle_from, idle_until = self.end_ns[before], self.start_ns[before + 1]
        is_shown = (idle_until > begin_ns) & (idle_from < end_ns)
        is_shown &= idle_until - idle_from >= shortest_ns
        return idle_from[is_shown], idle_until[is_shown]

    @cached_property
    def _longest_gap_ns(self) -> int:
        return int((self.start_ns[1:] - self.end_ns[:-1]).max(initial=-1))

    def gap_at(self, time_ns: float) -> tuple[int, int] | None:
        """The gap that holds a moment; None where it is busy, or before and after all work."""
        before = int(np.searchsorted(self.start_ns, int(time_ns), "right")) - 1
        if not 0 <= before < len(self.start_ns) - 1 or self.end_ns[before] > time_ns:
            return None
        return int(self.end_ns[before]), int(self.start_ns[before + 1])


class DeviceWork:
    """Busy times of streams and devices, computed when first asked for."""

    def __init__(self, slices: Slices, order: TrackOrder) -> None:
        self._slices = slices
        self._first_row = order.first_row
        self._streams = order.streams
        self._of_track: dict[int, BusyTimes] = {}
        self._of_group: dict[str, BusyTimes] = {}

    def of_stream(self, track: int) -> BusyTimes:
        """Kernels, copies and collectives of one stream; ranges that merely enclose them do not count."""
        if track not in self._of_track:
            rows = slice(*self._first_row[track : track + 2].tolist())
            is_work = np.isin(self._slices.kind[rows], WORK_KINDS, kind="table")
            start_ns = self._slices.start_ns[rows][is_work]
            end_ns = start_ns + self._slices.duration_ns[rows][is_work]
            self._of_track[track] = BusyTimes.union(start_ns, end_ns)
        return self._of_track[track]

    def prepare(self) -> None:
        """Compute them all."""
        for group, streams in self._streams.items():
            if streams:
                self.of_device(group)

    def of_device(self, group: str) -> BusyTimes:
        """When any of a device's streams worked."""
        if group not in self._of_group:
            streams = [self.of_stream(track) for track in self._streams[group]]
            self._of_group[group] = _merged(streams)
        return self._of_group[group]


def _merged(parts: Sequence[BusyTimes]) -> BusyTimes:
    none = np.empty(0, np.int64)
    return BusyTimes.union(
        np.concatenate([none, *(part.start_ns for part in parts)]),
        np.concatenate([none, *(part.end_ns for part in parts)]),
    )
