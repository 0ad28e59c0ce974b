"""Entries of a CUDA memory snapshot as columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int8, Int32, Int64, Table, column
from profilers.traces.allocator_stacks import Stacks, clean_text

LARGEST = 2**62
_CHUNK = 100_000
_MOST_IN_ALL = 2.0**61  # bytes; no sum of them leaves 64 bits


class Action(IntEnum):
    OTHER = 0
    ALLOC = 1
    FREE_REQUESTED = 2
    FREE = 3
    SEGMENT_ALLOC = 4
    SEGMENT_FREE = 5
    OUT_OF_MEMORY = 6
    SNAPSHOT = 7
    ANNOTATION = 8


_ACTIONS = {
    "alloc": Action.ALLOC,
    "free_requested": Action.FREE_REQUESTED,
    "free_completed": Action.FREE,
    "free": Action.FREE,
    "segment_alloc": Action.SEGMENT_ALLOC,
    "segment_map": Action.SEGMENT_ALLOC,
    "segment_free": Action.SEGMENT_FREE,
    "segment_unmap": Action.SEGMENT_FREE,
    "oom": Action.OUT_OF_MEMORY,
    "snapshot": Action.SNAPSHOT,
    "user_defined": Action.ANNOTATION,
}
_ABOUT_A_BLOCK = [
    Action.ALLOC, Action.FREE_REQUESTED, Action.FREE, Action.SEGMENT_ALLOC, Action.SEGMENT_FREE,
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class AllocatorEvents(Table):
    """What one device's allocator did, in order."""

    time_us: Int64 = column("i8")  # as written, -1 if it was not
    action: Int8 = column("i1")
    address: Int64 = column("i8")
    bytes: Int64 = column("i8")
    stream: Int64 = column("i8")
    stack: Int32 = column("i4")  # number in `Stacks`, -1 for none
    free_bytes: Int64 = column("i8")  # left on the device when memory ran out, else -1


@dataclass(frozen=True)
class Mark:
    """A range of the user's code begins or ends."""

    time_us: int
    device: int
    name: str
    begins: bool


def read_device(
    device: int, entries: Sequence[Any], stacks: Stacks, marks: list[Mark], flaws: Counter[str]
) -> AllocatorEvents:
    """One device's entries, ranges of the user's code apart in `marks`.

    Those that cannot be read are left out and counted in `flaws`.
    """
    events = AllocatorEvents.joined([
        _read(device, entries[begin : begin + _CHUNK], stacks, marks, flaws)
        for begin in range(0, len(entries), _CHUNK)
    ])  # fmt: skip
    is_bearable = np.cumsum(events.bytes.astype(float)) < _MOST_IN_ALL
    if not is_bearable.all():
        flaws["entries have absurd sizes and are left out"] += int((~is_bearable).sum())
        events = events.take(is_bearable)
    return events


def annotation_marks(listed: Any, marks: list[Mark], flaws: Counter[str]) -> None:
    """Read ``external_annotations``: dicts of name, stage (START or END), device and time_us."""
    for each in listed if isinstance(listed, list) else []:
        fields = each if isinstance(each, dict) else {}
        time_us, device = whole(fields.get("time_us")), whole(fields.get("device", 0))
        if time_us is None or device is None or fields.get("stage") not in ("START", "END"):
            flaws["annotations cannot be read and are left out"] += 1
            continue
        marks.append(
            Mark(time_us, device, clean_text(fields.get("name")), fields["stage"] == "START")
        )


def whole(value: Any, least: int = 0) -> int | None:
    """A number that is one and fits, else None."""
    return value if type(value) is int and least <= value < LARGEST else None


def _read(
    device: int, entries: Sequence[Any], stacks: Stacks, marks: list[Mark], flaws: Counter[str]
) -> AllocatorEvents:
    rows = [each for each in entries if type(each) is dict]
    written = [each.get("action") for each in rows]
    action = np.array(
        [_ACTIONS.get(each, 0) if type(each) is str else 0 for each in written], np.int8
    )
    address, has_address = _numbers([each.get("addr", -1) for each in rows])
    size, has_size = _numbers([each.get("size", -1) for each in rows])
    time_us, has_time = _numbers([each.get("time_us", -1) for each in rows])
    stream, _ = _numbers([each.get("stream", 0) for each in rows], -LARGEST)
    free_bytes, is_told = _numbers([each.get("device_free", -1) for each in rows])
    is_annotation = action == Action.ANNOTATION
    for row in np.flatnonzero(is_annotation & has_time).tolist():
        marks.append(_mark(device, int(time_us[row]), rows[row].get("frames")))
    needs_size = np.isin(action, [*_ABOUT_A_BLOCK, Action.OUT_OF_MEMORY])
    is_sound = (has_address | ~np.isin(action, _ABOUT_A_BLOCK)) & (has_size | ~needs_size)
    lost = len(entries) - int(is_sound.sum())
    if lost:
        flaws["entries of the trace cannot be read and are left out"] += lost
    unknown = int(((action == Action.OTHER) & is_sound).sum())
    if unknown:
        flaws["events are of an unknown kind; they are drawn and change nothing"] += unknown
    events = AllocatorEvents(
        np.where(has_time, time_us, -1),
        action,
        address,
        size,
        stream,
        _stack_rows([each.get("frames") for each in rows], stacks),
        np.where(is_told, free_bytes, -1),
    )
    return events.take(is_sound & ~is_annotation)


def _numbers(values: list[Any], least: int = 0) -> tuple[Int64, NDArray[np.bool_]]:
    """Values as integers, and which of them are such; 0 where they are not.

    The types come first: of lists numpy would make more dimensions, and of text numbers.
    """
    if set(map(type, values)) == {int}:
        try:
            numbers = np.array(values, np.int64)
        except OverflowError:
            pass
        else:
            fits = (numbers >= least) & (numbers < LARGEST)
            return np.where(fits, numbers, 0), fits
    read = [whole(each, least) for each in values]
    return (
        np.array([each or 0 for each in read], np.int64),
        np.array([each is not None for each in read], np.bool_),
    )


def _stack_rows(frames: list[Any], stacks: Stacks) -> Int32:
    identities = np.fromiter(map(id, frames), np.int64, len(frames))
    _, first, place = np.unique(identities, return_index=True, return_inverse=True)
    rows = np.array([stacks.row(frames[at]) for at in first.tolist()], np.int32)
    return rows[place]


def _mark(device: int, time_us: int, frames: Any) -> Mark:
    """A mark as snapshots of 2024 wrote it: one frame, its file the name of the range."""
    frame = frames[0] if isinstance(frames, list) and frames else None
    fields = frame if isinstance(frame, dict) else {}
    return Mark(time_us, device, clean_text(fields.get("filename")), fields.get("name") == "START")
