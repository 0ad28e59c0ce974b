"""What each rank of a distributed run did with its time: computing, communicating, waiting."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.analysis.collectives import paired_collectives
from profilers.analysis.device.work import work_rows
from profilers.analysis.intervals import Intervals, overlap_ns, union
from profilers.analysis.once import once
from profilers.profile import Diagnostic, Profile, Severity, SliceKind, TrackKind
from profilers.profile.table import Int32, Int64, Table, column
from profilers.units import format_duration, format_percent

_WAITING = re.compile(
    r"^(c10d|autograd|fsdp|torch::distributed)::|^torch\.distributed|^Optimizer\."
)
_FAR_MORE = 1.5  # than what chance makes of ranks that are alike
_NOTABLE_SHARE = 0.05  # of the ranks' time that is spent waiting for one of them


@dataclass(frozen=True, eq=False)
class RankTime(Table):
    """One row per rank that communicates; times in ns, over the whole capture.

    Computing is what its devices do, or, without devices, its operators. Communication is exposed
    while the same rank does not compute. `wait_ns` is the part of it before the last rank arrived.
    """

    rank: Int32 = column("i4")
    span_ns: Int64 = column("i8")  # first begin to last end of its work
    compute_ns: Int64 = column("i8")
    communication_ns: Int64 = column("i8")
    exposed_ns: Int64 = column("i8")
    wait_ns: Int64 = column("i8")
    collectives: Int64 = column("i8")
    last_arrivals: Int64 = column("i8")  # collectives that the others waited for this rank in
    caused_wait_ns: Int64 = column("i8")  # of all other ranks, for this one


@once
def rank_time(profile: Profile) -> RankTime:
    """Empty where there is one rank, or none of them communicates."""
    pairs = paired_collectives(profile)
    if not len(pairs):
        return RankTime.empty()
    slices = profile.trace.slices
    rank_of = profile.trace.tracks.rank[slices.track]
    is_compute, is_communication = _kinds(profile)
    last = _last_rank(profile)
    waits_until_ns = slices.start_ns[pairs.slice] + pairs.wait_ns
    rows = []
    for rank in np.unique(pairs.rank).tolist():
        of_rank = rank_of == rank
        computes = _covered(profile, of_rank & is_compute)
        communicates = _covered(profile, of_rank & is_communication)
        begin_ns = min(int(each.begin_ns[0]) for each in (computes, communicates) if len(each))
        end_ns = max(int(each.end_ns[-1]) for each in (computes, communicates) if len(each))
        own = pairs.rank == rank
        waits = union(slices.start_ns[pairs.slice[own]], waits_until_ns[own])
        rows.append((
            rank, end_ns - begin_ns, computes.length_ns, communicates.length_ns,
            communicates.length_ns - overlap_ns(computes, communicates),
            waits.length_ns, int(own.sum()), int((own & (last == rank)).sum()),
            _caused_wait_ns(profile, last == rank),
        ))  # fmt: skip
    return RankTime.from_rows(rows)


def rank_rows(profile: Profile) -> list[dict[str, Any]]:
    """The table as plain data."""
    time = rank_time(profile)
    names = list(RankTime.dtypes())
    return [{name: int(getattr(time, name)[at]) for name in names} for at in range(len(time))]


def rank_findings(profile: Profile) -> tuple[Diagnostic, ...]:
    """Who the others waited for, and how much communication nothing hides."""
    return tuple(findings_of(rank_time(profile)))


def findings_of(time: RankTime) -> Iterator[Diagnostic]:
    """The same of the figures alone."""
    if not len(time):
        return
    exposed = ", ".join(
        f"rank {int(rank)} {format_duration(int(exposed))} ({format_percent(exposed / span)})"
        for rank, exposed, span in zip(time.rank, time.exposed_ns, time.span_ns, strict=True)
        if span
    )
    yield Diagnostic(Severity.INFO, f"Communication that no computation hides: {exposed}.")
    worst = int(time.caused_wait_ns.argmax())
    others_ns = int(time.span_ns.sum() - time.span_ns[worst])
    share = int(time.caused_wait_ns[worst]) / max(others_ns, 1)
    if not share:
        return
    told = (
        f"{int(time.rank[worst])} arrived last at {int(time.last_arrivals[worst])} of "
        f"{int(time.collectives[worst])} collectives; the others waited "
        f"{format_duration(int(time.caused_wait_ns[worst]))} for it, {format_percent(share)} of their time."
    )
    if not _stands_out(time, worst):
        yield Diagnostic(
            Severity.INFO,
            f"No rank is a straggler: each keeps the others waiting about as long. Rank {told}",
        )
        return
    yield Diagnostic(
        Severity.WARNING if share >= _NOTABLE_SHARE else Severity.INFO,
        f"Rank {told}",
        "Give that rank less work, or see what it does before it arrives.",
    )


def _stands_out(time: RankTime, worst: int) -> bool:
    """Whether the others wait far longer, or far more often, for this rank than for one of the rest."""
    rest_ns = np.delete(time.caused_wait_ns, worst)
    even_count = int(time.collectives[worst]) / len(time)
    return bool(
        time.caused_wait_ns[worst] >= _FAR_MORE * rest_ns.mean()
        or time.last_arrivals[worst] >= _FAR_MORE * even_count
    )


def _kinds(profile: Profile) -> tuple[Any, Any]:
    """Masks of slices that compute, and of those that communicate."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    is_communication = slices.kind == SliceKind.COMMUNICATION
    if len(work_rows(profile)):
        on_stream = tracks.kind[slices.track] == TrackKind.STREAM
        return (slices.kind == SliceKind.KERNEL) & on_stream, is_communication & on_stream
    waits = np.array([_WAITING.match(text) is not None for text in profile.strings], np.bool_)
    is_operator = np.isin(slices.kind, (SliceKind.OPERATOR, SliceKind.KERNEL))
    return is_operator & ~waits[slices.name], is_communication


def _covered(profile: Profile, mask: Any) -> Intervals:
    slices = profile.trace.slices
    begin = slices.start_ns[mask]
    return union(begin, begin + slices.duration_ns[mask])


def _last_rank(profile: Profile) -> Int32:
    """For each part of a collective the rank that arrived last there."""
    pairs = paired_collectives(profile)
    order = np.lexsort((profile.trace.slices.start_ns[pairs.slice], pairs.instance))
    is_last = np.append(pairs.instance[1:] != pairs.instance[:-1], True)[: len(pairs)]
    latest = pairs.rank[order][is_last]  # sorted within each, so the last row is the last to come
    found: Int32 = latest[np.cumsum(np.append(0, is_last[:-1]))]
    return found


def _caused_wait_ns(profile: Profile, counts: Any) -> int:
    """Time that the waiting ranks spent in the given parts, each rank's overlaps counted once."""
    pairs, start_ns = paired_collectives(profile), profile.trace.slices.start_ns
    total = 0
    for rank in np.unique(pairs.rank[counts]).tolist():
        own = counts & (pairs.rank == rank)
        begin = start_ns[pairs.slice[own]]
        total += union(begin, begin + pairs.wait_ns[own]).length_ns
    return total
