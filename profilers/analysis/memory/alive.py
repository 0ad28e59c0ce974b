"""The largest blocks that a run made and that are alive at a moment, without a look at all others."""

import numpy as np

from profilers.analysis.once import once
from profilers.profile import NEVER_NS, Profile
from profilers.profile.table import Int64

_LOOKED_AT = 4096  # blocks at a time


@once
def by_size(profile: Profile, device: int) -> Int64:
    """Blocks of a device, the largest first; not those that last from beginning to end."""
    allocations = profile.memory.allocations
    is_passing = (allocations.allocated_ns > 0) | (allocations.freed_ns != NEVER_NS)
    rows = np.flatnonzero((allocations.device == device) & is_passing)
    rows = rows[np.argsort(-allocations.bytes[rows])]
    rows.flags.writeable = False
    return rows


def largest_alive(profile: Profile, device: int, time_ns: int, most: int) -> Int64:
    """At most so many blocks that are alive at a moment, as `by_size` has them."""
    allocations, order = profile.memory.allocations, by_size(profile, device)
    found: list[Int64] = []
    count = 0
    for begin in range(0, len(order), _LOOKED_AT):
        rows = order[begin : begin + _LOOKED_AT]
        is_alive = (allocations.allocated_ns[rows] <= time_ns) & (
            allocations.freed_ns[rows] > time_ns
        )
        found.append(rows[is_alive])
        count += len(found[-1])
        if count >= most:
            break
    return np.concatenate([np.empty(0, np.int64), *found])[:most]
