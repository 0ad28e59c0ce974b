"""PyTorch's CUDA memory snapshots (``torch.cuda.memory._dump_snapshot``): what the allocator did.

Layout: the docstring of ``torch.cuda.memory._snapshot``. Every event is a mark on its device's track
with the call stack that led to it; what was alive before recording began lasts from 0. Bytes in use
are those asked for; what rounding adds is told apart.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import DamagedFile
from profilers.probe import Probe
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
from profilers.traces import Progress
from profilers.traces.allocator_annotations import (
    Annotation,
    annotation_slices,
    pair,
    step_at,
    steps_of,
)
from profilers.traces.allocator_events import (
    Action,
    AllocatorEvents,
    Mark,
    annotation_marks,
    read_device,
)
from profilers.traces.allocator_replay import (
    Blocks,
    Segment,
    allocated_bytes,
    read_segments,
    replay,
    reserved_bytes,
)
from profilers.traces.allocator_report import (
    device_notes,
    flaw_notes,
    settings_facts,
    usage_facts,
)
from profilers.traces.allocator_segments import HeldRange, held_ranges, segments_table
from profilers.traces.allocator_stacks import EventArguments, Stacks
from profilers.traces.plain_pickle import NotPlain, load_plain

_PROTOCOLS = (b"\x80", b"}", b"(d", b"(i")  # from protocol 2 on, 1 and 0
_KEYS = (b"segments", b"device_traces")
_SEARCHED_BYTES = 200
_MOST_DEVICES = 1024
_UNIX_US = 10**15  # times beyond it count from 1970, smaller ones from the machine's start
_LONGEST_US = 2**60 // 1000
_LOADED = 0.5  # of the whole work
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


def matches(probe: Probe) -> bool:
    """Whether the file is a pickled dict that begins as a memory snapshot does."""
    head = probe.head[:_SEARCHED_BYTES]
    return head.startswith(_PROTOCOLS) and any(_is_pickled(key, head) for key in _KEYS)


def read(path: Path, progress: Progress) -> Profile:
    """Open a memory snapshot.

    Raises
    ------
    DamagedFile
        If it is no plain pickle of that layout.
    """
    progress(0.0)
    try:
        content, opcodes = load_plain(path.read_bytes(), lambda share: progress(share * _LOADED))
    except NotPlain as error:
        raise DamagedFile(
            f"Cannot open {path.name}",
            str(error),
            "Save it again with torch.cuda.memory._dump_snapshot().",
        ) from error
    snapshot = content if isinstance(content, dict) else {}
    flaws, stacks, marks = Counter[str](), Stacks(), list[Mark]()
    traces = _device_traces(snapshot.get("device_traces"), opcodes)
    events = []
    for device, entries in enumerate(traces):
        events.append(read_device(device, entries, stacks, marks, flaws))
        progress(_LOADED + 0.3 * (device + 1) / len(traces))
    annotation_marks(snapshot.get("external_annotations"), marks, flaws)
    segments = read_segments(snapshot.get("segments"), opcodes, flaws)
    if not segments and not any(map(len, events)):
        raise DamagedFile(
            f"Cannot open {path.name}",
            "it holds neither memory segments nor allocator events",
            "Call torch.cuda.memory._record_memory_history() before what is to be recorded.",
        )
    count = 1 + max([len(events) - 1, *(segment.device for segment in segments)])
    events += [AllocatorEvents.empty()] * (count - len(events))
    clock = _Clock.of(events, marks, flaws)
    devices = [
        _Device.of(number, events[number], clock.time_ns[number], own, flaws)
        for number, own in enumerate(_by_device(segments, count))
        if len(events[number]) or own
    ]
    progress(0.9)
    facts = settings_facts(snapshot.get("allocator_settings"))
    profile = _profile(path, devices, stacks, clock, flaws, facts)
    progress(1.0)
    return profile


@dataclass(frozen=True, eq=False)
class _Clock:
    """Times of every device's events in ns from the first of all, and that one's time in us."""

    time_ns: list[Int64]
    begin_us: int
    annotations: list[Annotation]

    @classmethod
    def of(cls, events: list[AllocatorEvents], marks: list[Mark], flaws: Counter[str]) -> "_Clock":
        """Several events of one microsecond follow each other by one ns.

        Without times the order counts, one microsecond an event; annotations then have no place.
        """
        untimed = sum(int((each.time_us < 0).sum()) for each in events)
        if untimed:
            flaws["events have no time; each is drawn one microsecond after the one before"] += (
                untimed
            )
            if marks:
                flaws["annotations are left out, since events have no time"] += len(marks)
            return cls([np.arange(len(each), dtype=np.int64) * 1000 for each in events], 0, [])
        timed = [each.time_us for each in events if len(each)]
        begin_us = min([int(each.min()) for each in timed], default=0)
        end_us = max([int(each.max()) for each in timed], default=0)
        near = [each for each in marks if begin_us <= each.time_us <= end_us]
        if len(near) < len(marks):
            flaws["annotations lie outside of the recording and are left out"] += len(marks) - len(
                near
            )
        end_us = min(end_us, begin_us + _LONGEST_US)
        near = [each for each in near if each.time_us <= end_us]
        times = [_ascending(each.time_us, begin_us, flaws) for each in events]
        return cls(times, begin_us, pair(near, begin_us, end_us, flaws))


def _ascending(written_us: Int64, begin_us: int, flaws: Counter[str]) -> Int64:
    if not len(written_us):
        return written_us
    time_us = np.maximum.accumulate(written_us)
    late = int((time_us != written_us).sum())
    if late:
        flaws["events go back in time; they are drawn where the one before them is"] += late
    first = np.searchsorted(time_us, time_us)
    time_ns = np.minimum(time_us - begin_us, _LONGEST_US) * 1000
    ascending: Int64 = np.maximum.accumulate(time_ns + np.arange(len(time_ns)) - first)
    return ascending


@dataclass(frozen=True, eq=False)
class _Device:
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
    ) -> "_Device":
        blocks = replay(events, time_ns, segments, flaws)
        reserved = reserved_bytes(events, segments, flaws)
        ranges = held_ranges(events, time_ns, segments, flaws)
        return cls(number, events, time_ns, segments, blocks, reserved, ranges)

    @property
    def name(self) -> str:
        return f"cuda:{self.number}"


def _is_pickled(key: bytes, head: bytes) -> bool:
    """Whether text of that content stands in a pickle's head, in any protocol's way."""
    size = len(key)
    ways = (
        b"\x8c" + bytes([size]) + key, b"X" + size.to_bytes(4, "little") + key,
        b"U" + bytes([size]) + key, b"V" + key + b"\n", b"S'" + key + b"'",
    )  # fmt: skip
    return any(way in head for way in ways)


def _device_traces(traces: Any, opcodes: int) -> list[list[Any]]:
    """Lists of entries, no more of them than were written: a list may be in the pickle many times."""
    found: list[list[Any]] = []
    for entries in traces if isinstance(traces, list) else []:
        opcodes -= 1 + (len(entries) if isinstance(entries, list) else 0)
        if opcodes < 0 or len(found) == _MOST_DEVICES:
            break
        found.append(entries if isinstance(entries, list) else [])
    return found


def _by_device(segments: list[Segment], count: int) -> list[list[Segment]]:
    found: list[list[Segment]] = [[] for _ in range(count)]
    for segment in segments:
        found[segment.device].append(segment)
    return found


def _profile(
    path: Path,
    devices: list[_Device],
    stacks: Stacks,
    clock: _Clock,
    flaws: Counter[str],
    facts: dict[str, str],
) -> Profile:
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


def _first_rows(devices: list[_Device]) -> list[int]:
    """Where each device's events begin among the slices."""
    return list(accumulate((len(each.events) for each in devices[:-1]), initial=0))


def _trace(
    devices: list[_Device], stacks: Stacks, clock: _Clock, steps: Steps, pool: StringPool
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


def _marks(device: _Device, track: int, stacks: Stacks, steps: Steps, pool: StringPool) -> Slices:
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


def _blocks(device: _Device, first_row: int, pool: StringPool) -> Allocations:
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


def _placements(devices: list[_Device]) -> Placements:
    """Of all blocks, in their order."""
    blocks = Blocks.joined([each.blocks for each in devices])
    return Placements.of(
        allocation=np.arange(len(blocks)), address=blocks.address, bytes=blocks.held_bytes
    )


def _levels(device: _Device, pool: StringPool) -> MemoryCounters:
    return MemoryCounters.of(
        time_ns=device.time_ns,
        device=np.full(len(device.events), pool.add(device.name)),
        allocated_bytes=allocated_bytes(device.blocks, len(device.events)),
        reserved_bytes=device.reserved,
    )
