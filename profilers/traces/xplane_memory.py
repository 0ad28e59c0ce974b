"""Allocator calls of an XPlane, paired by address into allocations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCategory,
    MemoryCounters,
    StringPool,
)
from profilers.profile.table import Int32, Int64
from profilers.traces.xplane_batches import EventBatch, StatKind
from profilers.traces.xplane_types import PlaneTexts

MEMORY_STATS = (
    *("addr", "allocation_bytes", "bytes_allocated", "bytes_reserved"),
    *("allocator_name", "region_type", "tf_op"),
)

_SOURCE = "allocator events of TensorFlow's and XLA's profiler"
_GPU = re.compile(r"GPU_(\d+)")
_MOST_BYTES = 2**62
_CATEGORY = {"output": MemoryCategory.ACTIVATION, "temp": MemoryCategory.TEMPORARY}


@dataclass(frozen=True, eq=False)
class MemoryCalls:
    """Calls of traced allocators on one track; texts are rows of a pool of their own."""

    host: str  # "" if the run had only one
    track: int
    time_ns: Int64
    is_allocation: NDArray[np.bool_]
    address: Int64
    bytes: Int64  # -1 where not told, as for all sizes
    allocated_bytes: Int64  # in use after the call
    reserved_bytes: Int64
    allocator: Int32
    region: Int32  # "output", "temp", "" if the allocator does not know
    operation: Int32  # name of the node that asked for it, "" if the allocator does not know

    def __len__(self) -> int:
        return len(self.time_ns)


def memory_calls(
    batch: EventBatch,
    events: Int64,
    is_allocation: NDArray[np.bool_],
    time_ns: Int64,
    plane: PlaneTexts,
    host: str,
    texts: StringPool,
) -> MemoryCalls:
    """Some events of a batch as allocator calls; their track is not known yet."""

    def integers(name: str) -> Int64:
        values = np.full(len(batch), -1, np.int64)
        having, found = batch.stats.integers(plane.stat_ids(name))
        values[having] = found
        return values[events]

    def sizes(name: str) -> Int64:
        values = integers(name)
        return np.where((values >= 0) & (values <= _MOST_BYTES), values, -1)

    def strings(name: str) -> Int32:
        values = np.full(len(batch), texts.add(""), np.int32)
        _add_strings(batch, plane.stat_ids(name), plane.stat_names, texts, values)
        return values[events]

    return MemoryCalls(
        host, -1, time_ns, is_allocation, integers("addr"),
        sizes("allocation_bytes"), sizes("bytes_allocated"), sizes("bytes_reserved"),
        strings("allocator_name"), strings("region_type"), strings("tf_op"),
    )  # fmt: skip


def read_memory(
    parts: Sequence[MemoryCalls], slice_rows: Int64, texts: StringPool, pool: StringPool
) -> tuple[Memory, list[str]]:
    """Allocations in order of time, and the name of the node that asked for each.

    A block that is freed without having been allocated in the trace was there before it.

    Parameters
    ----------
    parts : sequence of MemoryCalls
        In any order.
    slice_rows : ndarray of int64
        For each call the slice that encloses it, -1 for none.
    texts : StringPool
        What the texts of the calls are rows of.
    pool : StringPool
        The profile's strings; devices are added.
    """
    if not parts:
        return Memory.empty(), []
    names = texts.table()
    time_ns, address, size, allocated, reserved = (
        np.concatenate([getattr(part, field) for part in parts])
        for field in ("time_ns", "address", "bytes", "allocated_bytes", "reserved_bytes")
    )
    is_allocation = np.concatenate([part.is_allocation for part in parts])
    region = np.concatenate([part.region for part in parts])
    operation = np.concatenate([part.operation for part in parts])
    device, owner = _owners(parts, names, pool)
    by_block = np.lexsort((time_ns, address, owner))
    allocation_of = _allocation_of(by_block, is_allocation, owner, address)
    freed_ns = np.full(len(time_ns), NEVER_NS)
    known = np.flatnonzero(allocation_of >= 0)
    freed_ns[allocation_of[known]] = time_ns[known]
    is_older = ~is_allocation & (allocation_of < 0)
    freed_ns[is_older] = time_ns[is_older]
    by_time = np.argsort(time_ns, kind="stable")
    rows = by_time[(is_allocation | is_older)[by_time]]
    old = is_older[rows]
    category = np.array([_CATEGORY.get(each, MemoryCategory.UNKNOWN) for each in names], np.int8)
    none = np.full(len(rows), -1, np.int32)
    allocations = Allocations.of(
        allocated_ns=np.where(old, 0, time_ns[rows]),
        freed_ns=freed_ns[rows],
        bytes=np.maximum(size[rows], 0),
        device=device[rows],
        category=np.where(old, MemoryCategory.UNKNOWN, category[region[rows]]),
        slice=np.where(old, -1, slice_rows[rows]),
        node=none,
        parameter=none,
    )
    counters = MemoryCounters.of(
        time_ns=time_ns[by_time],
        device=device[by_time],
        allocated_bytes=allocated[by_time],
        reserved_bytes=reserved[by_time],
    )
    operations = [
        "" if is_old else names[row]
        for row, is_old in zip(operation[rows].tolist(), old.tolist(), strict=True)
    ]
    return Memory(_SOURCE, allocations, counters), operations


def _allocation_of(
    by_block: Int64, is_allocation: NDArray[np.bool_], owner: Int64, address: Int64
) -> Int64:
    """For each call that frees what the call before it on the same block allocated, that call."""
    before, after = by_block[:-1], by_block[1:]
    is_pair = is_allocation[before] & ~is_allocation[after]
    is_pair &= (owner[before] == owner[after]) & (address[before] == address[after])
    found = np.full(len(by_block), -1, np.int64)
    found[after[is_pair]] = before[is_pair]
    return found


def _owners(
    parts: Sequence[MemoryCalls], names: Sequence[str], pool: StringPool
) -> tuple[Int32, Int64]:
    """For each call the device as a row of the pool, and the allocator as a number of its own."""
    devices, owners, numbers = [], [], StringPool()
    for part in parts:
        used = np.unique(part.allocator).tolist()
        device, owner = np.zeros((2, max(used, default=-1) + 1), np.int64)
        for row in used:
            device[row] = pool.add(_device(names[row], part.host))
            owner[row] = numbers.add(f"{part.host}\n{names[row]}")
        devices.append(device[part.allocator])
        owners.append(owner[part.allocator])
    return np.concatenate(devices).astype(np.int32), np.concatenate(owners)


def _device(allocator: str, host: str) -> str:
    """The allocator's GPU, else the host."""
    gpu = _GPU.match(allocator)
    name = f"cuda:{gpu[1]}" if gpu else "cpu"
    return f"{host}: {name}" if host else name


def _add_strings(
    batch: EventBatch, ids: Int64, stat_names: Mapping[int, str], texts: StringPool, into: Int32
) -> None:
    """Write the rows of some stats' texts, by event."""
    stats = batch.stats
    rows = stats.rows(ids, StatKind.REFERENCE)
    references, place = np.unique(stats.value[rows], return_inverse=True)
    found = [texts.add(stat_names.get(each, "")) for each in references.tolist()]
    into[stats.event[rows]] = np.array(found, np.int32)[place]
    rows = stats.rows(ids, StatKind.TEXT)
    into[stats.event[rows]] = [
        texts.add(batch.text[begin:end].decode("utf-8", "replace"))
        for begin, end in zip(stats.value[rows].tolist(), stats.end[rows].tolist(), strict=True)
    ]
