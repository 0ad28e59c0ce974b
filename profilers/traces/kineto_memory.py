"""Blocks of PyTorch's allocators from the ``[memory]`` events of its profiler."""

from collections.abc import Sequence

import msgspec
import numpy as np

from profilers.profile import (
    NEVER_NS,
    Allocations,
    JsonColumn,
    Memory,
    MemoryCategory,
    MemoryCounters,
    Slices,
    StringPool,
)
from profilers.profile.table import Int32, Int64
from profilers.traces.chrome_events import ChromeEvents
from profilers.traces.chrome_flows import innermost
from profilers.traces.kineto import MEMORY_EVENT

_SOURCE = "Allocator events of torch.profiler"

AllocationRow = tuple[int, int, int, int, int, int, int, int]


class MemoryArguments(msgspec.Struct):
    """What one event says; `size` is negative where a block is freed."""

    address: int = msgspec.field(name="Addr", default=0)
    size: int = msgspec.field(name="Bytes", default=0)
    device_type: int = msgspec.field(name="Device Type", default=0)
    device_id: int = msgspec.field(name="Device Id", default=-1)
    allocated: int = msgspec.field(name="Total Allocated", default=-1)
    reserved: int = msgspec.field(name="Total Reserved", default=-1)

    @property
    def block(self) -> tuple[int, int, int]:
        return self.device_type, self.device_id, self.address

    @property
    def device(self) -> str:
        if self.device_type == 0:
            return "cpu"
        name = "cuda" if self.device_type == 1 else f"device {self.device_type}"
        return f"{name}:{max(self.device_id, 0)}"


def memory_events(
    events: ChromeEvents,
    arguments: JsonColumn,
    slices: Slices,
    track_rows: Int32,
    origin_ns: int,
    pool: StringPool,
) -> tuple[Int64, list[MemoryArguments], Int64]:
    """Time, arguments and enclosing slice (-1 for none) of each memory event, in time order."""
    instants = events.instants
    if not pool.has(MEMORY_EVENT):
        return np.empty(0, np.int64), [], np.empty(0, np.int64)
    decoder = msgspec.json.Decoder(MemoryArguments)
    chosen, told = [], []
    for row in np.flatnonzero(instants.name == pool.add(MEMORY_EVENT)).tolist():
        try:
            told.append(decoder.decode(arguments.text(row)))
        except msgspec.DecodeError:
            continue
        chosen.append(row)
    rows = np.array(chosen, np.int64)
    times = instants.start_ns[rows] - origin_ns
    tracks = track_rows[instants.track[rows]]
    order = np.argsort(times, kind="stable")
    enclosing = innermost(slices, tracks, times)
    return times[order], [told[row] for row in order.tolist()], enclosing[order]


def counters_told(
    times: Int64, told: Sequence[MemoryArguments], pool: StringPool
) -> MemoryCounters:
    """What the allocators themselves reported with each event."""
    return MemoryCounters.from_rows(
        (time, pool.add(each.device), each.allocated, each.reserved or -1)
        for time, each in zip(times.tolist(), told, strict=True)
        if each.allocated >= 0
    )


def memory_of_trace(
    times: Int64, told: Sequence[MemoryArguments], rows: Int64, pool: StringPool
) -> Memory:
    """What a trace alone tells: blocks paired by address, and what was there before.

    A block that is freed without having been allocated was there from the start; what the allocator
    counts beyond all these at its first event is one block that stays.
    """
    if not told:
        return Memory.empty()
    unknown = int(MemoryCategory.UNKNOWN)
    table: list[list[int]] = []
    open_rows: dict[tuple[int, int, int], int] = {}
    for time, each, row in zip(times.tolist(), told, rows.tolist(), strict=True):
        device = pool.add(each.device)
        if each.size > 0:
            open_rows[each.block] = len(table)
            table.append([max(time, 0), NEVER_NS, each.size, device, unknown, row, -1, -1])
        elif each.block in open_rows:
            table[open_rows.pop(each.block)][1] = max(time, 0)
        elif each.size < 0:
            table.append([0, max(time, 0), -each.size, device, unknown, -1, -1, -1])
    table += _from_before(told, table, pool)
    return Memory(_SOURCE, Allocations.from_rows(table), counters_told(times, told, pool))


def _from_before(
    told: Sequence[MemoryArguments], table: Sequence[Sequence[int]], pool: StringPool
) -> list[list[int]]:
    """One block for each device: what it held all the time."""
    first: dict[str, MemoryArguments] = {}
    for each in told:
        first.setdefault(each.device, each)
    found = []
    for name, each in first.items():
        device = pool.add(name)
        known = sum(row[2] for row in table if row[3] == device and row[0] == 0 and row[5] < 0)
        held = each.allocated - each.size - known
        if each.allocated >= 0 and held > 0:
            found.append([0, NEVER_NS, held, device, int(MemoryCategory.UNKNOWN), -1, -1, -1])
    return found
