"""What memory consists of at a moment: a tree of modules, or a list of operators or categories."""

from dataclasses import dataclass

import numpy as np

from profilers.analysis.memory.curve import alive_at
from profilers.analysis.memory.groups import STACKED, GroupBy, category_name, operator_name
from profilers.analysis.memory.owners import block_operators, block_scopes
from profilers.profile import MemoryCategory, Profile
from profilers.profile.table import Int32, Int64

_CATEGORIES = len(MemoryCategory)


@dataclass(frozen=True, eq=False)
class Breakdown:
    """Rows in the order of a tree that is open throughout: parents first, the largest child first.

    Attributes
    ----------
    names : tuple of str
    parent : int32 array
        Row of the module around it, -1 at the top.
    key : int32 array
        Scope, operator (see `block_operators`) or category that a row stands for, -1 for none.
    bytes : int64 array, shape (rows, categories)
        Bytes alive by `MemoryCategory`; a module's hold those of the modules in it.
    blocks : int64 array
    total_bytes : int
        Of all blocks alive.
    """

    names: tuple[str, ...]
    parent: Int32
    key: Int32
    bytes: Int64
    blocks: Int64
    total_bytes: int

    @property
    def row_bytes(self) -> Int64:
        """Of all categories."""
        sums: Int64 = self.bytes.sum(axis=1)
        return sums


def breakdown(profile: Profile, device: int, time_ns: int, by: GroupBy) -> Breakdown:
    """Everything alive on a device at a moment, by module, operator or category."""
    rows = alive_at(profile, device, time_ns)
    if by == GroupBy.MODULE:
        return _by_module(profile, rows)
    if by == GroupBy.OPERATOR:
        keys = block_operators(profile)[rows]
    else:
        keys = profile.memory.allocations.category[rows].astype(np.int32)
    found, place = np.unique(keys, return_inverse=True)
    sums, counts = _sums(profile, rows, place, len(found))
    order = np.argsort(-sums.sum(axis=1), kind="stable")
    if by == GroupBy.OPERATOR:
        names = [operator_name(profile, key) for key in found.tolist()]
    else:
        order = np.array(sorted(range(len(found)), key=lambda row: STACKED.index(found[row])), int)
        names = [category_name(key) for key in found.tolist()]
    return Breakdown(
        tuple(names[row] for row in order.tolist()),
        np.full(len(order), -1, np.int32),
        found[order],
        sums[order],
        counts[order],
        int(sums.sum()),
    )


def _by_module(profile: Profile, rows: Int64) -> Breakdown:
    """Modules that hold nothing are left out; what belongs to none is one more row."""
    scopes, parents = profile.authored.scopes, profile.authored.scopes.parent
    last = len(scopes)
    scope = block_scopes(profile)[rows]
    sums, counts = _sums(profile, rows, np.where(scope >= 0, scope, last), last + 1)
    total = int(sums.sum())
    for row in range(last - 1, -1, -1):  # parents come first, so that children are complete here
        if parents[row] >= 0:
            sums[parents[row]] += sums[row]
            counts[parents[row]] += counts[row]
    weight = sums.sum(axis=1)
    children: dict[int, list[int]] = {}
    for row in sorted(np.flatnonzero(counts).tolist(), key=lambda row: -int(weight[row])):
        children.setdefault(int(parents[row]) if row < last else -1, []).append(row)
    order: list[int] = []
    waiting = children.get(-1, [])[::-1]
    while waiting:
        order.append(waiting.pop())
        waiting += children.get(order[-1], [])[::-1]
    place = {row: at for at, row in enumerate(order)}
    names = [
        profile.strings[int(scopes.name[row])] if row < last else "(no module)" for row in order
    ]
    above = [place[int(parents[row])] if row < last and parents[row] >= 0 else -1 for row in order]
    keys = [row if row < last else -1 for row in order]
    return Breakdown(
        tuple(names),
        np.array(above, np.int32),
        np.array(keys, np.int32),
        sums[order],
        counts[order],
        total,
    )


def _sums(profile: Profile, rows: Int64, place: Int64, count: int) -> tuple[Int64, Int64]:
    """Bytes by place and category, and blocks by place."""
    allocations = profile.memory.allocations
    cells = np.zeros(count * _CATEGORIES, np.int64)
    np.add.at(cells, place * _CATEGORIES + allocations.category[rows], allocations.bytes[rows])
    return cells.reshape(count, _CATEGORIES), np.bincount(place, minlength=count)
