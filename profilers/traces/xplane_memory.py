"""Allocator events of an XPlane, paired by address into allocations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from profilers.traces.xplane_arguments import stat_values
from profilers.traces.xplane_proto import parse_event

_MOST_BYTES = 2**62
_GPU = re.compile(r"GPU_(\d+)")
_CATEGORY = {"output": MemoryCategory.ACTIVATION, "temp": MemoryCategory.TEMPORARY}


@dataclass(frozen=True)
class MemoryEvent:
    """One call of a traced allocator."""

    time_ns: int
    is_allocation: bool
    address: Any  # only ever compared
    bytes: int
    allocated_bytes: int  # in use after the call
    reserved_bytes: int
    allocator: str
    region: str  # "output", "temp", "" if the allocator does not know
    operation: str  # name of the node that asked for it, "" if the allocator does not know
    track: int
    host: str  # "" if the run had only one

    @property
    def device(self) -> str:
        """The allocator's GPU, else the host."""
        gpu = _GPU.match(self.allocator)
        name = f"cuda:{gpu[1]}" if gpu else "cpu"
        return f"{self.host}: {name}" if self.host else name


def memory_event(
    data: bytes, is_allocation: bool, names: Mapping[int, str], time_ns: int, track: int, host: str
) -> MemoryEvent:
    """What an encoded XEvent says; `names` are those of its stats.

    Raises
    ------
    ValueError
        If the bytes are no event.
    """
    stats = stat_values(parse_event(data).stats, names)
    return MemoryEvent(
        time_ns,
        is_allocation,
        stats.get("addr"),
        _number(stats, "allocation_bytes"),
        _number(stats, "bytes_allocated"),
        _number(stats, "bytes_reserved"),
        str(stats.get("allocator_name", "")),
        str(stats.get("region_type", "")),
        str(stats.get("tf_op", "")),
        track,
        host,
    )


def read_memory(
    events: Sequence[MemoryEvent], slice_rows: Int64, pool: StringPool
) -> tuple[Memory, list[str]]:
    """Allocations in order of time, and the name of the node that asked for each.

    A block that is freed without having been allocated in the trace was there before it.

    Parameters
    ----------
    events : sequence of MemoryEvent
        In any order.
    slice_rows : ndarray of int64
        For each event the slice that encloses it, -1 for none.
    """
    if not events:
        return Memory.empty(), []
    rows: list[tuple[int, ...]] = []
    counters = []
    operations: list[str] = []
    alive: dict[tuple[str, str, Any], int] = {}
    for index in np.argsort([event.time_ns for event in events], kind="stable").tolist():
        event = events[index]
        device = pool.add(event.device)
        counters.append((event.time_ns, device, event.allocated_bytes, event.reserved_bytes))
        key = (event.device, event.allocator, event.address)
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


def _number(stats: Mapping[str, Any], name: str) -> int:
    """A whole number of a stat, -1 for anything else."""
    value = stats.get(name, -1)
    return value if isinstance(value, int) and abs(value) <= _MOST_BYTES else -1
