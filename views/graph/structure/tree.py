"""What lies in what, as arrays: children in order, depths, and everything inside an item. No Qt."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from profilers.profile.table import Int32, Int64

ROOT = -1
Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, eq=False)
class Tree:
    """Items 0 to `count` - 1 in containers; `ROOT` holds the outermost.

    Attributes
    ----------
    parent : int32 array
        The item around each item, `ROOT` at the top.
    depth : int32 array
        How many items lie around each; -1 for items that are left out.
    child_items : int32 array
        Children of `ROOT`, then those of item 0, and so on, each in order.
    child_start : int64 array
        Where the children of item i begin is ``child_start[i + 1]``.
    place : int32 array
        Of each item among its parent's children.
    """

    parent: Int32
    depth: Int32
    child_items: Int32
    child_start: Int64
    place: Int32

    @classmethod
    def of(cls, parent: Int32, order: Int64, is_kept: NDArray[np.bool_] | None = None) -> Self:
        """Children are sorted by `order`; items that are not kept are nowhere."""
        kept = np.arange(len(parent)) if is_kept is None else np.flatnonzero(is_kept)
        items = kept[np.lexsort((order[kept], parent[kept]))].astype(np.int32)
        counts = np.bincount(parent[items] + 1, minlength=len(parent) + 1)
        start = np.concatenate(([0], np.cumsum(counts)))
        place = np.full(len(parent), -1, np.int32)
        place[items] = np.arange(len(items)) - start[parent[items] + 1]
        return cls(parent, _depths(items, start, len(parent)), items, start, place)

    def with_runs(self, container: Int32, run_of: Int32, order: Int64) -> Self:
        """With new items at the end; `run_of` is the new item's number of each item, or -1."""
        first_run = self.count
        parent = np.concatenate((self.parent, container))
        in_run = np.flatnonzero(run_of >= 0)
        parent[in_run] = first_run + run_of[in_run]
        run_order = np.full(len(container), np.iinfo(np.int64).max)
        np.minimum.at(run_order, run_of[in_run], order[in_run])
        is_kept = np.concatenate((self.depth >= 0, np.ones(len(container), bool)))
        return type(self).of(parent, np.concatenate((order, run_order)), is_kept)

    @property
    def count(self) -> int:
        return len(self.parent)

    def children(self, item: int) -> Int32:
        return self.child_items[self.child_start[item + 1] : self.child_start[item + 2]]

    def child_count(self, item: int) -> int:
        return int(self.child_start[item + 2] - self.child_start[item + 1])

    @cached_property
    def containers(self) -> Int32:
        """Items that hold others."""
        return np.flatnonzero(np.diff(self.child_start)[1:]).astype(np.int32)

    def inside(self, item: int) -> Int32:
        """An item and all that lies in it, outermost first; all items for `ROOT`."""
        if item == ROOT:
            return self._walk
        return self._walk[self._first[item] : self._first[item] + self._size[item]]

    def holds(self, item: int, others: Int32) -> NDArray[np.bool_]:
        """Which of `others` lie in an item or are it."""
        if item == ROOT:
            return np.ones(len(others), bool)
        at = self._first[others] - self._first[item]
        held: NDArray[np.bool_] = (at >= 0) & (at < self._size[item])
        return held

    def sums(self, values: NDArray[Number]) -> NDArray[Number]:
        """For each item the sum over it and all that lies in it; 0 for items left out."""
        upto = np.concatenate((values[:1] * 0, np.cumsum(values[self._walk])))
        at = np.where(self.depth >= 0, self._first, 0)
        return upto[at + self._size] - upto[at]

    def lowest(self, values: NDArray[Number]) -> NDArray[Number]:
        """For each item the lowest value of it and all that lies in it."""
        found = values.copy()
        for items in reversed(self.levels[1:]):
            np.minimum.at(found, self.parent[items], found[items])
        return found

    def highest(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each item the highest value of it and all that lies in it."""
        return -self.lowest(-values)

    @cached_property
    def levels(self) -> list[Int32]:
        """Items by depth, the outermost first."""
        items = np.argsort(self.depth, kind="stable").astype(np.int32)
        items = items[self.depth[items] >= 0]
        starts = np.flatnonzero(np.diff(self.depth[items], prepend=-1))
        return np.split(items, starts[1:])

    @cached_property
    def _size(self) -> Int64:
        """How many items lie in each, itself included; 0 for items left out."""
        size = (self.depth >= 0).astype(np.int64)
        for items in reversed(self.levels[1:]):
            np.add.at(size, self.parent[items], size[items])
        return size

    @cached_property
    def _first(self) -> Int64:
        """Where each item stands in a walk from the outside in."""
        upto = np.concatenate(([0], np.cumsum(self._size[self.child_items])))
        before = np.zeros(self.count, np.int64)  # items in the siblings before it
        parents = self.parent[self.child_items]
        before[self.child_items] = upto[:-1] - upto[self.child_start[parents + 1]]
        first = np.full(self.count, -1, np.int64)
        for items in self.levels:
            parents = self.parent[items]
            first[items] = before[items] + np.where(parents == ROOT, 0, first[parents] + 1)
        return first

    @cached_property
    def _walk(self) -> Int32:
        walk = np.empty(int((self.depth >= 0).sum()), np.int32)
        items = np.flatnonzero(self.depth >= 0)
        walk[self._first[items]] = items
        return walk


def _depths(items: Int32, start: Int64, count: int) -> Int32:
    """Level by level from the top; what is not reached has -1."""
    depth = np.full(count, -1, np.int32)
    level, number = items[start[0] : start[1]], 0
    while len(level):
        depth[level] = number
        counts = start[level + 2] - start[level + 1]
        level = level[counts > 0]
        begins, counts = start[level + 1], counts[counts > 0]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        level = items[np.repeat(begins, counts) + offsets]
        number += 1
    return depth
