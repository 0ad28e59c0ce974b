"""When the events of a CUDA memory snapshot happened: microseconds as written, made nanoseconds in order."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from profilers.profile.table import Int64
from profilers.traces.allocator_annotations import Annotation, pair
from profilers.traces.allocator_events import AllocatorEvents, Mark

_LONGEST_US = 2**60 // 1000


@dataclass(frozen=True, eq=False)
class Clock:
    """Times of every device's events in ns from the first of all, and that one's time in us."""

    time_ns: list[Int64]
    begin_us: int
    annotations: list[Annotation]

    @classmethod
    def of(cls, events: list[AllocatorEvents], marks: list[Mark], flaws: Counter[str]) -> "Clock":
        """Several events of one microsecond follow each other by one ns.

        Without times the order counts, one microsecond an event; annotations then have no place.
        """
        untimed = sum(int((each.time_us < 0).sum()) for each in events)
        if untimed:
            flaws["events have no time; each is drawn one microsecond after the one before"] += (
                untimed
            )
            if marks:
                flaws["annotations are left out, since events have no time"] += len(marks)
            return cls([np.arange(len(each), dtype=np.int64) * 1000 for each in events], 0, [])
        timed = [each.time_us for each in events if len(each)]
        begin_us = min([int(each.min()) for each in timed], default=0)
        end_us = max([int(each.max()) for each in timed], default=0)
        near = [each for each in marks if begin_us <= each.time_us <= end_us]
        if len(near) < len(marks):
            flaws["annotations lie outside of the recording and are left out"] += len(marks) - len(
                near
            )
        end_us = min(end_us, begin_us + _LONGEST_US)
        near = [each for each in near if each.time_us <= end_us]
        times = [_ascending(each.time_us, begin_us, flaws) for each in events]
        return cls(times, begin_us, pair(near, begin_us, end_us, flaws))


def _ascending(written_us: Int64, begin_us: int, flaws: Counter[str]) -> Int64:
    if not len(written_us):
        return written_us
    time_us = np.maximum.accumulate(written_us)
    late = int((time_us != written_us).sum())
    if late:
        flaws["events go back in time; they are drawn where the one before them is"] += late
    first = np.searchsorted(time_us, time_us)
    time_ns = np.minimum(time_us - begin_us, _LONGEST_US) * 1000
    ascending: Int64 = np.maximum.accumulate(time_ns + np.arange(len(time_ns)) - first)
    return ascending
