"""PyTorch's CUDA memory snapshots (``torch.cuda.memory._dump_snapshot``): what the allocator did.

Layout: the docstring of ``torch.cuda.memory._snapshot``. Every event is a mark on its device's track
with the call stack that led to it; what was alive before recording began lasts from 0. Bytes in use
are those asked for; what rounding adds is told apart.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from profilers.errors import DamagedFile
from profilers.probe import Probe
from profilers.profile import Profile
from profilers.traces import Progress
from profilers.traces.allocator_clock import Clock
from profilers.traces.allocator_events import AllocatorEvents, Mark, annotation_marks, read_device
from profilers.traces.allocator_profile import Device, profile_of
from profilers.traces.allocator_replay import Segment, read_segments
from profilers.traces.allocator_report import settings_facts
from profilers.traces.allocator_stacks import Stacks
from profilers.traces.plain_pickle import NotPlain, load_plain

_PROTOCOLS = (b"\x80", b"}", b"(d", b"(i")  # from protocol 2 on, 1 and 0
_KEYS = (b"segments", b"device_traces")
_SEARCHED_BYTES = 200
_MOST_DEVICES = 1024
_LOADED = 0.5  # of the whole work


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
        content, opcodes = load_plain(path, lambda share: progress(share * _LOADED))
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
    clock = Clock.of(events, marks, flaws)
    devices = [
        Device.of(number, events[number], clock.time_ns[number], own, flaws)
        for number, own in enumerate(_by_device(segments, count))
        if len(events[number]) or own
    ]
    progress(0.9)
    facts = settings_facts(snapshot.get("allocator_settings"))
    profile = profile_of(path, devices, stacks, clock, flaws, facts)
    progress(1.0)
    return profile


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
