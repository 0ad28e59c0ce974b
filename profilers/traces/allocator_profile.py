"""What a CUDA allocator did, device by device, as the tables of a Profile."""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from profilers.profile import (
    Allocations,
    Counters,
    Environment,
    Flows,
    Memory,
    MemoryCounters,
    Placements,
    Profile,
    Segments,
    SliceKind,
    Slices,
    Steps,
    StringPool,
    Trace,
    TrackKind,
    Tracks,
)
from profilers.profile.table import Int64
from profilers.traces.allocator_annotations import annotation_slices, step_at, steps_of
from profilers.traces.allocator_clock import Clock
from profilers.traces.allocator_events import Action, AllocatorEvents
from profilers.traces.allocator_replay import (
    Blocks,
    Segment,
    allocated_bytes,
    replay,
    reserved_bytes,
)
from profilers.traces.allocator_report import device_notes, flaw_notes, usage_facts
from profilers.traces.allocator_segments import HeldRange, held_ranges, segments_table
from profilers.traces.allocator_stacks import EventArguments, Stacks

_UNIX_US = 10**15  # times beyond it count from 1970, smaller ones from the machine's start
_WORDS = {
    Action.OTHER: "event",
    Action.ALLOC: "alloc",
    Action.FREE_REQUESTED: "free requested",
    Action.FREE: "free",
    Action.SEGMENT_ALLOC: "segment alloc",
    Action.SEGMENT_FREE: "segment free",
    Action.OUT_OF_MEMORY: "out of memory",
    Action.SNAPSHOT: "snapshot",
    Action.ANNOTATION: "annotation",
}


@dataclass(frozen=True, eq=False)
class Device:
    """One device's events, and what replaying them gives."""

    number: int
    events: AllocatorEvents
    time_ns: Int64
    segments: list[Segment]
    blocks: Blocks
    reserved: Int64  # bytes after each event
    ranges: list[HeldRange]

    @classmethod
    def of(
        cls,
        number: int,
        events: AllocatorEvents,
        time_ns: Int64,
        segments: list[Segment],
        flaws: Counter[str],
    ) -> "Device":
        blocks = replay(events, time_ns, segments, flaws)
        reserved = reserved_bytes(events, segments, flaws)
        ranges = held_ranges(events, time_ns, segments, flaws)
        return cls(number, events, time_ns, segments, blocks, reserved, ranges)

    @property
    def name(self) -> str:
        return f"cuda:{self.number}"


def profile_of(
    path: Path,
    devices: list[Device],
    stacks: Stacks,
    clock: Clock,
    flaws: Counter[str],
    facts: dict[str, str],
) -> Profile:
    """A profile of these devices; `facts` are those of the allocator's settings."""
    pool = StringPool()
    steps = steps_of(clock.annotations, clock.begin_us)
    memory = Memory(
        "events of PyTorch's CUDA allocator",
        Allocations.joined([
            _blocks(each, first, pool)
            for each, first in zip(devices, _first_rows(devices), strict=True)
        ]),
        MemoryCounters.joined([_levels(each, pool) for each in devices]),
        Segments.joined([
            segments_table(each.ranges, pool.add(each.name), pool) for each in devices
        ]),
        _placements(devices),
    )  # fmt: skip
    for device in devices:
        facts |= usage_facts(device)
    return Profile(
        path.name.removesuffix(".pickle"),
        trace=_trace(devices, stacks, clock, steps, pool),
        strings=pool.table(),
        memory=memory,
        steps=steps,
        diagnostics=(
            *flaw_notes(flaws),
            *(note for device in devices for note in device_notes(device)),
        ),
        environment=Environment(
            framework="PyTorch",
            device=", ".join(each.name for each in devices),
            facts={"File": path.name, **facts},
        ),
        start_unix_ns=clock.begin_us * 1000 if clock.begin_us > _UNIX_US else 0,
    )


