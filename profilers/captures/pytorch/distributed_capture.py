"""Reads what the ranks of a distributed run left: a capture of each, joined into one profile."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.analysis.rank_time import rank_findings
from profilers.captures.joined_ranks import RankPart, join_ranks
from profilers.captures.pytorch import capture as torch_capture
from profilers.captures.pytorch.distributed_files import CLOCK, RANKS, SHARDS, rank_folder
from profilers.captures.pytorch.graphs import GRAPH_FORM, form_of
from profilers.captures.run_facts import environment_of, timings_of
from profilers.profile import Diagnostic, Profile, Severity
from profilers.profile.memory import MemoryCategory
from profilers.run_record import RunRecord
from profilers.traces import Progress
from profilers.units import format_duration


def read(folder: Path, run: RunRecord, progress: Progress) -> Profile:
    """The Profile of all ranks; the graph is that of rank 0.

    Raises
    ------
    DamagedFile
        If the capture of a rank is missing or cannot be read.
    """
    count = int(run.extra[RANKS])
    parts, clocks = [], []
    first: dict[str, Any] = {}
    for rank in range(count):
        own = RunRecord.read(folder / rank_folder(rank))
        first = first or own.extra
        own.extra = {**first, **own.extra}
        own.diagnostics = [] if rank else run.diagnostics
        profile = torch_capture.read(
            folder / rank_folder(rank),
            own,
            lambda share, rank=rank: progress((rank + share) / (count + 1)),  # type: ignore[misc]
        )
        first.setdefault(GRAPH_FORM, form_of(profile.diagnostics))
        clocks.append(own.extra[CLOCK])
        parts.append(RankPart(_sharded(profile, own.extra[SHARDS]), rank, _ahead_ns(clocks[-1])))
    joined = join_ranks(parts)
    notes = (_clock_note(clocks), *rank_findings(joined)) if count > 1 else ()
    return replace(
        joined,
        timings=timings_of(run),
        environment=environment_of(run),
        diagnostics=(*joined.diagnostics, *notes),
    )


def _ahead_ns(clock: dict[str, int]) -> int:
    """What the clock is ahead, where that is more than the measurement may be wrong."""
    offset_ns = int(clock["offset_ns"])
    return offset_ns if abs(offset_ns) > int(clock["uncertainty_ns"]) else 0


def _clock_note(clocks: list[dict[str, int]]) -> Diagnostic:
    uncertain = format_duration(max(int(clock["uncertainty_ns"]) for clock in clocks))
    moved = max(abs(_ahead_ns(clock)) for clock in clocks)
    what = f"were up to {format_duration(moved)} apart and are aligned" if moved else "agree"
    return Diagnostic(
        Severity.INFO,
        f"The clocks of {len(clocks)} ranks {what}, as far as messages between them can tell: to "
        f"{uncertain}.",
    )


def _sharded(profile: Profile, shard_bytes: dict[str, int]) -> Profile:
    """Weights with the bytes that the rank holds of them."""
    blocks = profile.memory.allocations
    names = profile.authored.parameters.name.tolist()
    held = [shard_bytes.get(profile.strings[name], -1) for name in names]
    own = np.append(np.array(held, np.int64), -1)[blocks.parameter]
    is_weight = (blocks.category == MemoryCategory.PARAMETER) & (own >= 0)
    blocks = blocks.replace(bytes=np.where(is_weight, own, blocks.bytes))
    return replace(profile, memory=replace(profile.memory, allocations=blocks))
