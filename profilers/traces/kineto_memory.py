"""Blocks of PyTorch's allocators from the ``[memory]`` events of its profiler."""

from dataclasses import dataclass

import numpy as np

from profilers.profile import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCategory,
    MemoryCounters,
)
from profilers.profile.table import Int32, Int64, Table, column
from profilers.traces.argument_numbers import argument_numbers
from profilers.traces.chrome_flows import innermost
from profilers.traces.chrome_trace import ChromeTrace
from profilers.traces.kineto import MEMORY_EVENT

_SOURCE = "Allocator events of torch.profiler"
_MOST_DEVICES = 1000  # the rest counts as one more


# What an event says, and what is taken where it does not.
_TOLD = {
    "Addr": 0,
    "Bytes": 0,
    "Device Type": 0,
    "Device Id": -1,
    "Total Allocated": -1,
    "Total Reserved": -1,
}


@dataclass(frozen=True, eq=False)
class MemoryEvents(Table):
    """Memory events in time order."""

    time_ns: Int64 = column("i8")
    address: Int64 = column("i8")
    bytes: Int64 = column("i8")  # below zero where a block is freed
    device: Int32 = column("i4")  # string row of its name
    allocated_bytes: Int64 = column("i8")  # what the allocator counts, -1 if it did not
    reserved_bytes: Int64 = column("i8")
    slice: Int64 = column("i8")  # that was running, -1 for none

    def counters(self) -> MemoryCounters:
        """What the allocators themselves reported with each event."""
        rows = self.allocated_bytes >= 0
        reserved = self.reserved_bytes[rows]
        return MemoryCounters.of(
            time_ns=self.time_ns[rows],
            device=self.device[rows],
            allocated_bytes=self.allocated_bytes[rows],
            reserved_bytes=np.where(reserved > 0, reserved, -1),
        )

    def blocks(self) -> tuple[Int64, Int64, Int64]:
        """Events that allocate, the event that frees each of them (-1: none), and other frees.

        A block ends with the next event of its device and address. If that is another allocation,
        a thread that is not profiled freed the block, at the latest then.
        """
        order = np.lexsort((np.arange(len(self)), self.address, self.device))
        is_alloc = self.bytes[order] > 0
        same = np.zeros(len(self), np.bool_)
        same[:-1] = (self.address[order[1:]] == self.address[order[:-1]]) & (
            self.device[order[1:]] == self.device[order[:-1]]
        )
        follows = np.append(order[1:], -1)
        freed_by = np.full(len(self), -1, np.int64)
        freed_by[order] = np.where(is_alloc & same, follows, -1)
        allocs = np.flatnonzero(self.bytes > 0)
        is_paired = np.zeros(len(self) + 1, np.bool_)
        is_paired[freed_by[allocs]] = True
        lone = np.flatnonzero((self.bytes < 0) & ~is_paired[:-1])
        return allocs, freed_by[allocs], lone


def memory_events(found: ChromeTrace) -> MemoryEvents:
    """The memory events of a trace; those that cannot be read are left out."""
    instants, pool = found.events.instants, found.pool
    if not pool.has(MEMORY_EVENT):
        return MemoryEvents.empty()
    rows = np.flatnonzero(instants.name == pool.add(MEMORY_EVENT))
    told = argument_numbers(found.instant_arguments, rows, _TOLD)
    is_event = told["Bytes"] != 0
    rows, told = rows[is_event], {key: values[is_event] for key, values in told.items()}
    time_ns = instants.start_ns[rows] - found.origin_ns
    order = np.argsort(time_ns, kind="stable")
    enclosing = innermost(found.trace.slices, found.track_rows[instants.track[rows]], time_ns)
    distinct, device = _pairs(told["Device Type"][order], told["Device Id"][order])
    names = [pool.add(_device(*pair)) for pair in distinct]
    return MemoryEvents.of(
        time_ns=np.maximum(time_ns[order], 0),
        address=told["Addr"][order],
        bytes=told["Bytes"][order],
        device=np.array(names, np.int32)[device],
        allocated_bytes=told["Total Allocated"][order],
        reserved_bytes=told["Total Reserved"][order],
        slice=enclosing[order],
    )


def memory_of_trace(events: MemoryEvents) -> Memory:
    """What a trace alone tells: blocks paired by address, and what was there before.

    A block that is freed without having been allocated was there from the start; what the allocator
    counts beyond all these at its first event is one block that stays.
    """
    if not len(events):
        return Memory.empty()
    allocs, freed_by, lone = events.blocks()
    freed_ns = np.append(events.time_ns, NEVER_NS)[freed_by]
    devices, first = np.unique(events.device, return_index=True)
    known = np.zeros(len(devices), np.int64)
    np.add.at(known, np.searchsorted(devices, events.device[lone]), -events.bytes[lone])
    held = events.allocated_bytes[first] - events.bytes[first] - known
    stays = (events.allocated_bytes[first] >= 0) & (held > 0)
    zeros = np.zeros(len(lone) + int(stays.sum()), np.int64)
    none = np.full(len(zeros) + len(allocs), -1, np.int32)
    allocations = Allocations.of(
        allocated_ns=np.concatenate((events.time_ns[allocs], zeros)),
        freed_ns=np.concatenate(
            (freed_ns, events.time_ns[lone], np.full(int(stays.sum()), NEVER_NS))
        ),
        bytes=np.concatenate((events.bytes[allocs], -events.bytes[lone], held[stays])),
        device=np.concatenate((events.device[allocs], events.device[lone], devices[stays])),
        category=np.full(len(none), MemoryCategory.UNKNOWN),
        slice=np.concatenate((events.slice[allocs], zeros - 1)),
        node=none,
        parameter=none,
    )
    return Memory(_SOURCE, allocations, events.counters())


def _pairs(first: Int64, second: Int64) -> tuple[list[tuple[int, int]], Int64]:
    """The distinct pairs, few of them, and which one each row is."""
    found: list[tuple[int, int]] = []
    which = np.full(len(first), -1, np.int64)
    rows = np.arange(len(first))
    while len(rows) and len(found) < _MOST_DEVICES:
        pair = (int(first[rows[0]]), int(second[rows[0]]))
        is_same = (first[rows] == pair[0]) & (second[rows] == pair[1])
        which[rows[is_same]] = len(found)
        found.append(pair)
        rows = rows[~is_same]
    if len(rows):
        which[rows] = len(found)
        found.append((int(first[rows[0]]), int(second[rows[0]])))
    return found, which


def _device(kind: int, number: int) -> str:
    if kind == 0:
        return "cpu"
    return f"{'cuda' if kind == 1 else f'device {kind}'}:{max(number, 0)}"
