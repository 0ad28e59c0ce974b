"""Memory of an xplane file that somebody else wrote, by the programs that it holds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from profilers.captures.xla.memory import SOURCE, planned_blocks
from profilers.graphs.hlo_program import HloProgram, read_hlo
from profilers.profile import (
    NEVER_NS,
    WORK_KINDS,
    Allocations,
    Memory,
    MemoryCategory,
    Profile,
    SliceKind,
    StringPool,
    decode,
)
from profilers.profile.table import Int32, Int64
from profilers.traces.xplane_files import files_of
from profilers.traces.xplane_programs import programs_of

_GIVEN = "what the programs are given counts as inputs, their constants as parameters"
_MOST_READ = 50_000  # slices whose program is looked up one by one: a second
_SAMPLED = 500  # of more slices, to tell whether all are of one program
_RUNS = (*WORK_KINDS, SliceKind.OPERATOR)


def with_planned_memory(profile: Profile, path: Path) -> Profile:
    """The profile with the blocks that XLA planned, where no allocator told anything.

    As it is where the file holds no program that ran, where there are too many slices of several
    programs to tell them apart, and for runs over several hosts.
    """
    files, _ = files_of(path)
    held = {} if len(profile.memory.allocations) or len(files) != 1 else programs_of(files[0])
    if not held:
        return profile
    pool = StringPool(profile.strings)
    names = [text.lstrip("%").partition(" ")[0] for text in profile.strings]  # "%fusion.1 = ..."
    parts = []
    for module, rows in _slices_by_module(profile, held).items():
        try:
            program = read_hlo(held[module])
        except (ValueError, KeyError):
            continue
        parts += list(_of_program(program, profile, rows, names, pool))
    if not parts:
        return profile
    memory = Memory(f"{SOURCE}; {_GIVEN}", Allocations.joined(parts), profile.memory.counters)
    return replace(profile, strings=pool.table(), memory=memory)


def _slices_by_module(profile: Profile, held: Mapping[str, bytes]) -> dict[str, Int64]:
    """Rows of the slices that are instructions of each program."""
    rows = np.flatnonzero(np.isin(profile.trace.slices.kind, _RUNS))
    looked_at = rows
    if len(rows) > _MOST_READ:
        looked_at = rows[np.linspace(0, len(rows) - 1, _SAMPLED).astype(np.int64)]
    told = [
        str(decode(profile.trace.arguments, row).get("hlo_module", ""))
        for row in looked_at.tolist()
    ]
    modules = [name for name in dict.fromkeys(told) if name in held]
    if len(rows) > len(looked_at):
        return {modules[0]: rows} if len(modules) == 1 else {}
    of_row = np.array(told, dtype=object)
    return {name: rows[of_row == name] for name in modules}


def _of_program(
    program: HloProgram, profile: Profile, rows: Int64, names: Sequence[str], pool: StringPool
) -> Iterator[Allocations]:
    """On each device that ran it: what it was given, and its own blocks in each of its runs."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    entry = {place.instruction.name for place in program.places if place.owner < 0}
    for device in np.unique(tracks.device[slices.track[rows]]).tolist():
        own = rows[tracks.device[slices.track[rows]] == device]
        process = int(tracks.process[slices.track[own[0]]])
        name = "cpu" if device < 0 else profile.strings[process] or f"device {device}"
        row = pool.add(name)
        run = np.full(len(slices), -1, np.int32)
        run[own] = _runs(profile, own, names, entry)
        yield Allocations.from_rows(_given(program, row))
        yield planned_blocks(program, {}, slices.replace(step=run), names, row)


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
    for block in program.buffers.buffer_allocations:
        category = (
            MemoryCategory.INPUT
            if block.is_entry_computation_parameter
            else MemoryCategory.PARAMETER
        )
        if (block.is_entry_computation_parameter or block.is_constant) and block.size > 0:
            yield 0, NEVER_NS, int(block.size), device, int(category), -1, -1, -1
