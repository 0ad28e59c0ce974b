"""Memory of an XLA program as XLA planned it, for runs whose allocator told nothing.

XLA assigns every result a place in a few blocks before anything runs. Sizes are those of its plan;
times are those of the instructions that made a result and that read it last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from profilers.graphs.hlo_graph import operands_of
from profilers.graphs.hlo_program import HloProgram
from profilers.profile import Allocations, MemoryCategory, Slices

SOURCE = (
    "XLA's buffer assignment: sizes as XLA planned them, times of the instructions that make and "
    "last read each result"
)
_HANDED_ON = frozenset({"bitcast", "tuple", "get-tuple-element", "while", "call", "conditional"})
_IN_PLACE = frozenset({"parameter", "while"})  # what a loop carries lies where it was handed in


@dataclass(frozen=True)
class _Buffer:
    """A result in a block: who makes it, who reads it, and whether it outlives the run."""

    place: tuple[int, int]  # number of the block, and where in it
    bytes: int
    maker: str
    readers: frozenset[str]
    is_result: bool


@dataclass
class _Seen:
    """When and in which slice an instruction ran within a step."""

    begin_ns: int
    end_ns: int
    slice: int


def planned_blocks(
    program: HloProgram,
    node_of: Mapping[str, int],
    slices: Slices,
    strings: Sequence[str],
    device: int,
) -> Allocations:
    """A row for each buffer in each step that ran the program.

    Parameters
    ----------
    node_of : mapping of str to int
        Authored node of each instruction that runs.
    device : int
        String row of its name.
    """
    buffers = list(_buffers(program))
    names = {buffer.maker for buffer in buffers}.union(*(each.readers for each in buffers))
    rows = [
        row
        for seen in _runs(slices, strings, names)
        for row in _rows_of_run(buffers, seen, node_of, device)
    ]
    return Allocations.from_rows(rows)


def _rows_of_run(
    buffers: list[_Buffer], seen: Mapping[str, _Seen], node_of: Mapping[str, int], device: int
) -> Iterator[tuple[int, ...]]:
    begin_ns = min(each.begin_ns for each in seen.values())
    end_ns = max(each.end_ns for each in seen.values())
    lives = []
    for buffer in buffers:
        made = seen.get(buffer.maker)
        since_ns = made.begin_ns if made else begin_ns
        read_ns = [seen[name].end_ns for name in buffer.readers if name in seen]
        until_ns = end_ns if buffer.is_result or not read_ns else max(read_ns)
        lives.append(_Life(buffer, since_ns, max(until_ns, made.end_ns if made else since_ns)))
    _hand_over(lives)
    for life in lives:
        made = seen.get(life.buffer.maker)
        yield (
            life.since_ns,
            life.until_ns,
            life.buffer.bytes,
            device,
            int(MemoryCategory.ACTIVATION),
            made.slice if made else -1,
            node_of.get(life.buffer.maker, -1),
            -1,
        )


@dataclass
class _Life:
    buffer: _Buffer
    since_ns: int
    until_ns: int


def _hand_over(lives: list[_Life]) -> None:
    """What is updated in place ends where the update begins, so that no byte is held twice."""
    lives.sort(key=lambda life: (life.buffer.place, life.since_ns))
    for life, after in pairwise(lives):
        if life.buffer.place == after.buffer.place and life.until_ns > after.since_ns:
            after.until_ns = max(after.until_ns, life.until_ns)
            life.until_ns = after.since_ns


def _runs(slices: Slices, strings: Sequence[str], names: set[str]) -> Iterator[Mapping[str, _Seen]]:
    """For each step when each of the instructions ran, the first time to the last."""
    is_known = np.array([text in names for text in strings], np.bool_)
    rows = np.flatnonzero((slices.step >= 0) & is_known[slices.name])
    for step in np.unique(slices.step[rows]).tolist():
        seen: dict[str, _Seen] = {}
        for row in rows[slices.step[rows] == step].tolist():
            name, begin_ns = strings[int(slices.name[row])], int(slices.start_ns[row])
            end_ns = begin_ns + int(slices.duration_ns[row])
            known = seen.setdefault(name, _Seen(begin_ns, end_ns, row))
            known.begin_ns = min(known.begin_ns, begin_ns)
            known.end_ns = max(known.end_ns, end_ns)
        yield seen


def _buffers(program: HloProgram) -> Iterator[_Buffer]:
    """Everything but inputs, weights and constants; what shares a place with its operand is one."""
    names = {
        place.instruction.id: place.instruction.name
        for place in program.places
        if place.instruction.opcode not in _IN_PLACE
    }
    readers = _readers(program)
    makers = {each.id: each.defined_at.instruction_id for each in program.buffers.logical_buffers}
    for number, block in enumerate(program.buffers.buffer_allocations):
        if block.is_entry_computation_parameter or block.is_constant:
            continue
        for part in block.assigned:
            maker = makers.get(part.logical_buffer_id, -1)
            if part.size > 0 and maker in names:
                found = readers.get(maker, frozenset())
                place = number, part.offset
                yield _Buffer(place, part.size, names[maker], found, bool(block.maybe_live_out))


def _readers(program: HloProgram) -> Mapping[int, frozenset[str]]:
    """Names of what reads each instruction's result, also through what only hands it on."""
    places, operands = program.places, operands_of(program)
    found: dict[int, set[str]] = {}
    reads: list[set[str]] = [set() for _ in places]
    for number in range(len(places) - 1, -1, -1):
        instruction: Any = places[number].instruction
        found.setdefault(instruction.id, set()).update(reads[number])
        handed = reads[number] if instruction.opcode in _HANDED_ON else set()
        for operand in operands[number]:
            reads[operand] |= {instruction.name} | handed
    return {maker: frozenset(names) for maker, names in found.items()}
