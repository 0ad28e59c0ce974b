"""What ran when: slices on tracks, the arrows between them, and counters."""

from dataclasses import dataclass
from enum import IntEnum

from profilers.profile.json_column import JsonColumn, JsonText
from profilers.profile.table import Float64, Int8, Int16, Int32, Int64, Table, column


class SliceKind(IntEnum):
    """What a slice is, whichever profiler wrote it; `Slices.category` keeps the writer's own word."""

    OTHER = 0
    OPERATOR = 1  # a framework operator on the host (aten::conv2d, Conv2D, Conv)
    KERNEL = 2  # a compute kernel on a device, or a compiler-generated fused kernel on the CPU
    RUNTIME = 3  # a driver call that launches or waits (cudaLaunchKernel)
    COPY = 4  # memory copy or set on a device
    COMMUNICATION = 5  # a collective
    SCOPE = 6  # a range that names a module, layer or function of the model
    STEP = 7  # one step of the run
    ANNOTATION = 8  # a range that the user's own code made
    PYTHON = 9  # a Python frame
    OVERHEAD = 10  # the profiler itself


# What a device does; bit i of a combination of them stands for the i-th.
WORK_KINDS = (SliceKind.KERNEL, SliceKind.COMMUNICATION, SliceKind.COPY)


class TrackKind(IntEnum):
    THREAD = 0
    STREAM = 1  # a device's queue
    COUNTER = 2
    OTHER = 3


@dataclass(frozen=True, eq=False)
class Slices(Table):
    """One row per interval; ordered by track, then start, then longest first."""

    start_ns: Int64 = column("i8")  # since the profile's start
    duration_ns: Int64 = column("i8")  # >= 0
    name: Int32 = column("i4", refers="strings")
    category: Int32 = column("i4", refers="strings")  # the writer's category, unchanged
    kind: Int8 = column("i1")  # SliceKind
    track: Int32 = column("i4", refers="tracks")
    depth: Int16 = column("i2")  # nesting level on its track, 0 outermost
    parent: Int32 = column("i4", refers="slices")  # enclosing slice on the same track
    correlation: Int64 = column("i8")  # launch id shared by a runtime call and its kernel
    step: Int32 = column("i4", refers="steps")
    node: Int32 = column("i4", refers="authored")
    group: Int32 = column("i4", refers="groups")  # where the slice is that fused kernel


@dataclass(frozen=True, eq=False)
class Tracks(Table):
    """One row per lane: a CPU thread, a device stream or a counter."""

    name: Int32 = column("i4", refers="strings")
    kind: Int8 = column("i1")  # TrackKind
    process: Int32 = column("i4", refers="strings")  # the process or device that holds it
    device: Int32 = column("i4")  # device number, -1 for the host
    rank: Int32 = column("i4")  # rank of a distributed run, 0 otherwise
    sort_index: Int32 = column("i4")  # display order within its process


@dataclass(frozen=True, eq=False)
class Flows(Table):
    """Arrows: launch to kernel, forward to backward, producer to consumer."""

    source: Int32 = column("i4", refers="slices")
    target: Int32 = column("i4", refers="slices")
    kind: Int32 = column("i4", refers="strings")  # "launch", "fwdbwd", ...


@dataclass(frozen=True, eq=False)
class Counters(Table):
    """Samples of counters; a counter's samples share a track."""

    track: Int32 = column("i4", refers="tracks")
    time_ns: Int64 = column("i8")
    value: Float64 = column("f8")


@dataclass(frozen=True, eq=False)
class Trace:
    slices: Slices
    tracks: Tracks
    flows: Flows
    counters: Counters
    arguments: JsonColumn  # one JSON object per slice

    @classmethod
    def empty(cls) -> "Trace":
        return cls(
            Slices.empty(), Tracks.empty(), Flows.empty(), Counters.empty(), JsonText.blank(0)
        )
