"""Blocks that are made at the same place again and again: one site, a block for each time."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.memory.owners import making_slices
from profilers.analysis.once import once
from profilers.profile import NEVER_NS, Profile
from profilers.profile.table import Int32, Int64


@dataclass(frozen=True, eq=False)
class Sites:
    """Attributes
    ----------
    of : int32 array
        Site of each row of ``memory.allocations``.
    first : int64 array
        The first block of each site.
    """

    of: Int32
    first: Int64


@once
def allocation_sites(profile: Profile) -> Sites:
    """Blocks of equal size and category on one device for the same parameter, node or operator."""
    found = sites_among(profile, np.arange(len(profile.memory.allocations)))
    found.of.flags.writeable = found.first.flags.writeable = False
    return found


def sites_among(profile: Profile, rows: Int64) -> Sites:
    """The sites of some blocks: `of` has one value for each of them, `first` are blocks."""
    made_in = making_slices(profile)[rows]
    allocations = profile.memory.allocations.take(rows)
    called = np.append(profile.trace.slices.name, -1)[made_in]
    has_owner = (allocations.parameter >= 0) | (allocations.node >= 0)
    keys = (
        allocations.bytes,
        allocations.device,
        allocations.category,
        allocations.parameter,
        allocations.node,
        np.where(has_owner, -1, called),
    )
    order = np.lexsort(keys)
    is_new = np.zeros(len(order), np.bool_)
    is_new[:1] = True
    for key in keys:
        is_new[1:] |= key[order[1:]] != key[order[:-1]]
    site = np.empty(len(order), np.int32)
    site[order] = np.cumsum(is_new) - 1
    return Sites(site, rows[order[is_new]])


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """The largest sites of one device, the largest first.

    Attributes
    ----------
    sites : int32 array
    blocks : int64 array
        Rows of ``memory.allocations``, those of a site together and in order of time.
    offsets : int64 array, shape (sites + 1,)
        Where the blocks of each site begin.
    """

    sites: Int32
    blocks: Int64
    offsets: Int64


@once
def largest_lifetimes(profile: Profile, device: int, most: int, with_lasting: bool) -> Lifetimes:
    """Sites with the largest blocks; what lasts from beginning to end only `with_lasting`."""
    allocations, sites = profile.memory.allocations, allocation_sites(profile)
    is_shown = (allocations.device == device) & (allocations.freed_ns > allocations.allocated_ns)
    if not with_lasting:
        is_shown &= (allocations.allocated_ns > 0) | (allocations.freed_ns != NEVER_NS)
    rows = np.flatnonzero(is_shown)
    present = np.flatnonzero(np.bincount(sites.of[rows], minlength=len(sites.first)))
    sizes = allocations.bytes[sites.first[present]]
    chosen = present[np.argsort(-sizes, kind="stable")[:most]]
    rank = np.full(len(sites.first), -1, np.int32)
    rank[chosen] = np.arange(len(chosen))
    rows = rows[rank[sites.of[rows]] >= 0]
    rows = rows[np.lexsort((allocations.allocated_ns[rows], rank[sites.of[rows]]))]
    offsets = np.searchsorted(rank[sites.of[rows]], np.arange(len(chosen) + 1))
    return Lifetimes(chosen.astype(np.int32), rows, offsets)
