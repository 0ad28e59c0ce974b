"""What each device did with its time: computing, communicating, copying, or nothing.

Each kind of work is summed by interval union over the device's streams, so that streams which run
at the same time are not counted twice. `busy_ns`, `compute_ns` and `idle_ns` are the measures that
HolisticTraceAnalysis calls temporal breakdown; its synchronisation records on streams count as
busy there, here they do not, since nothing runs on the device for them.
"""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.device.work import TimeRange, parts_within, work_by_device
from profilers.analysis.intervals import lengths_by_cover, union
from profilers.analysis.once import once
from profilers.profile import WORK_KINDS, Profile
from profilers.profile.table import Int32, Int64, Table, column

_COVERS = np.arange(1 << len(WORK_KINDS))
_COMPUTE, _COMMUNICATION, _COPY = (_COVERS >> bit & 1 == 1 for bit in range(len(WORK_KINDS)))


@dataclass(frozen=True, eq=False)
class DeviceTime(Table):
    """One row per device. Compute, exposed communication, exposed copies and idle time add up to
    ``end_ns - begin_ns``: the chosen range, else from the device's first work to its last.
    """

    rank: Int32 = column("i4")
    device: Int32 = column("i4")
    begin_ns: Int64 = column("i8")
    end_ns: Int64 = column("i8")
    busy_ns: Int64 = column("i8")
    idle_ns: Int64 = column("i8")
    compute_ns: Int64 = column("i8")
    communication_ns: Int64 = column("i8")
    copy_ns: Int64 = column("i8")
    exposed_communication_ns: Int64 = column("i8")  # while nothing computes
    exposed_copy_ns: Int64 = column("i8")  # while nothing computes or communicates


@once
def device_time(profile: Profile, within_ns: TimeRange | None = None) -> DeviceTime:
    """Busy and idle time of each device, over its whole work or a time range."""
    rows = []
    for work in work_by_device(profile):
        time_ns = time_by_cover(profile, work.rows, within_ns)
        begin_ns, end_ns = within_ns or span_ns(profile, work.rows)
        busy_ns = int(time_ns.sum())
        rows.append((
            work.rank, work.device, begin_ns, end_ns, busy_ns, end_ns - begin_ns - busy_ns,
            time_ns[_COMPUTE].sum(), time_ns[_COMMUNICATION].sum(), time_ns[_COPY].sum(),
            time_ns[_COMMUNICATION & ~_COMPUTE].sum(),
            time_ns[_COPY & ~_COMMUNICATION & ~_COMPUTE].sum(),
        ))  # fmt: skip
    return DeviceTime.from_rows(rows)


def time_by_cover(profile: Profile, rows: Int64, within_ns: TimeRange | None = None) -> Int64:
    """Busy time for each combination of `WORK_KINDS` that ran at once, in ns.

    Entry ``c`` is the time when just the kinds ran whose bit is set in ``c``; entry 0 is zero.
    """
    rows, begin, end = parts_within(profile, rows, within_ns)
    kinds = profile.trace.slices.kind[rows]
    time_ns = lengths_by_cover(
        [union(begin[kinds == kind], end[kinds == kind]) for kind in WORK_KINDS]
    )
    time_ns[0] = 0
    return time_ns


def span_ns(profile: Profile, rows: Int64) -> TimeRange:
    """From the first begin to the last end; (0, 0) for no rows."""
    slices = profile.trace.slices
    if not len(rows):
        return 0, 0
    begin = slices.start_ns[rows]
    return int(begin.min()), int((begin + slices.duration_ns[rows]).max())
