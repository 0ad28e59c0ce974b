"""Device time by kernel name, for each device."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.device.work import DeviceWork, TimeRange, parts_within, work_by_device
from profilers.analysis.once import once
from profilers.profile import Profile
from profilers.profile.table import Float64, Int8, Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class KernelStatistics(Table):
    """One row per device, type of work and name, by time downwards within each device.

    `time_ns` adds up the parts inside the chosen range; the other figures are of whole slices.
    """

    rank: Int32 = column("i4")
    device: Int32 = column("i4")
    kind: Int8 = column("i1")  # SliceKind: KERNEL, COMMUNICATION or COPY
    name: Int32 = column("i4", refers="strings")
    count: Int64 = column("i8")
    time_ns: Int64 = column("i8")
    shortest_ns: Int64 = column("i8")
    longest_ns: Int64 = column("i8")
    mean_ns: Float64 = column("f8")


@once
def kernel_statistics(profile: Profile, within_ns: TimeRange | None = None) -> KernelStatistics:
    """Count and durations of each kernel."""
    tables = [_of_device(profile, work, within_ns) for work in work_by_device(profile)]
    return KernelStatistics(
        **{
            name: np.concatenate([np.empty(0, dtype), *(getattr(each, name) for each in tables)])
            for name, dtype in KernelStatistics.dtypes().items()
        }
    )


def _of_device(profile: Profile, work: DeviceWork, within_ns: TimeRange | None) -> KernelStatistics:
    slices = profile.trace.slices
    rows, begin, end = parts_within(profile, work.rows, within_ns)
    if not len(rows):
        return KernelStatistics.empty()
    key = slices.kind[rows].astype(np.int64) << 32 | slices.name[rows]
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(key[order]) > 0))
    durations = slices.duration_ns[rows[order]]
    count = np.diff(np.append(first, len(rows)))
    table = KernelStatistics.of(
        rank=np.full(len(first), work.rank),
        device=np.full(len(first), work.device),
        kind=key[order[first]] >> 32,
        name=slices.name[rows[order[first]]],
        count=count,
        time_ns=np.add.reduceat((end - begin)[order], first),
        shortest_ns=np.minimum.reduceat(durations, first),
        longest_ns=np.maximum.reduceat(durations, first),
        mean_ns=np.add.reduceat(durations, first) / count,
    )
    return table.take(np.argsort(-table.time_ns, kind="stable"))
