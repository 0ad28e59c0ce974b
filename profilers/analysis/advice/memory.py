"""Memory that grows over the steps, or that lies free in pieces nobody can use."""

from collections.abc import Iterator

import numpy as np

from profilers.analysis.advice.finding import Finding, costliest, listed
from profilers.analysis.memory.curve import memory_curve
from profilers.analysis.memory.growth import memory_growth
from profilers.analysis.memory.segments import segment_map
from profilers.analysis.memory.sites import allocation_sites
from profilers.profile import Profile
from profilers.units import format_bytes, format_percent

_LEAST_FRAGMENTED = 0.1  # of the reserved bytes


def find(profile: Profile) -> Iterator[Finding]:
    """Of the device with the highest peak."""
    curve = memory_curve(profile)
    if curve.device < 0:
        return
    yield from _growing(profile, curve.device, curve.peak_bytes)
    yield from _fragmented(profile, curve.device, curve.peak_ns)


def _growing(profile: Profile, device: int, peak_bytes: int) -> Iterator[Finding]:
    growth = memory_growth(profile, device)
    if growth.bytes_per_step <= 0:
        return
    allocations = profile.memory.allocations
    site = allocation_sites(profile).of
    of_sites = np.flatnonzero(np.isin(site, site[growth.places]))
    made = allocations.slice[of_sites]
    known = made >= 0
    slices = costliest(made[known].astype(np.int64), allocations.bytes[of_sites][known])
    names = [profile.strings[int(profile.trace.slices.name[row])] for row in slices]
    where = f" Most of it is allocated by {listed(names, 2)}." if names else ""
    yield Finding(
        "growing-memory",
        f"Memory grows by {format_bytes(growth.bytes_per_step)} in every step "
        f"({format_percent(growth.bytes_per_step / max(peak_bytes, 1))} of the peak).{where}",
        "Look for what keeps results alive between steps: lists of losses or outputs that hold a "
        "graph (use .item() or .detach()), caches, hooks.",
        cost_bytes=growth.bytes_per_step,
        share=growth.bytes_per_step / max(peak_bytes, 1),
        slices=slices,
    )


def _fragmented(profile: Profile, device: int, peak_ns: int) -> Iterator[Finding]:
    found = segment_map(profile, device, peak_ns)
    reserved, split = found.reserved_bytes, found.split_bytes
    if not reserved or split < _LEAST_FRAGMENTED * reserved:
        return
    owners = profile.memory.allocations.slice[found.allocation]
    sizes = profile.memory.allocations.bytes[found.allocation]
    known = owners >= 0
    yield Finding(
        "fragmentation",
        f"At the peak {format_bytes(split)} of {format_bytes(reserved)} reserved lie free between "
        f"blocks in use ({format_percent(split / reserved)}); the largest free piece is "
        f"{format_bytes(found.largest_free_bytes)}.",
        "Try PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True, allocate large tensors first, and keep "
        "sizes the same from step to step.",
        cost_bytes=split,
        share=split / reserved,
        slices=costliest(owners[known].astype(np.int64), sizes[known]),
    )
