"""For every container the edges between its children, whatever is folded. No Qt."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from profilers.profile import Graph
from profilers.profile.table import Int32, Int64
from views.graph.structure.tree import ROOT, Tree

_MERGE_FROM = 1 << 20  # pairs that are merged while they climb, so that deep nesting stays small


class Ties(NamedTuple):
    """Edges within one container. Where data enters it `source` is `ROOT`, where it leaves `target`.

    `weight` tells how many of the graph's edges each stands for, `shape` the row of the shape that
    all of these have, -1 if it is not known or they differ.
    """

    source: Int32
    target: Int32
    weight: Int64
    shape: Int32


@dataclass(frozen=True, eq=False)
class GroupEdges:
    """Ties of all containers: those of item i are ``start[i + 1]:start[i + 2]``, of `ROOT` first."""

    start: Int64
    ties: Ties

    def of(self, container: int) -> Ties:
        rows = slice(int(self.start[container + 1]), int(self.start[container + 2]))
        return _only(self.ties, rows)


def group_edges(graph: Graph, tree: Tree) -> GroupEdges:
    """Let both ends of every edge climb to the container that they share.

    Every border that an edge crosses on the way gives an edge within the container from there to
    the child that it comes from, or leads to.
    """
    edges = graph.edges
    is_there = (tree.depth[edges.source] >= 0) & (tree.depth[edges.target] >= 0)
    source, target, shape = edges.source[is_there], edges.target[is_there], edges.shape[is_there]
    ends = Ties(source, target, np.ones(len(source), np.int64), shape)
    found: list[tuple[Int32, Ties]] = []
    while len(ends.source):
        ends = _only(ends, ends.source != ends.target)  # equal: into or out of a body, at its owner
        met = tree.parent[ends.source] == tree.parent[ends.target]
        found.append((tree.parent[ends.source[met]], _only(ends, met)))
        ends = _only(ends, ~met)
        climbs = tree.depth[ends.source] >= tree.depth[ends.target]
        outside = np.full(len(climbs), ROOT, np.int32)
        leaving, entering = _only(ends, climbs), _only(ends, ~climbs)
        found.append((tree.parent[leaving.source], leaving._replace(target=outside[climbs])))
        found.append((tree.parent[entering.target], entering._replace(source=outside[~climbs])))
        ends = ends._replace(
            source=np.where(climbs, tree.parent[ends.source], ends.source),
            target=np.where(climbs, ends.target, tree.parent[ends.target]),
        )
        if len(ends.source) > _MERGE_FROM:
            _, ends = _merged([(np.zeros(len(climbs), np.int32), ends)], tree.count)
    container, ties = _merged(found, tree.count)
    return GroupEdges(np.searchsorted(container, np.arange(ROOT, tree.count + 1)), ties)


def _only(ties: Ties, rows: Any) -> Ties:
    return Ties(ties.source[rows], ties.target[rows], ties.weight[rows], ties.shape[rows])


def _merged(parts: list[tuple[Int32, Ties]], count: int) -> tuple[Int32, Ties]:
    """Rows sorted by container, source and target; equal ones are one with the sum of weights."""
    container = np.concatenate([np.empty(0, np.int32), *(part[0] for part in parts)])
    if not len(container):
        nothing = np.empty(0, np.int32)
        return container, Ties(nothing, nothing, np.empty(0, np.int64), nothing)
    ties = Ties(
        *(np.concatenate(columns) for columns in zip(*(part[1] for part in parts), strict=True))
    )
    pair = (ties.source.astype(np.int64) + 1) * (count + 1) + ties.target + 1
    order = np.lexsort((pair, container))
    container, pair, ties = container[order], pair[order], _only(ties, order)
    is_new = np.ones(len(pair), bool)
    is_new[1:] = (pair[1:] != pair[:-1]) | (container[1:] != container[:-1])
    first = np.flatnonzero(is_new)
    low, high = np.minimum.reduceat(ties.shape, first), np.maximum.reduceat(ties.shape, first)
    merged = Ties(
        ties.source[first],
        ties.target[first],
        np.add.reduceat(ties.weight, first),
        np.where(low == high, low, -1).astype(np.int32),
    )
    return container[first], merged