def _first_rows(devices: list[Device]) -> list[int]:
    """Where each device's events begin among the slices."""
    return list(accumulate((len(each.events) for each in devices[:-1]), initial=0))


def _trace(
    devices: list[Device], stacks: Stacks, clock: Clock, steps: Steps, pool: StringPool
) -> Trace:
    """A track of events for each device, then one of annotations for each that has any."""
    annotated = {each.device for each in clock.annotations}
    noted = [each for each in devices if each.number in annotated]
    tracks = [
        (pool.add(name), TrackKind.THREAD, pool.add(each.name), each.number, 0, order)
        for name, shown, order in (("allocator", devices, 1), ("annotations", noted, 0))
        for each in shown
    ]
    marks = Slices.joined([
        _marks(each, track, stacks, steps, pool) for track, each in enumerate(devices)
    ])  # fmt: skip
    track_of = {each.number: len(devices) + at for at, each in enumerate(noted)}
    ranges = annotation_slices(clock.annotations, track_of, len(marks), clock.begin_us, pool)
    ranges = ranges.replace(step=step_at(steps, ranges.start_ns))
    events = AllocatorEvents.joined([each.events for each in devices])
    return Trace(
        Slices.joined([marks, ranges]),
        Tracks.from_rows(tracks),
        Flows.empty(),
        Counters.empty(),
        EventArguments(
            len(marks) + len(ranges),
            events.address,
            events.bytes,
            events.stream,
            events.stack,
            stacks,
        ),
    )


def _marks(device: Device, track: int, stacks: Stacks, steps: Steps, pool: StringPool) -> Slices:
    """A mark of no length for each event, named for what happened and who asked."""
    events = device.events
    kinds, place = np.unique(
        events.stack.astype(np.int64) * len(Action) + events.action, return_inverse=True
    )
    names = [_name(int(kind), stacks) for kind in kinds]
    words = np.array([pool.add(_WORDS[at]) for at in Action], np.int32)
    none = np.full(len(events), -1, np.int32)
    zeros = np.zeros(len(events), np.int64)
    return Slices.of(
        start_ns=device.time_ns,
        duration_ns=zeros,
        name=np.array([pool.add(name) for name in names], np.int32)[place],
        category=words[events.action],
        kind=np.full(len(events), SliceKind.RUNTIME),
        track=np.full(len(events), track),
        depth=zeros,
        parent=none,
        correlation=none,
        step=step_at(steps, device.time_ns),
        node=none,
        group=none,
    )


def _name(kind: int, stacks: Stacks) -> str:
    stack, action = divmod(kind, len(Action))
    asker = stacks.asker(stack)
    return f"{_WORDS[Action(action)]} · {asker}" if asker else _WORDS[Action(action)]


def _blocks(device: Device, first_row: int, pool: StringPool) -> Allocations:
    blocks = device.blocks
    none = np.full(len(blocks), -1, np.int32)
    return Allocations.of(
        allocated_ns=blocks.allocated_ns,
        freed_ns=blocks.freed_ns,
        bytes=blocks.bytes,
        device=np.full(len(blocks), pool.add(device.name)),
        category=np.zeros(len(blocks)),
        slice=np.where(blocks.event >= 0, blocks.event + first_row, -1),
        node=none,
        parameter=none,
    )


def _placements(devices: list[Device]) -> Placements:
    """Of all blocks, in their order."""
    blocks = Blocks.joined([each.blocks for each in devices])
    return Placements.of(
        allocation=np.arange(len(blocks)), address=blocks.address, bytes=blocks.held_bytes
    )


def _levels(device: Device, pool: StringPool) -> MemoryCounters:
    return MemoryCounters.of(
        time_ns=device.time_ns,
        device=np.full(len(device.events), pool.add(device.name)),
        allocated_bytes=allocated_bytes(device.blocks, len(device.events)),
        reserved_bytes=device.reserved,
    )
