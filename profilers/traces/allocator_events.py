"""Entries of a CUDA memory snapshot as columns."""

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np

from profilers.profile.table import Int8, Int32, Int64, Table, column

_LARGEST = 2**62
_FRAMES_TOLD = 60
_OWN_FILES = ("/torch/", "torch/", "??")  # of the frameworks itself: not who asked


class Action(IntEnum):
    OTHER = 0
    ALLOC = 1
    FREE_REQUESTED = 2
    FREE = 3
    SEGMENT_ALLOC = 4
    SEGMENT_FREE = 5
    OUT_OF_MEMORY = 6
    SNAPSHOT = 7


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
}


@dataclass(frozen=True, eq=False)
class AllocatorEvents(Table):
    """What one device's allocator did, in order."""

    time_us: Int64 = column("i8")  # as written, -1 if it was not
    action: Int8 = column("i1")
    address: Int64 = column("i8")
    bytes: Int64 = column("i8")
    stream: Int64 = column("i8")
    stack: Int32 = column("i4")  # row of `Stacks`, -1 for none
    free_bytes: Int64 = column("i8")  # left on the device when memory ran out, else -1


@dataclass
class Stacks:
    """Call stacks as text, each once; entries share their lists of frames."""

    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of the frame that asked
    _rows: dict[int, int] = field(default_factory=dict)
    _rows_of_text: dict[str, int] = field(default_factory=dict)

    def row(self, frames: Any) -> int:
        """Row of a list of frames; -1 for none. The list must stay alive."""
        if not isinstance(frames, list) or not frames:
            return -1
        known = self._rows.get(id(frames))
        if known is None:
            known = self._rows[id(frames)] = self._add(frames)
        return known

    def _add(self, frames: list[Any]) -> int:
        told = [each for each in frames[:_FRAMES_TOLD] if isinstance(each, dict)]
        text = "\n".join(map(_frame_text, told))
        if text not in self._rows_of_text:
            self._rows_of_text[text] = len(self.texts)
            self.texts.append(text)
            own = [each for each in told if not str(each.get("filename")).startswith(_OWN_FILES)]
            asked = next((each for each in own if "/torch/" not in str(each.get("filename"))), None)
            self.names.append(_frame_text(asked) if asked else "")
        return self._rows_of_text[text]


@dataclass(frozen=True, eq=False)
class EventArguments:
    """Arguments of allocator slices, written when they are looked at."""

    address: Int64
    size: Int64
    stream: Int64
    stack: Int32
    stacks: list[str]

    def __len__(self) -> int:
        return len(self.address)

    def text(self, row: int) -> bytes:
        told: dict[str, Any] = {
            "address": f"{int(self.address[row]):#x}",
            "bytes": int(self.size[row]),
            "stream": int(self.stream[row]),
        }
        if self.stack[row] >= 0:
            told["Call stack"] = self.stacks[int(self.stack[row])]
        return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


def read_device(entries: list[Any], stacks: Stacks, flaws: Counter[str]) -> AllocatorEvents:
    """One device's entries; those that cannot be read are left out and counted in `flaws`."""
    rows = []
    for entry in entries:
        row = _row(entry, stacks)
        if row is None:
            flaws["entries of the trace cannot be read and are left out"] += 1
        else:
            rows.append(row)
    columns = np.array(rows, np.int64).reshape(-1, 7).T
    return AllocatorEvents(*columns)


def whole(value: Any, least: int = 0) -> int | None:
    """A number that is one and fits, else None."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and least <= value < _LARGEST else None


def _row(entry: Any, stacks: Stacks) -> tuple[int, ...] | None:
    if not isinstance(entry, dict):
        return None
    action = _ACTIONS.get(str(entry.get("action")), Action.OTHER)
    address, size = whole(entry.get("addr", 0)), whole(entry.get("size", 0))
    if address is None or size is None:
        return None
    time_us, stream = whole(entry.get("time_us")), whole(entry.get("stream", 0), -_LARGEST)
    free = whole(entry.get("device_free"))
    return (
        -1 if time_us is None else time_us,
        action,
        address,
        size,
        0 if stream is None else stream,
        stacks.row(entry.get("frames")),
        -1 if free is None else free,
    )


def _frame_text(frame: dict[str, Any]) -> str:
    line = f":{frame['line']}" if isinstance(frame.get("line"), int) else ""
    return f"{str(frame.get('name'))[:300]} ({str(frame.get('filename'))[:300]}{line})"
