"""Which blocks lived from when to when, found by replaying what an allocator did."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.profile import NEVER_NS
from profilers.profile.table import Int64, Table, column
from profilers.traces.allocator_events import LARGEST, Action, AllocatorEvents, whole
from profilers.traces.allocator_stacks import clean_text

_IN_USE = "active_allocated"
EXPANDABLE = "expandable"
_WAITING = ("active_pending_free", "active_awaiting_free")  # as written, and as documented


@dataclass(frozen=True, eq=False)
class Blocks(Table):
    """Blocks of one device; events are rows of `AllocatorEvents`."""

    allocated_ns: Int64 = column("i8")
    freed_ns: Int64 = column("i8")  # NEVER_NS if it outlived the recording
    bytes: Int64 = column("i8")  # as asked for
    address: Int64 = column("i8")
    held_bytes: Int64 = column("i8")  # with rounding, where the segments tell it
    begin: Int64 = column("i8")  # the event after which it was in use, -1 before the recording
    end: Int64 = column("i8")  # the event that freed it, -1 for none
    event: Int64 = column("i8")  # the event that allocated it, -1 if that was not recorded


@dataclass(frozen=True)
class HeldBlock:
    """A part of a segment when the snapshot was taken."""

    address: int
    bytes: int
    requested_bytes: int  # the rest is lost to rounding
    in_use: bool
    waiting: bool  # freed, but another stream may still use it


@dataclass(frozen=True)
class Segment:
    """Memory that the allocator holds."""

    device: int
    address: int
    bytes: int
    stream: int
    kind: str  # "large", "small", "expandable"
    blocks: tuple[HeldBlock, ...]

    @property
    def is_expandable(self) -> bool:
        return self.kind == EXPANDABLE


def read_segments(segments: Any, most_blocks: int, flaws: Counter[str]) -> list[Segment]:
    """The segments as far as they can be read; at most `most_blocks` blocks in all."""
    found, total = [], 0
    for segment in segments if isinstance(segments, list) else []:
        read = _segment(segment)
        total += read.bytes + sum(each.bytes for each in read.blocks) if read else 0
        if read is None or total >= LARGEST // 2:
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
    start, listed = whole(segment.get("address") or 0), segment.get("blocks")
    if size is None or device is None or device > 10_000 or start is None:
        return None
    blocks, at = [], start
    for each in listed if isinstance(listed, list) else []:
        block = _block(each, at)
        if block is None:
            return None
        blocks.append(block)
        at = min(block.address + block.bytes, LARGEST - 1)
    kind = segment.get("segment_type")
    if segment.get("is_expandable") is True:
        kind = EXPANDABLE
    stream = whole(segment.get("stream"), -LARGEST) or 0
    return Segment(device, start, size, stream, clean_text(kind), tuple(blocks))


def _block(block: Any, at: int) -> HeldBlock | None:
    """A block; older snapshots tell no address, or what was asked for in its history."""
    if not isinstance(block, dict):
        return None
    size, address, state = whole(block.get("size")), block.get("address", at), block.get("state")
    if size is None or whole(address) is None or not isinstance(state, str):
        return None
    history = block.get("history")
    oldest = history[0] if isinstance(history, list) and history else None
    asked = block.get("requested_size", oldest.get("real_size") if isinstance(oldest, dict) else 0)
    requested = whole(asked, 1)
    is_waiting = state in _WAITING
    return HeldBlock(
        address,
        size,
        size if requested is None else min(requested, size),
        is_waiting or state == _IN_USE,
        is_waiting,
    )


def replay(
    events: AllocatorEvents, time_ns: Int64, segments: Sequence[Segment], flaws: Counter[str]
) -> Blocks:
    """Pair allocations and frees by address; what the segments hold beyond that was there before.

    A block ends when its free completed, or was requested where completions were not recorded.
    """
    action = events.action
    ending = Action.FREE if (action == Action.FREE).any() else Action.FREE_REQUESTED
    chosen = np.flatnonzero((action == Action.ALLOC) | (action == ending))
    order = chosen[np.argsort(events.address[chosen], kind="stable")]
    address, is_alloc = events.address[order], action[order] == Action.ALLOC
    is_same = address[1:] == address[:-1]
    follows, goes_on = np.append(False, is_same)[: len(order)], np.append(is_same, False)
    goes_on = goes_on[: len(order)]
    _count_odd(is_alloc, is_same, flaws)
    begins = np.flatnonzero(is_alloc)
    ends = np.where(goes_on, np.append(order[1:], -1)[: len(order)], -1)[begins]
    before = order[~is_alloc & ~follows]  # frees of what nobody saw allocated
    last = ~goes_on
    old = _alive_unseen(segments, address[last & is_alloc])
    closed = np.full(len(old), -1, np.int64)
    closed_at, closed_by = address[last & ~is_alloc], order[last & ~is_alloc]
    held = np.array([each.address for each in old], np.int64)
    if len(closed_at) and len(old):  # allocated again while nothing was recorded
        at = np.minimum(np.searchsorted(closed_at, held), len(closed_at) - 1)
        closed = np.where(closed_at[at] == held, closed_by[at], -1)
    begin = np.concatenate([order[begins], np.full(len(before), -1), closed])
    end = np.concatenate([ends, before, np.full(len(old), -1)])
    asked = np.array([each.requested_bytes for each in old], np.int64)
    size = np.concatenate([events.bytes[order[begins]], events.bytes[before], asked])
    places = np.concatenate([address[begins], events.address[before], held])
    none = np.full(len(before) + len(old), -1)
    times = np.append(time_ns, 0)
    return Blocks.of(
        allocated_ns=np.where(begin >= 0, times[begin], 0),
        freed_ns=np.where(end >= 0, times[end], NEVER_NS),
        bytes=size,
        address=places,
        held_bytes=np.maximum(size, np.where(end < 0, _held_bytes(segments, places), 0)),
        begin=begin,
        end=end,
        event=np.concatenate([order[begins], none]),
    )


def allocated_bytes(blocks: Blocks, events: int) -> Int64:
    """Bytes in use after each of so many events."""
    change = np.zeros(events + 1, np.int64)
    np.add.at(change, blocks.begin + 1, blocks.bytes)
    is_freed = blocks.end >= 0
    np.subtract.at(change, blocks.end[is_freed] + 1, blocks.bytes[is_freed])
    return np.cumsum(change)[1:]


def reserved_bytes(
    events: AllocatorEvents, segments: Sequence[Segment], flaws: Counter[str]
) -> Int64:
    """What the allocator held after each event, counted back from the segments at the end."""
    gained = np.where(events.action == Action.SEGMENT_ALLOC, events.bytes, 0)
    gained -= np.where(events.action == Action.SEGMENT_FREE, events.bytes, 0)
    after = np.cumsum(gained)
    at_end = sum(segment.bytes for segment in segments)
    held: Int64 = after + (at_end - (int(after[-1]) if len(after) else 0))
    missing = -int(held.min(initial=0))
    if missing:
        flaws["device's segments at the end are fewer than it reserved and released"] += 1
    return held + missing


def _held_bytes(segments: Sequence[Segment], addresses: Int64) -> Int64:
    """Sizes of the blocks in use at the end that begin at the addresses, 0 where none does."""
    blocks = [each for segment in segments for each in segment.blocks if each.in_use]
    begins = np.array([each.address for each in blocks], np.int64)
    order = np.argsort(begins, kind="stable")
    sizes = np.append(np.array([each.bytes for each in blocks], np.int64)[order], 0)
    begins = np.append(begins[order], -1)
    at = np.searchsorted(begins[:-1], addresses)
    found: Int64 = np.where(begins[at] == addresses, sizes[at], 0)
    return found


def _count_odd(is_alloc: Any, is_same: Any, flaws: Counter[str]) -> None:
    alive = int((is_same & is_alloc[1:] & is_alloc[:-1]).sum())
    freed = int((is_same & ~is_alloc[1:] & ~is_alloc[:-1]).sum())
    if alive:
        flaws["blocks were allocated where one was still alive; the older one ends there"] += alive
    if freed:
        flaws["blocks were freed twice; the second time is ignored"] += freed


def _alive_unseen(segments: Sequence[Segment], seen: Int64) -> list[HeldBlock]:
    """Blocks in use at the end whose allocation was not recorded."""
    known = set(seen.tolist())
    return [
        block
        for segment in segments
        for block in segment.blocks
        if block.in_use and block.address not in known
    ]
