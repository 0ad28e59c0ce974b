"""Graph, fusions, links and memory of an xplane file that somebody else wrote, by the programs in it.

The model is not there. What is shown as its graph are the operations that the instructions of the
programs name, in the scopes that their names tell.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from profilers.captures.xla.command_buffers import instructions_of
from profilers.captures.xla.fusion import STAGE, XlaLinks, add_linked, block_makers
from profilers.captures.xla.plain_memory import blocks_of_program, planned_memory
from profilers.captures.xla.plain_programs import Ran, programs_run
from profilers.captures.xplane.loops import with_rounds
from profilers.graphs.builder import GraphBuilder
from profilers.graphs.hlo_operations import Operations, add_operations, with_own_names
from profilers.graphs.hlo_program import HloProgram, read_hlo
from profilers.profile import (
    Diagnostic,
    Fusion,
    FusionBreaks,
    FusionGroups,
    FusionMembers,
    Graph,
    Memory,
    Profile,
    Severity,
    SliceKind,
    StringPool,
)
from profilers.traces.xplane_files import files_of
from profilers.traces.xplane_programs import programs_of

_MOST_PLACES = 500_000  # instructions of all programs that are shown
_ON_DEVICE = (SliceKind.KERNEL, SliceKind.COPY)
REBUILT_STAGE = "operations"  # nobody's source: XLA's program by the names that it carries
_REBUILT = Diagnostic(
    Severity.INFO,
    "The graph is rebuilt from the names that XLA's instructions carry; what XLA removed is not in it.",
)


@dataclass(frozen=True)
class _Opened:
    ran: Ran
    program: HloProgram
    operations: Operations
    scopes: tuple[str, ...]


def with_programs(profile: Profile, path: Path) -> Profile:
    """The profile with the programs of the file: their graph, fusions and links, and their memory
    where no allocator told anything.

    As it is where the file holds no program that ran, where there are too many slices of several
    programs to tell them apart, and for runs over several hosts.
    """
    files, _ = files_of(path)
    held = programs_of(files[0]) if len(files) == 1 else {}
    pool = StringPool(profile.strings)
    builder = GraphBuilder(pool, REBUILT_STAGE)
    opened = _opened(programs_run(profile, held) if held else [], builder)
    if not opened:
        return profile
    authored, hlo = builder.build(), GraphBuilder(pool, STAGE)
    links = [
        add_linked(
            hlo, each.program, authored, (), 1, each.operations, pool,
            [(scope, "") for scope in each.scopes],
        )
        for each in opened
    ]  # fmt: skip
    linked = _linked(profile, opened, links, (authored, hlo.build()), pool)
    return with_rounds(replace(linked, diagnostics=(*linked.diagnostics, _REBUILT)))


def _opened(programs: Sequence[Ran], builder: GraphBuilder) -> list[_Opened]:
    """Those that can be read, the busiest first; of several, each has a scope of its own."""
    read: list[tuple[Ran, HloProgram]] = []
    left = _MOST_PLACES
    for ran in sorted(programs, key=lambda each: -len(each.rows)):
        try:
            program = read_hlo(ran.encoded)
        except (ValueError, KeyError):
            continue
        left -= len(program.places)
        if left >= 0:
            read.append((ran, with_own_names(program)))
    taken: Counter[str] = Counter()
    opened = []
    for ran, program in read:
        taken[ran.module] += 1
        number = f" {taken[ran.module]}" if taken[ran.module] > 1 else ""
        scopes = (f"{ran.module}{number}",) if len(read) > 1 else ()
        opened.append(_Opened(ran, program, add_operations(builder, program, scopes), scopes))
    return opened


def _linked(
    profile: Profile,
    opened: Sequence[_Opened],
    links: Sequence[XlaLinks],
    graphs: tuple[Graph, ...],
    pool: StringPool,
) -> Profile:
    slices = profile.trace.slices
    node, group, kind = slices.node.copy(), slices.group.copy(), slices.kind.copy()
    is_host = profile.trace.tracks.device[slices.track] < 0
    blocks, first = [], 0
    for each, own in zip(opened, links, strict=True):
        rows = each.ran.rows
        names = _instructions(profile, each.ran, own)
        node[rows] = [own.node_of.get(name, -1) for name in names]
        groups = [own.group_of.get(name, -1) for name in names]
        group[rows] = [number + first if number >= 0 else -1 for number in groups]
        kind[rows[is_host[rows] & (kind[rows] == SliceKind.KERNEL)]] = SliceKind.OPERATOR
        first += len(own.fusion.groups)
        if not len(profile.memory.allocations):
            blocks += list(blocks_of_program(each.program, profile, rows, own.node_of, pool))
    trace = replace(profile.trace, slices=slices.replace(node=node, group=group, kind=kind))
    memory = planned_memory(profile, blocks) if blocks else _made_by(profile.memory, links)
    fusion = _joined([own.fusion for own in links])
    return replace(
        profile, strings=pool.table(), trace=trace, graphs=graphs, fusion=fusion, memory=memory
    )


def _made_by(memory: Memory, links: Sequence[XlaLinks]) -> Memory:
    """What an allocator told, with the operation whose result has the size of a block."""
    node = memory.allocations.node
    for own in links:
        node = np.where(node >= 0, node, block_makers(own, memory.allocations))
    return replace(memory, allocations=memory.allocations.replace(node=node))


def _instructions(profile: Profile, ran: Ran, links: XlaLinks) -> list[str]:
    """Names of what the slices ran, also out of command buffers."""
    slices = profile.trace.slices
    is_device = profile.trace.tracks.device[slices.track] >= 0
    recorded: Mapping[int, Mapping[str, object]] = {
        row: ran.arguments[row]
        for row, name in zip(ran.rows.tolist(), ran.names, strict=True)
        if name not in links.node_of
        and row in ran.arguments
        and is_device[row]
        and slices.kind[row] in _ON_DEVICE
    }
    found = instructions_of(profile.trace, profile.strings, recorded, links.launched, links.node_of)
    return [found.get(row, name) for row, name in zip(ran.rows.tolist(), ran.names, strict=True)]


def _joined(parts: Sequence[Fusion]) -> Fusion:
    """The groups of all programs, one after the other."""
    firsts = np.cumsum([0, *(len(part.groups) for part in parts)]).tolist()
    members = [
        part.members.replace(group=(part.members.group + first).astype(np.int32))
        for part, first in zip(parts, firsts, strict=False)
    ]
    return Fusion(
        FusionGroups.joined([part.groups for part in parts]),
        FusionMembers.joined(members),
        FusionBreaks.empty(),
    )
