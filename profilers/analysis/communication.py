"""How much of a device's communication is hidden behind computation."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.device.time import DeviceTime
from profilers.profile.table import Float64, Int32, Int64, Table, column


@dataclass(frozen=True, eq=False)
class CommunicationOverlap(Table):
    """One row per device; `share` is NaN where the device does not communicate."""

    rank: Int32 = column("i4")
    device: Int32 = column("i4")
    communication_ns: Int64 = column("i8")
    hidden_ns: Int64 = column("i8")  # while the same device computes
    share: Float64 = column("f8")  # hidden_ns / communication_ns, 0 to 1


def communication_overlap(time: DeviceTime) -> CommunicationOverlap:
    """The measure that HolisticTraceAnalysis calls communication computation overlap."""
    hidden_ns = time.communication_ns - time.exposed_communication_ns
    known = time.communication_ns > 0
    share = np.full(len(time), np.nan)
    share[known] = hidden_ns[known] / time.communication_ns[known]
    return CommunicationOverlap(time.rank, time.device, time.communication_ns, hidden_ns, share)
