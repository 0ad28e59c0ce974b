"""Blocks of memory in groups: by category, by module, by operator."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

import numpy as np

from profilers.analysis.memory.curve import alive_at, memory_curve
from profilers.analysis.memory.owners import (
    INPUTS,
    OPTIMISER_STATE,
    PARAMETERS,
    block_operators,
    block_scopes,
    scope_paths,
)
from profilers.analysis.once import once
from profilers.profile import MemoryCategory, Profile
from profilers.profile.table import Int32, Int64

_NO_OPERATOR = {
    PARAMETERS: "(parameters)",
    INPUTS: "(inputs)",
    OPTIMISER_STATE: "(optimiser state)",
    -1: "(not known)",
}
_MOST = 9  # groups beside "others"
_TOO_MUCH = 0.6  # share of one module from which on its parts are told apart
STACKED = (
    MemoryCategory.PARAMETER,
    MemoryCategory.OPTIMISER_STATE,
    MemoryCategory.INPUT,
    MemoryCategory.GRADIENT,
    MemoryCategory.ACTIVATION,
    MemoryCategory.GATHERED_PARAMETER,
    MemoryCategory.TEMPORARY,
    MemoryCategory.UNKNOWN,
)  # bottom to top: what stays longest lies lowest


class GroupBy(Enum):
    CATEGORY = "category"
    MODULE = "module"
    OPERATOR = "operator"


@dataclass(frozen=True, eq=False)
class BlockGroups:
    """Groups from the one that is drawn lowest to the topmost.

    Attributes
    ----------
    of : int32 array
        Group of each row of ``memory.allocations``.
    names : tuple of str
    """

    of: Int32
    names: tuple[str, ...]


def first_grouping(profile: Profile) -> GroupBy:
    """By category, unless nobody told any."""
    is_told = (profile.memory.allocations.category != MemoryCategory.UNKNOWN).any()
    return GroupBy.CATEGORY if is_told else GroupBy.OPERATOR


@once
def block_groups(profile: Profile, by: GroupBy, device: int) -> BlockGroups:
    """Groups that split the memory of one device well: the largest at its peak, and the others."""
    if by == GroupBy.CATEGORY:
        return _by_category(profile)
    held = _bytes_at_peak(profile, device)
    if by == GroupBy.OPERATOR:
        return _largest(block_operators(profile), held, partial(operator_name, profile))
    scopes, levels, depth = block_scopes(profile), _scopes_by_depth(profile), 0
    while depth + 1 < len(levels) and _is_lopsided(levels[depth][scopes], held):
        depth += 1
    level = levels[depth] if levels else np.full(1, -1, np.int32)
    paths = scope_paths(profile)
    return _largest(level[scopes], held, lambda row: paths[row] if row >= 0 else "(no module)")


def _by_category(profile: Profile) -> BlockGroups:
    place = np.zeros(len(MemoryCategory), np.int32)
    place[list(STACKED)] = np.arange(len(STACKED))
    names = tuple(category_name(each) for each in STACKED)
    return BlockGroups(place[profile.memory.allocations.category], names)


def category_name(category: int) -> str:
    """``Optimiser state``."""
    return MemoryCategory(category).name.replace("_", " ").capitalize()


def operator_name(profile: Profile, row: int) -> str:
    """Of a value of `block_operators`."""
    return _NO_OPERATOR[row] if row < 0 else profile.strings[row]


def _largest(keys: Int32, held: Int64, name: Callable[[int], str]) -> BlockGroups:
    """The keys that hold most at the peak as groups, all others as one; the largest lies lowest."""
    least = int(keys.min(initial=0))
    counts = np.bincount(keys - least)
    found = np.flatnonzero(counts) + least
    sums = np.bincount(keys - least, weights=held)[found - least]
    order = np.argsort(-sums, kind="stable")
    shown = order if len(order) <= _MOST + 1 else order[:_MOST]
    group = np.full(len(counts), len(shown), np.int32)
    group[found[shown] - least] = np.arange(len(shown))
    names = [name(int(found[each])) for each in shown.tolist()]
    others = [f"({len(order) - len(shown):,} others)"] if len(order) > len(shown) else []
    return BlockGroups(group[keys - least], (*names, *others))


def _scopes_by_depth(profile: Profile) -> list[Int32]:
    """For each depth the scope of that depth around each scope, or itself; -1 stays -1."""
    parent = profile.authored.scopes.parent
    depth = np.zeros(len(parent) + 1, np.int32)
    for row, above in enumerate(parent.tolist()):
        depth[row] = depth[above] + 1 if above >= 0 else 0
    outer = np.append(parent, -1).astype(np.int32)
    level = np.append(np.arange(len(parent)), -1).astype(np.int32)
    levels = [level] if len(parent) else []
    for most in range(int(depth[:-1].max(initial=0)) - 1, -1, -1):
        level = np.where(depth[level] > most, outer[level], level)
        levels.append(level)
    return levels[::-1]


def _is_lopsided(groups: Int32, held: Int64) -> bool:
    known = groups >= 0
    sums = np.bincount(groups[known], weights=held[known])
    return bool(len(sums)) and sums.max() > _TOO_MUCH * sums.sum() > 0


def _bytes_at_peak(profile: Profile, device: int) -> Int64:
    """For each block its size if it is alive at the peak, else 0."""
    allocations = profile.memory.allocations
    held = np.zeros(len(allocations), np.int64)
    alive = alive_at(profile, device, memory_curve(profile, device).peak_ns)
    held[alive] = allocations.bytes[alive]
    return held
