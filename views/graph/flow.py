"""Which way edges lead, and in which row of a layered layout each box lies. No Qt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

_MOST_BESIDE = 2  # boxes without an edge per row


@dataclass(frozen=True, eq=False)
class Flow:
    """Edges turned so that all lead onwards.

    Attributes
    ----------
    order : int64 array
        Boxes so that edges lead from earlier to later ones.
    upper, lower : int64 array
        The ends of each edge as drawn, for all edges.
    start, readers : int64 array
        The readers of a box are ``readers[start[box]:start[box + 1]]``, each once, not itself.
    arriving : int64 array
        Boxes that each box reads from.
    """

    order: Int64
    upper: Int64
    lower: Int64
    start: Int64
    readers: Int64
    arriving: Int64


def grouped(loops: Any, key: Int64, value: Int64, count: int) -> tuple[Int64, Int64]:
    """Where the values of each key begin, and all values by key."""
    start = starts(np.bincount(key, minlength=count))
    members = np.empty(len(key), np.int64)
    loops.fill_groups(key, value, start[:-1].copy(), members)
    return start, members


def starts(sizes: NDArray[np.integer]) -> Int64:
    """Where each of some groups begins, and where the last ends."""
    found = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=found[1:])
    return found


def flow_of(loops: Any, count: int, edges: Int64) -> Flow:
    """Edges that lead back, which every circle has, are turned."""
    source, target = edges[:, 0].copy(), edges[:, 1].copy()
    order = np.arange(count)
    place = order
    if (source > target).any():
        start, readers = grouped(loops, source, target, count)
        is_met, stack = np.zeros(count, np.bool_), np.zeros(count, np.int64)
        order, place = np.zeros(count, np.int64), np.empty(count, np.int64)
        loops.flow_order(start, readers, start[:-1].copy(), is_met, stack, order)
        place[order] = np.arange(count)
    leads_back = place[source] > place[target]
    upper = np.where(leads_back, target, source)
    lower = np.where(leads_back, source, target)
    pairs = np.unique((upper * count + lower)[upper != lower])
    above, readers = np.divmod(pairs, count)
    return Flow(
        order,
        upper,
        lower,
        starts(np.bincount(above, minlength=count)),
        readers,
        np.bincount(readers, minlength=count),
    )


def spine_of(loops: Any, flow: Flow, heads: Int64) -> Int64:
    """Boxes of one longest chain of edges, from its head down.

    Its head is one of `heads` if any of them leads anywhere, else any box.
    """
    height = np.zeros(len(flow.order), np.int64)
    loops.fill_heights(flow.order, flow.start, flow.readers, height)
    leading = heads[height[heads] > 0]
    if not len(leading):
        leading = flow.order
    head = int(leading[np.argmax(height[leading])])
    path = np.zeros(int(height[head]) + 1, np.int64)
    loops.follow_longest(flow.start, flow.readers, height, head, path)
    return path


def ranked(loops: Any, flow: Flow, head: int) -> Int64:
    """The row of each box; weights and constants lie beside what reads them, not all at the top.

    A few boxes without an edge lie beside the others, many in rows of their own at the end.
    """
    count = len(flow.order)
    rank, is_led_to = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    loops.fill_ranks(flow.order, flow.start, flow.readers, flow.arriving, head, is_led_to, rank)
    lonely = np.flatnonzero((np.diff(flow.start) == 0) & (flow.arriving == 0))
    last, number = int(rank.max()), np.arange(len(lonely))
    if len(lonely) <= _MOST_BESIDE * (last - 1):
        rank[lonely] = 1 + number % max(last - 1, 1)
    else:
        rank[lonely] = (last + 1 if last else 0) + number // max(int(len(lonely) ** 0.5), 6)
    return rank
