"""PyTorch's CUDA memory snapshots (``torch.cuda.memory._dump_snapshot``): what the allocator did.

Layout: the docstring of ``torch.cuda.memory._snapshot``. Every event is a mark on its device's track
with the call stack that led to it; what was alive before recording began lasts from 0.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.profile import (
    Allocations,
    Counters,
    Diagnostic,
    Environment,
    Flows,
    Memory,
    MemoryCounters,
    Profile,
    Severity,
    SliceKind,
    Slices,
    StringPool,
    Trace,
    TrackKind,
    Tracks,
)
from profilers.profile.table import Int32, Int64
from profilers.traces import Progress
from profilers.traces.allocator_events import (
    Action,
    AllocatorEvents,
    EventArguments,
    Stacks,
    read_device,
)
from profilers.traces.allocator_replay import (
    Blocks,
    Segment,
    read_segments,
    replay,
    reserved_bytes,
)
from profilers.traces.plain_pickle import NotPlain, load_plain
from profilers.units import format_bytes, format_percent

_HEADS = (b"\x8c\x08segments", b"X\x08\x00\x00\x00segments", b"device_traces")
_SEARCHED_BYTES = 200
_MOST_DEVICES = 1024
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
}


def matches(probe: Probe) -> bool:
    """Whether the file is a pickled dict that begins as a memory snapshot does."""
    head = probe.head[:_SEARCHED_BYTES]
    return head[:1] == b"\x80" and any(each in head for each in _HEADS)


def read(path: Path, progress: Progress) -> Profile:
    """Open a memory snapshot.

    Raises
    ------
    DamagedFile
        If it is no plain pickle of that layout.
    """
    progress(0.0)
    try:
        snapshot, opcodes = load_plain(path.read_bytes())
    except NotPlain as error:
        raise DamagedFile(f"Cannot open {path.name}", str(error)) from error
    progress(0.4)
    stacks, flaws = Stacks(), Counter[str]()
    traces = _device_traces(snapshot, opcodes)
    events = [read_device(entries, stacks, flaws) for entries in traces]
    progress(0.7)
    segments = read_segments(
        snapshot.get("segments") if isinstance(snapshot, dict) else None, opcodes, flaws
    )
    if not segments and not any(map(len, events)):
        raise DamagedFile(
            f"Cannot open {path.name}",
            "it holds neither memory segments nor allocator events",
            "Call torch.cuda.memory._record_memory_history() before what is to be recorded.",
        )
    count = 1 + max([len(events) - 1, *(segment.device for segment in segments)])
    events += [AllocatorEvents.empty()] * (count - len(events))
    times, begin_us = _times(events, flaws)
    devices = [
        _Device.of(number, events[number], times[number], segments, flaws)
        for number in range(count)
    ]
    devices = [each for each in devices if len(each.events) or each.segments]
    profile = _profile(path, devices, stacks, flaws, begin_us)
    progress(1.0)
    return profile


@dataclass(frozen=True, eq=False)
class _Device:
    number: int
    events: AllocatorEvents
    time_ns: Int64
    segments: list[Segment]
    blocks: Blocks
    reserved: Int64  # bytes after each event

    @classmethod
    def of(
        cls,
        number: int,
        events: AllocatorEvents,
        time_ns: Int64,
        segments: list[Segment],
        flaws: Counter[str],
    ) -> "_Device":
        own = [segment for segment in segments if segment.device == number]
        blocks = replay(events, time_ns, own, flaws)
        return cls(number, events, time_ns, own, blocks, reserved_bytes(events, own))

    @property
    def name(self) -> str:
        return f"cuda:{self.number}"

    @property
    def allocated(self) -> Int64:
        """Bytes in use after each event."""
        change = np.zeros(len(self.events) + 1, np.int64)
        known = self.blocks.event >= 0
        np.add.at(change, self.blocks.event[known], self.blocks.bytes[known])
        ends = np.searchsorted(self.time_ns, self.blocks.freed_ns)  # at once, or behind the last
        np.subtract.at(change, ends, self.blocks.bytes)
        before = int(self.blocks.bytes[~known].sum())
        return before + np.cumsum(change[:-1])


def _device_traces(snapshot: Any, opcodes: int) -> list[list[Any]]:
    """Lists of entries, no more of them than were written: a list may be in the pickle many times."""
    if not isinstance(snapshot, dict):
        return []
    traces = snapshot.get("device_traces")
    found: list[list[Any]] = []
    for entries in traces if isinstance(traces, list) else []:
        opcodes -= 1 + (len(entries) if isinstance(entries, list) else 0)
        if opcodes < 0 or len(found) == _MOST_DEVICES:
            break
        found.append(entries if isinstance(entries, list) else [])
    return found


def _times(events: list[AllocatorEvents], flaws: Counter[str]) -> tuple[list[Int64], int]:
    """Times in ns from the first event of any device, and that event's time in us.

    Several events of one microsecond follow each other by one ns. Without times the order counts,
    one microsecond an event.
    """
    if any(bool((each.time_us < 0).any()) for each in events):
        flaws["events have no time; each is drawn one microsecond after the one before"] += sum(
            int((each.time_us < 0).sum()) for each in events
        )
        return [np.arange(len(each), dtype=np.int64) * 1000 for each in events], 0
    begin_us = min((int(each.time_us.min()) for each in events if len(each)), default=0)
    times = []
    for each in events:
        time_us = np.maximum.accumulate(each.time_us) if len(each) else each.time_us
        late = int((time_us != each.time_us).sum())
        if late:
            flaws["events go back in time; they are drawn where the one before them is"] += late
        first = np.searchsorted(time_us, time_us)
        time_ns = np.minimum(time_us - begin_us, 2**60 // 1000) * 1000
        times.append(time_ns + np.arange(len(each)) - first)
    return [np.maximum.accumulate(each) if len(each) else each for each in times], begin_us


def _profile(
    path: Path, devices: list[_Device], stacks: Stacks, flaws: Counter[str], begin_us: int
) -> Profile:
    pool = StringPool()
    slices = [_slices(each, track, stacks, pool) for track, each in enumerate(devices)]
    first_rows = np.cumsum([0, *(len(each) for each in slices)]).tolist()
    tracks = [
        (pool.add("allocator"), TrackKind.THREAD, pool.add(each.name), each.number, 0, 0)
        for each in devices
    ]
    trace = Trace(
        Slices.joined(slices),
        Tracks.from_rows(tracks),
        Flows.empty(),
        Counters.empty(),
        _arguments(devices, stacks),
    )
    memory = Memory(
        "events of PyTorch's CUDA allocator",
        Allocations.joined(
            [_blocks(each, first, pool) for each, first in zip(devices, first_rows, strict=False)]
        ),
        MemoryCounters.joined([_levels(each, pool) for each in devices]),
    )
    return Profile(
        path.name.removesuffix(".pickle"),
        pool.table(),
        trace,
        memory=memory,
        diagnostics=_diagnostics(devices, flaws),
        environment=Environment(
            framework="PyTorch",
            device=", ".join(each.name for each in devices),
            facts={"File": path.name, **_facts(devices)},
        ),
        start_unix_ns=begin_us * 1000 if begin_us > _UNIX_US else 0,
    )


def _slices(device: _Device, track: int, stacks: Stacks, pool: StringPool) -> Slices:
    """A mark of no length for each event, named for what happened and who asked."""
    events = device.events
    name_of: dict[tuple[int, int], int] = {}
    pairs = zip(events.action.tolist(), events.stack.tolist(), strict=True)
    names = np.empty(len(events), np.int32)
    for row, pair in enumerate(pairs):
        if pair not in name_of:
            asked = stacks.names[pair[1]] if pair[1] >= 0 else ""
            word = _WORDS[Action(pair[0])]
            name_of[pair] = pool.add(f"{word} · {asked}" if asked else word)
        names[row] = name_of[pair]
    words = np.array([pool.add(_WORDS[Action(at)]) for at in range(len(Action))], np.int32)
    none = np.full(len(events), -1, np.int32)
    zeros = np.zeros(len(events), np.int64)
    return Slices.of(
        start_ns=device.time_ns,
        duration_ns=zeros,
        name=names,
        category=words[events.action],
        kind=np.full(len(events), SliceKind.RUNTIME),
        track=np.full(len(events), track),
        depth=zeros,
        parent=none,
        correlation=none,
        step=none,
        node=none,
        group=none,
    )


def _arguments(devices: list[_Device], stacks: Stacks) -> EventArguments:
    events = AllocatorEvents.joined([each.events for each in devices])
    return EventArguments(events.address, events.bytes, events.stream, events.stack, stacks.texts)


def _blocks(device: _Device, first_row: int, pool: StringPool) -> Allocations:
    blocks = device.blocks
    none: Int32 = np.full(len(blocks.bytes), -1, np.int32)
    return Allocations.of(
        allocated_ns=blocks.allocated_ns,
        freed_ns=blocks.freed_ns,
        bytes=blocks.bytes,
        device=np.full(len(none), pool.add(device.name)),
        category=np.zeros(len(none)),
        slice=np.where(blocks.event >= 0, blocks.event + first_row, -1),
        node=none,
        parameter=none,
    )


def _levels(device: _Device, pool: StringPool) -> MemoryCounters:
    return MemoryCounters.of(
        time_ns=device.time_ns,
        device=np.full(len(device.events), pool.add(device.name)),
        allocated_bytes=device.allocated,
        reserved_bytes=device.reserved,
    )


def _facts(devices: list[_Device]) -> dict[str, str]:
    """How the reserved memory is used at the end."""
    facts = {}
    for device in devices:
        reserved = sum(segment.bytes for segment in device.segments)
        if not reserved:
            continue
        unused = [
            size for each in device.segments for _, size, is_used in each.blocks if not is_used
        ]
        facts[f"Reserved on {device.name}"] = (
            f"{format_bytes(reserved)} in {len(device.segments)} segments"
        )
        facts[f"Unused on {device.name}"] = (
            f"{format_bytes(sum(unused))} ({format_percent(sum(unused) / reserved)}) in "
            f"{len(unused)} blocks, the largest {format_bytes(max(unused, default=0))}"
        )
    return facts


def _diagnostics(devices: list[_Device], flaws: Counter[str]) -> tuple[Diagnostic, ...]:
    notes = [
        Diagnostic(Severity.WARNING, f"{flaw[0].upper()}{flaw[1:]}.", count=count)
        for flaw, count in flaws.items()
    ]
    for device in devices:
        events = device.events
        for row in np.flatnonzero(events.action == Action.OUT_OF_MEMORY)[:5].tolist():
            free = int(events.free_bytes[row])
            left = f", {format_bytes(free)} were left" if free >= 0 else ""
            notes.append(Diagnostic(
                Severity.WARNING,
                f"Memory ran out on {device.name}: {format_bytes(int(events.bytes[row]))} were "
                f"asked for{left}.",
                "The timeline shows when, and the call stack who asked.",
            ))  # fmt: skip
        before = int((device.blocks.event < 0).sum())
        if before:
            notes.append(Diagnostic(
                Severity.INFO,
                f"Blocks on {device.name} were allocated before the recording begins; they have no "
                "call stack.",
                "A larger max_entries, or an earlier start of the recording, would show them.",
                before,
            ))  # fmt: skip
    return tuple(notes)
