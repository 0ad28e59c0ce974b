"""Memory of an xplane file that somebody else wrote, by the programs that it holds."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from profilers.captures.xla.memory import SOURCE, planned_blocks
from profilers.captures.xla.plain_programs import instruction_name
from profilers.graphs.hlo_program import HloProgram
from profilers.profile import (
    NEVER_NS,
    Allocations,
    Memory,
    MemoryCategory,
    Profile,
    StringPool,
)
from profilers.profile.table import Int32, Int64

_GIVEN = (
    "what the programs are given counts as parameters where its name says so, else as inputs; their "
    "constants count as parameters"
)
_STATE = re.compile(r"(?<![a-z])(opt_state|optimi[sz]er\w*|momentum|adam\w*|slots)(?![a-z])", re.I)
_WEIGHT = re.compile(
    r"(?<![a-z])(params?|parameters|weights?|variables|kernel|bias|embeddings?)(?![a-z])", re.I
)


def planned_memory(profile: Profile, parts: Sequence[Allocations]) -> Memory:
    """The blocks of all programs that ran."""
    return Memory(f"{SOURCE}; {_GIVEN}", Allocations.joined(parts), profile.memory.counters)


def blocks_of_program(
    program: HloProgram,
    profile: Profile,
    rows: Int64,
    node_of: Mapping[str, int],
    pool: StringPool,
) -> Iterator[Allocations]:
    """On each device that ran it: what it was given, and its own blocks in each of its runs."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    names = [instruction_name(text) for text in profile.strings]
    entry = {place.instruction.name for place in program.places if place.owner < 0}
    for device in np.unique(tracks.device[slices.track[rows]]).tolist():
        own = rows[tracks.device[slices.track[rows]] == device]
        process = int(tracks.process[slices.track[own[0]]])
        name = "cpu" if device < 0 else profile.strings[process] or f"device {device}"
        row = pool.add(name)
        run = np.full(len(slices), -1, np.int32)
        run[own] = _runs(profile, own, names, entry)
        yield Allocations.from_rows(_given(program, row))
        yield planned_blocks(program, node_of, slices.replace(step=run), names, row)


def _runs(profile: Profile, rows: Int64, names: Sequence[str], entry: set[str]) -> Int32:
    """The number of the run of each slice: an instruction of the entry runs once in each."""
    slices = profile.trace.slices
    order = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    seen: set[str] = set()
    run, of_row = 0, {}
    for row in order.tolist():
        name = names[int(slices.name[row])]
        if name in entry:
            if name in seen:
                run += 1
                seen.clear()
            seen.add(name)
        of_row[row] = run
    return np.array([of_row[row] for row in rows.tolist()], np.int32)


def _given(program: HloProgram, device: int) -> Iterator[tuple[int, ...]]:
    """Arguments carry the path of the program's own structure, such as ``params['dense']['kernel']``."""
    named = {
        place.instruction.id: place.instruction.metadata.op_name
        for place in program.places
        if place.owner < 0 and place.instruction.opcode == "parameter"
    }
    makers = {each.id: each.defined_at.instruction_id for each in program.buffers.logical_buffers}
    for block in program.buffers.buffer_allocations:
        category = MemoryCategory.PARAMETER
        if block.is_entry_computation_parameter:
            held = (makers.get(part.logical_buffer_id, -1) for part in block.assigned)
            category = category_of(next((named[each] for each in held if each in named), ""))
        if (block.is_entry_computation_parameter or block.is_constant) and block.size > 0:
            yield 0, NEVER_NS, int(block.size), device, int(category), -1, -1, -1


def category_of(argument: str) -> MemoryCategory:
    """What an argument of a program is, by its path there; an input where that says nothing else."""
    if _STATE.search(argument):
        return MemoryCategory.OPTIMISER_STATE
    return MemoryCategory.PARAMETER if _WEIGHT.search(argument) else MemoryCategory.INPUT
