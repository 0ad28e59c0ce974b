"""Which blocks lived from when to when, found by replaying what an allocator did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.profile import NEVER_NS
from profilers.profile.table import Int64
from profilers.traces.allocator_events import Action, AllocatorEvents, whole

_ACTIVE = ("active_allocated", "active_awaiting_free")


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of one device; `event` is the row that allocated each, -1 before recording began."""

    allocated_ns: Int64
    freed_ns: Int64
    bytes: Int64
    event: Int64


@dataclass(frozen=True)
class Segment:
    """Memory that the allocator holds; `blocks` are (address, bytes, whether in use)."""

    device: int
    bytes: int
    blocks: tuple[tuple[int, int, bool], ...]


def read_segments(segments: Any, most_blocks: int, flaws: Counter[str]) -> list[Segment]:
    """The segments as far as they can be read; at most `most_blocks` blocks in all."""
    found = []
    for segment in segments if isinstance(segments, list) else []:
        read = _segment(segment)
        if read is None:
            flaws["segments cannot be read and are left out"] += 1
            continue
        most_blocks -= 1 + len(read.blocks)
        if most_blocks < 0:
            flaws["the list of segments holds itself; the rest of it is left out"] += 1
            break
        found.append(read)
    return found


def _segment(segment: Any) -> Segment | None:
    if not isinstance(segment, dict):
        return None
    size, device = whole(segment.get("total_size")), whole(segment.get("device", 0))
    start, listed = whole(segment.get("address", 0)), segment.get("blocks")
    if size is None or device is None or device > 10_000 or start is None:
        return None
    blocks, at = [], start
    for block in listed if isinstance(listed, list) else []:
        if not isinstance(block, dict):
            return None
        length, place = whole(block.get("size")), whole(block.get("address", at))
        if length is None or place is None:
            return None
        blocks.append((place, length, block.get("state") in _ACTIVE))
        at = min(place + length, 2**62 - 1)
    return Segment(device, size, tuple(blocks))


def replay(
    events: AllocatorEvents, time_ns: Int64, segments: Sequence[Segment], flaws: Counter[str]
) -> Blocks:
    """Pair allocations and frees by address; what the segments hold beyond that was there before."""
    rows: list[list[int]] = []
    open_rows: dict[int, int] = {}
    freed: set[int] = set()
    wanted = (events.action == Action.ALLOC) | (events.action == Action.FREE)
    columns = (events.action, events.address, events.bytes, time_ns)
    chosen = np.flatnonzero(wanted)
    for event, action, address, size, time in zip(
        chosen.tolist(), *(each[chosen].tolist() for each in columns), strict=True
    ):
        if action == Action.ALLOC:
            if address in open_rows:
                flaws[
                    "blocks were allocated where one was still alive; the older one ends there"
                ] += 1
                rows[open_rows[address]][1] = time
            open_rows[address] = len(rows)
            rows.append([time, NEVER_NS, size, event])
        elif address in open_rows:
            rows[open_rows.pop(address)][1] = time
            freed.add(address)
        elif address in freed:
            flaws["blocks were freed twice; the second time is ignored"] += 1
        else:
            rows.append([0, time, size, -1])
            freed.add(address)
    for segment in segments:
        for address, size, is_used in segment.blocks:
            if is_used and address not in open_rows:
                rows.append([0, NEVER_NS, size, -1])
    return Blocks(*np.array(rows, np.int64).reshape(-1, 4).T)


def reserved_bytes(events: AllocatorEvents, segments: Sequence[Segment]) -> Int64:
    """What the allocator held after each event, counted back from the segments at the end."""
    gained = np.where(events.action == Action.SEGMENT_ALLOC, events.bytes, 0)
    gained -= np.where(events.action == Action.SEGMENT_FREE, events.bytes, 0)
    after = np.cumsum(gained)
    at_end = sum(segment.bytes for segment in segments)
    held: Int64 = after + (at_end - (int(after[-1]) if len(after) else 0))
    return np.maximum(held, 0)
