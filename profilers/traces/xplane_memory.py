"""Allocator events of an XPlane, paired by address into allocations."""

from collections.abc import Sequence

import numpy as np

from profilers.profile import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCategory,
    MemoryCounters,
    StringPool,
)
from profilers.profile.table import Int64
from profilers.traces.xplane_events import MemoryEvent

_CATEGORY = {"output": MemoryCategory.ACTIVATION, "temp": MemoryCategory.TEMPORARY}


def read_memory(
    events: Sequence[MemoryEvent], slice_rows: Int64, devices: Sequence[str], pool: StringPool
) -> tuple[Memory, list[str]]:
    """Allocations in order of time, and the name of the node that asked for each.

    A block that is freed without having been allocated in the trace was there before it.

    Parameters
    ----------
    events : sequence of MemoryEvent
        In any order.
    slice_rows : ndarray of int64
        For each event the slice that encloses it, -1 for none.
    devices : sequence of str
        For each event the device whose memory it is.
    """
    if not events:
        return Memory.empty(), []
    rows: list[tuple[int, ...]] = []
    counters = []
    operations: list[str] = []
    alive: dict[tuple[str, int], int] = {}
    for index in np.argsort([event.time_ns for event in events], kind="stable").tolist():
        event, device = events[index], pool.add(devices[index])
        counters.append((event.time_ns, device, event.allocated_bytes, event.reserved_bytes))
        key = (f"{devices[index]} {event.allocator}", event.address)
        if event.is_allocation:
            alive[key] = len(rows)
            category = _CATEGORY.get(event.region, MemoryCategory.UNKNOWN)
            operations.append(event.operation)
            rows.append(
                (event.time_ns, NEVER_NS, max(event.bytes, 0), device, category,
                 int(slice_rows[index]), -1, -1)
            )  # fmt: skip
            continue
        known = alive.pop(key, None)
        if known is None:
            operations.append("")
            rows.append((0, event.time_ns, max(event.bytes, 0), device, 0, -1, -1, -1))
        else:
            rows[known] = (rows[known][0], event.time_ns, *rows[known][2:])
    source = "allocator events of the TensorFlow profiler"
    memory = Memory(source, Allocations.from_rows(rows), MemoryCounters.from_rows(counters))
    return memory, operations
