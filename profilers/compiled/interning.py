"""Rows for strings and for tracks, each met many times; open addressing, seeded against made-up clashes."""

from typing import Any

import numpy as np
from numba import int64, njit, void

from profilers.compiled.scan_state import FULL, M
from profilers.compiled.signatures import I32, I64, U64
from profilers.compiled.text_walk import ALL, NONE
from profilers.compiled.vector import BLOCK, word_at

MIX = np.uint64(0x9E3779B97F4A7C15)


@njit(inline="always")
def _hash(text: Any, at: int, length: int, seed: Any) -> Any:
    value = seed ^ (np.uint64(length) * MIX)
    place = 0
    while place + 8 <= length:
        value = (value ^ word_at(text, at + place)) * MIX
        value ^= value >> np.uint64(32)
        place += 8
    if place < length:
        rest = word_at(text, at + place) & (ALL >> np.uint64(8 * (8 - length + place)))
        value = (value ^ rest) * MIX
        value ^= value >> np.uint64(29)
    return value


@njit(inline="always")
def _is_equal(one: Any, at: int, other: Any, begin: int, length: int) -> bool:
    place = 0
    while place + 8 <= length:
        if word_at(one, at + place) != word_at(other, begin + place):
            return False
        place += 8
    if place == length:
        return True
    mask = ALL >> np.uint64(8 * (8 - length + place))
    return (word_at(one, at + place) ^ word_at(other, begin + place)) & mask == NONE


@njit
def row_of(text: Any, at: int, length: int, strings: Any, marks: Any) -> int:
    """Row of ``text[at:at + length]`` among the strings, added if new; `FULL` if there is no room."""
    slots, begins, lengths, hashes, arena, slot_count, capacity, arena_size = strings
    value = _hash(text, at, length, np.uint64(marks[M.seed]))
    mask = slot_count - 1
    slot = np.int64(value & np.uint64(mask))
    while True:
        row = slots[slot]
        if row < 0:
            break
        if (
            hashes[row] == value
            and lengths[row] == length
            and _is_equal(text, at, arena, begins[row], length)
        ):
            return np.int64(row)
        slot = (slot + 1) & mask
    row, begin = marks[M.strings], marks[M.arena]
    if row >= capacity or begin + length + BLOCK > arena_size:
        marks[M.needed] = length
        return np.int64(FULL)
    for place in range(length):
        arena[begin + place] = text[at + place]
    slots[slot], begins[row], lengths[row], hashes[row] = row, begin, length, value
    marks[M.strings], marks[M.arena] = row + 1, begin + length
    return np.int64(row)


@njit(inline="always")
def _pair_slot(pair: int, mask: int) -> int:
    return np.int64((np.uint64(pair) * MIX) >> np.uint64(32)) & mask


@njit
def track_of(process: int, thread: int, pairs: Any, marks: Any) -> int:
    """Row of a process and thread; `FULL` if there is no room."""
    slots, keys, slot_count, capacity = pairs
    pair = (process + 1) << 32 | (thread + 1)
    if pair == marks[M.last_pair]:
        return marks[M.last_track]
    mask = slot_count - 1
    slot = _pair_slot(pair, mask)
    while slots[slot] >= 0 and keys[slots[slot]] != pair:
        slot = (slot + 1) & mask
    row = np.int64(slots[slot])
    if row < 0:
        row = marks[M.tracks]
        if row >= capacity:
            return np.int64(FULL)
        slots[slot], keys[row] = row, pair
        marks[M.tracks] = row + 1
    marks[M.last_pair], marks[M.last_track] = pair, row
    return row


@njit(void(I32, U64, int64), nogil=True, cache=True)
def fill_slots(slots: Any, hashes: Any, count: int) -> None:
    """Enter the first `count` strings into empty slots."""
    mask = len(slots) - 1
    for row in range(count):
        slot = np.int64(hashes[row] & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row


@njit(void(I32, I64, int64), nogil=True, cache=True)
def fill_pair_slots(slots: Any, keys: Any, count: int) -> None:
    """Enter the first `count` tracks into empty slots."""
    mask = len(slots) - 1
    for row in range(count):
        slot = _pair_slot(keys[row], mask)
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = row
