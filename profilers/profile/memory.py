"""Who held how many bytes, from when to when."""

from dataclasses import dataclass, field
from enum import IntEnum

from profilers.profile.table import Int8, Int32, Int64, Table, column

NEVER_NS = 2**63 - 1  # freed_ns of what was still alive when the capture ended


class MemoryCategory(IntEnum):
    UNKNOWN = 0
    PARAMETER = 1
    ACTIVATION = 2
    GRADIENT = 3
    OPTIMISER_STATE = 4
    INPUT = 5
    TEMPORARY = 6
    GATHERED_PARAMETER = 7  # of all ranks, for as long as a module needs them


@dataclass(frozen=True, eq=False)
class Allocations(Table):
    """One row per block. What was alive before the capture has ``allocated_ns`` 0."""

    allocated_ns: Int64 = column("i8")  # since the profile's start
    freed_ns: Int64 = column("i8")  # NEVER_NS if it outlived the capture
    bytes: Int64 = column("i8")
    device: Int32 = column("i4", refers="strings")  # "cpu", "cuda:0"
    category: Int8 = column("i1")  # MemoryCategory
    slice: Int32 = column("i4", refers="slices")  # the slice that allocated it
    node: Int32 = column("i4", refers="authored")
    parameter: Int32 = column("i4", refers="authored parameters")


@dataclass(frozen=True, eq=False)
class MemoryCounters(Table):
    """What the allocator itself reported, where it does."""

    time_ns: Int64 = column("i8")
    device: Int32 = column("i4", refers="strings")
    allocated_bytes: Int64 = column("i8")
    reserved_bytes: Int64 = column("i8")  # -1 if not reported


@dataclass(frozen=True, eq=False)
class Segments(Table):
    """Address ranges that an allocator held; parts of one that came or went apart are rows."""

    address: Int64 = column("i8")
    bytes: Int64 = column("i8")
    reserved_ns: Int64 = column("i8")  # 0 for what was held before the capture
    released_ns: Int64 = column("i8")  # NEVER_NS if it was held to the end
    device: Int32 = column("i4", refers="strings")
    stream: Int64 = column("i8")
    kind: Int32 = column("i4", refers="strings")  # "large", "small", "expandable"


@dataclass(frozen=True, eq=False)
class Placements(Table):
    """Where blocks lie, if the allocator told."""

    allocation: Int32 = column("i4", refers="allocations")
    address: Int64 = column("i8")
    bytes: Int64 = column("i8")  # with what rounding adds, as far as it is known


@dataclass(frozen=True, eq=False)
class Memory:
    """`source` says in words where the figures come from ("allocator events of torch.profiler")."""

    source: str
    allocations: Allocations
    counters: MemoryCounters
    segments: Segments = field(default_factory=Segments.empty)
    placements: Placements = field(default_factory=Placements.empty)

    @classmethod
    def empty(cls) -> "Memory":
        return cls("", Allocations.empty(), MemoryCounters.empty())
