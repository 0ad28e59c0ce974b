"""Several ranks of one run as one profile: a track group per rank, one clock, collectives tied."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.collectives import COLLECTIVE_FLOW, paired_collectives
from profilers.analysis.rank_time import rank_findings
from profilers.profile import (
    NEVER_NS,
    Flows,
    JsonColumn,
    Memory,
    Profile,
    Slices,
    Steps,
    StringPool,
    Table,
    Trace,
    Tracks,
)
from profilers.profile.table import Int32, Int64

RANK_FACT = "Rank"  # as the reader of Kineto traces names it
AnyTable = TypeVar("AnyTable", bound=Table)


@dataclass(frozen=True, eq=False)
class RankPart:
    """What one rank recorded; its clock shows `ahead_ns` more than that of the first part."""

    profile: Profile
    rank: int
    ahead_ns: int = 0


class JoinedJson:
    """The rows of several JSON columns, one after the other."""

    def __init__(self, parts: Sequence[JsonColumn]) -> None:
        self._parts = parts
        self._begins = np.concatenate(([0], np.cumsum([len(part) for part in parts]))).tolist()

    def __len__(self) -> int:
        return int(self._begins[-1])

    def text(self, row: int) -> bytes:
        part = bisect_right(self._begins, row) - 1
        return self._parts[part].text(row - self._begins[part])


def join_ranks(parts: Sequence[RankPart]) -> Profile:
    """One profile of all ranks, by rank; the first part gives graph, timings and environment.

    Times are moved to one clock by each part's wall clock, where all parts have one, else so that
    all parts begin together. Nodes and groups stay where a part has the first one's graph.
    """
    parts = sorted(parts, key=lambda part: part.rank)
    first = parts[0].profile
    pool = StringPool(first.strings)
    shifts_ns, start_unix_ns = _shifts_ns(parts)
    steps = _steps(parts, shifts_ns)
    shared = _shared_processes(parts)
    joined = [
        _moved(part, shift_ns, pool, steps, first, shared)
        for part, shift_ns in zip(parts, shifts_ns, strict=True)
    ]
    trace = _trace([each.trace for each in joined])
    messages = {note.message: note for each in parts for note in each.profile.diagnostics}
    profile = replace(
        first,
        trace=trace,
        memory=_memory(
            [each.memory for each in joined], [len(p.profile.trace.slices) for p in parts]
        ),
        steps=steps,
        diagnostics=tuple(messages.values()),
        notes=(),
        start_unix_ns=start_unix_ns,
        strings=pool.table(),
    )
    return _with_ties(profile, pool)


def _shifts_ns(parts: Sequence[RankPart]) -> tuple[list[int], int]:
    """What to add to each part's times, and the wall clock of the joined profile's beginning."""
    starts = [part.profile.start_unix_ns - part.ahead_ns for part in parts]
    if not all(part.profile.start_unix_ns for part in parts):
        return [0] * len(parts), 0
    return [start - min(starts) for start in starts], min(starts)


def _steps(parts: Sequence[RankPart], shifts_ns: Sequence[int]) -> Steps:
    """A step lasts from its first begin on any rank to its last end."""
    numbers = np.concatenate([part.profile.steps.number for part in parts])
    starts = [p.profile.steps.start_ns + ns for p, ns in zip(parts, shifts_ns, strict=True)]
    ends = [
        start + part.profile.steps.duration_ns for start, part in zip(starts, parts, strict=True)
    ]
    start_ns, end_ns = np.concatenate(starts), np.concatenate(ends)
    rows = []
    for number in np.unique(numbers).tolist():
        of_step = numbers == number
        begin = int(start_ns[of_step].min())
        rows.append((begin, int(end_ns[of_step].max()) - begin, number))
    return Steps.from_rows(sorted(rows))


def _moved(
    part: RankPart,
    shift_ns: int,
    pool: StringPool,
    steps: Steps,
    first: Profile,
    shared: set[str],
) -> Profile:
    """A part with the joined strings, steps, clock and rank; rows of slices and tracks are its own."""
    profile = part.profile
    strings = np.array([*(pool.add(text) for text in profile.strings), -1], np.int32)
    is_same_model = len(profile.authored.nodes) == len(first.authored.nodes)
    step_rows = np.append(np.searchsorted(steps.number, profile.steps.number), -1)
    slices = _renamed(profile.trace.slices, strings)
    slices = slices.replace(
        start_ns=slices.start_ns + shift_ns,
        step=step_rows[slices.step],
        node=slices.node if is_same_model else np.full(len(slices), -1),
        group=slices.group if profile is first else np.full(len(slices), -1),
    )
    tracks = _renamed(profile.trace.tracks, strings)
    tracks = tracks.replace(rank=np.full(len(tracks), part.rank))
    counters = profile.trace.counters.replace(time_ns=profile.trace.counters.time_ns + shift_ns)
    return replace(
        profile,
        trace=replace(
            profile.trace,
            slices=slices,
            tracks=_own_processes(tracks, part.rank, pool, shared),
            flows=_renamed(profile.trace.flows, strings),
            counters=counters,
        ),
        memory=_moved_memory(part, shift_ns, strings, pool, is_same_model),
    )


def _renamed(table: AnyTable, strings: Int32) -> AnyTable:
    """The table with the rows of the joined strings."""
    texts = [spec.name for spec in fields(table) if spec.metadata["refers"] == "strings"]
    return table.replace(**{name: strings[getattr(table, name)] for name in texts})


def _own_processes(tracks: Tracks, rank: int, pool: StringPool, shared: set[str]) -> Tracks:
    """Two hosts may have a process, or a GPU, of the same name."""
    names = pool.table()
    own = {
        row: pool.add(f"{names[row]}, rank {rank}") if names[row] in shared else row
        for row in set(tracks.process.tolist())
    }
    return tracks.replace(process=np.array([own[row] for row in tracks.process.tolist()], np.int32))


def _shared_processes(parts: Sequence[RankPart]) -> set[str]:
    """Names of processes that several parts have."""
    counted = Counter(
        name
        for part in parts
        for name in {
            part.profile.strings[row] for row in part.profile.trace.tracks.process.tolist()
        }
    )
    return {name for name, count in counted.items() if count > 1}


def _moved_memory(
    part: RankPart, shift_ns: int, strings: Int32, pool: StringPool, is_same_model: bool
) -> Memory:
    """Devices are told apart by rank: each process has memory of its own."""
    memory = part.profile.memory
    blocks = _renamed(memory.allocations, strings)
    if not is_same_model:
        none = np.full(len(blocks), -1)
        blocks = blocks.replace(node=none, parameter=none)
    blocks = blocks.replace(
        allocated_ns=np.where(blocks.allocated_ns > 0, blocks.allocated_ns + shift_ns, 0),
        freed_ns=np.where(
            blocks.freed_ns == NEVER_NS,
            NEVER_NS,
            np.minimum(blocks.freed_ns, NEVER_NS - shift_ns) + shift_ns,
        ),
        device=_of_rank(blocks.device, part.rank, pool),
    )
    counters = _renamed(memory.counters, strings)
    counters = counters.replace(
        time_ns=counters.time_ns + shift_ns, device=_of_rank(counters.device, part.rank, pool)
    )
    return Memory(memory.source, blocks, counters)


def _of_rank(devices: Int32, rank: int, pool: StringPool) -> Int32:
    names = pool.table()
    rows = {row: pool.add(f"{names[row]}, rank {rank}") for row in set(devices.tolist())}
    return np.array([rows[row] for row in devices.tolist()], np.int32)


def _trace(parts: Sequence[Trace]) -> Trace:
    slice_begins = _begins([len(part.slices) for part in parts])
    track_begins = _begins([len(part.tracks) for part in parts])
    slices, flows, counters = [], [], []
    for part, slice_begin, track_begin in zip(parts, slice_begins, track_begins, strict=True):
        rows = part.slices
        slices.append(
            rows.replace(
                track=rows.track + track_begin, parent=_moved_rows(rows.parent, slice_begin)
            )
        )
        flows.append(
            part.flows.replace(
                source=part.flows.source + slice_begin, target=part.flows.target + slice_begin
            )
        )
        counters.append(part.counters.replace(track=part.counters.track + track_begin))
    tracks = Tracks.joined([part.tracks for part in parts])
    return Trace(
        Slices.joined(slices),
        tracks.replace(sort_index=np.arange(len(tracks))),
        Flows.joined(flows),
        type(counters[0]).joined(counters),
        JoinedJson([part.arguments for part in parts]),
    )


def _memory(parts: Sequence[Memory], slices: Sequence[int]) -> Memory:
    blocks = [
        part.allocations.replace(slice=_moved_rows(part.allocations.slice, begin))
        for part, begin in zip(parts, _begins(slices), strict=True)
    ]
    counters = [part.counters for part in parts]
    return Memory(
        parts[0].source, type(blocks[0]).joined(blocks), type(counters[0]).joined(counters)
    )


def _begins(lengths: Sequence[int]) -> list[int]:
    ends = np.cumsum([0, *lengths])
    return [int(end) for end in ends[:-1]]


def _moved_rows(rows: NDArray[np.int32], begin: int) -> Int64:
    return np.where(rows >= 0, rows.astype(np.int64) + begin, -1)


def _with_ties(profile: Profile, pool: StringPool) -> Profile:
    """Arrows from the first rank's part in each collective to those of the others."""
    pairs = paired_collectives(profile)
    is_first = np.append(True, pairs.instance[1:] != pairs.instance[:-1])[: len(pairs)]
    source = pairs.slice[np.maximum.accumulate(np.where(is_first, np.arange(len(pairs)), 0))]
    kind = np.full(int((~is_first).sum()), pool.add(COLLECTIVE_FLOW))
    ties = Flows.of(source=source[~is_first], target=pairs.slice[~is_first], kind=kind)
    flows = Flows.joined([profile.trace.flows, ties])
    return replace(profile, trace=replace(profile.trace, flows=flows), strings=pool.table())


def rank_of(profile: Profile) -> str:
    """The rank that a trace names, "" for none."""
    text = profile.environment.facts.get(RANK_FACT, "")
    return text if text.isdecimal() else ""


def joined_traces(profiles: Sequence[Profile]) -> Profile:
    """Traces that the ranks of one run left, by the rank that each names, else in the given order."""
    told = [rank_of(profile) for profile in profiles]
    is_told = len(set(told)) == len(told) and all(told)
    ranks = [int(each) for each in told] if is_told else list(range(len(profiles)))
    parts = [RankPart(profile, rank) for profile, rank in zip(profiles, ranks, strict=True)]
    joined = join_ranks(parts)
    facts = {name: text for name, text in joined.environment.facts.items() if name != RANK_FACT}
    return replace(
        joined,
        name=", ".join(profile.name for profile in profiles),
        environment=replace(joined.environment, facts=facts),
        diagnostics=(*joined.diagnostics, *rank_findings(joined)),
    )
