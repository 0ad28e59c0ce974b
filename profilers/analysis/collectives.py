"""Collectives of a distributed run: which slices of several ranks are one, and who waited for whom.

A rank's part in a collective begins when it arrives and cannot end before the last rank has arrived.
So of two ranks the earlier one waits, and the last one is what the others wait for.
"""

import re
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from profilers.analysis.once import once
from profilers.profile import Profile, SliceKind
from profilers.profile.table import Int32, Int64, Table, column

COLLECTIVE_FLOW = "collective"
_TOLD_APART_BY = re.compile(
    rb'"(?:Collective name|In msg nelems|Process Group Name|Input Dims)"\s*:\s*'
    rb'("[^"]*"|\d+|\[[\d\s,\[\]]*\])'
)


@dataclass(frozen=True, eq=False)
class PairedCollectives(Table):
    """A row for each rank's part in each collective that several ranks took part in."""

    instance: Int32 = column("i4")  # equal for the parts of one collective, rising
    rank: Int32 = column("i4")
    slice: Int32 = column("i4", refers="slices")
    wait_ns: Int64 = column("i8")  # until the last rank had arrived; 0 for that one


@once
def paired_collectives(profile: Profile) -> PairedCollectives:
    """Parts that belong together: the n-th of their kind and size on each rank."""
    slices, tracks = profile.trace.slices, profile.trace.tracks
    rows = np.flatnonzero(slices.kind == SliceKind.COMMUNICATION)
    ranks = tracks.rank[slices.track[rows]]
    if len(np.unique(ranks)) < 2:
        return PairedCollectives.empty()
    rows = rows[np.argsort(slices.start_ns[rows], kind="stable")]
    seen: dict[tuple[int, int, bytes], int] = defaultdict(int)
    parts: dict[tuple[int, bytes, int], list[tuple[int, int]]] = defaultdict(list)
    for row in rows.tolist():
        rank, name = int(tracks.rank[slices.track[row]]), int(slices.name[row])
        size = b"".join(_TOLD_APART_BY.findall(profile.trace.arguments.text(row)))
        nth = seen[rank, name, size]
        seen[rank, name, size] += 1
        parts[name, size, nth].append((rank, row))
    together = [sorted(each) for each in parts.values() if len(each) > 1]
    return PairedCollectives.from_rows(
        (instance, rank, row, wait_ns)
        for instance, each in enumerate(together)
        for (rank, row), wait_ns in zip(each, _waits_ns(profile, each), strict=True)
    )


def _waits_ns(profile: Profile, parts: list[tuple[int, int]]) -> list[int]:
    """A part that ended before the last rank arrived waited no longer than it lasted."""
    rows = [row for _, row in parts]
    starts_ns = profile.trace.slices.start_ns[rows]
    waits_ns = np.minimum(starts_ns.max() - starts_ns, profile.trace.slices.duration_ns[rows])
    return [int(each) for each in waits_ns]
