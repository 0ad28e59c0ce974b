"""Blocks of equal structure, such as the layers of a transformer. No Qt."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.profile import Graph
from profilers.profile.table import Int32, Int64
from views.graph.structure.group_edges import GroupEdges
from views.graph.structure.tree import ROOT, Tree

UInt64 = NDArray[np.uint64]

_SHORTEST_RUN = 3
_ROUNDS = 3  # of telling apart by neighbours
_READS, _IS_READ = np.uint64(1 << 40), np.uint64(1 << 41)


@dataclass(frozen=True, eq=False)
class Runs:
    """Neighbours of equal structure within one container.

    Attributes
    ----------
    container, lengths : int32 arrays
        One per run.
    of_item : int32 array
        The run of each item, -1 for none.
    whole_containers, whole_lengths : int32 arrays
        Containers that hold nothing but one run, and its length; it is not among the runs.
    """

    container: Int32
    lengths: Int32
    of_item: Int32
    whole_containers: Int32
    whole_lengths: Int32

    def __len__(self) -> int:
        return len(self.container)


def structure_hashes(graph: Graph, tree: Tree, edges: GroupEdges, kinds: Int64) -> UInt64:
    """Numbers that are equal where items hold the same operators, shapes and edges.

    `kinds` has a number for each item that is no node: equal ones are of one class. Neither names
    nor the order of children count. From the inside out every item is told apart by what it reads
    and what reads it, as Weisfeiler and Leman (1968) do, and is added to its container. 64 mixed
    bits do not collide by chance in graphs of millions of nodes.
    """
    hashes = np.concatenate(
        (_own_hashes(graph, kinds), np.zeros(1, np.uint64))
    )  # ROOT's is the last
    structure, sums = np.zeros(tree.count, np.uint64), np.zeros_like(hashes)
    ties = edges.ties
    inner_end = np.where(ties.source == ROOT, ties.target, ties.source)
    depth = tree.depth[inner_end]
    by_depth = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[by_depth], np.arange(len(tree.levels) + 1))
    for level in range(len(tree.levels) - 1, -1, -1):
        items = tree.levels[level]
        rows = by_depth[bounds[level] : bounds[level + 1]]
        source, target = ties.source[rows], ties.target[rows]
        structure[items] = hashes[items] = _mixed(hashes[items])
        for _ in range(_ROUNDS):
            np.add.at(sums, target, _mixed(hashes[source] + _READS))
            np.add.at(sums, source, _mixed(hashes[target] + _IS_READ))
            hashes[items] = _mixed(hashes[items] + sums[items])
            sums[items] = sums[ROOT] = 0
        inside = items[tree.parent[items] != ROOT]
        np.add.at(hashes, tree.parent[inside], _mixed(hashes[inside]))
    return structure


def runs_of(tree: Tree, hashes: UInt64) -> Runs:
    """Runs of at least three neighbouring containers of equal structure."""
    items = tree.child_items
    parent, is_container = tree.parent[items], np.diff(tree.child_start)[1:][items] > 0
    begins = np.ones(len(items), bool)
    begins[1:] = (parent[1:] != parent[:-1]) | (hashes[items[1:]] != hashes[items[:-1]])
    first = np.flatnonzero(begins)
    lengths = np.diff(np.append(first, len(items)))
    is_run = (lengths >= _SHORTEST_RUN) & is_container[first]
    first, lengths = first[is_run], lengths[is_run].astype(np.int32)
    siblings = np.diff(tree.child_start)[parent[first] + 1]
    is_whole = (siblings == lengths) & (parent[first] != ROOT)
    of_item = np.full(tree.count, -1, np.int32)
    apart, apart_lengths = first[~is_whole], lengths[~is_whole]
    places = np.repeat(apart, apart_lengths) + _counted(apart_lengths)
    of_item[items[places]] = np.repeat(np.arange(len(apart)), apart_lengths)
    return Runs(parent[apart], apart_lengths, of_item, parent[first[is_whole]], lengths[is_whole])


def _own_hashes(graph: Graph, kinds: Int64) -> UInt64:
    """What an item is apart from what it holds: operator, weights and shape, or class."""
    nodes = graph.nodes
    shape = np.full(len(nodes), -1, np.int64)
    shape[graph.edges.source] = graph.edges.shape
    own = np.zeros(len(nodes), np.uint64)
    for values in (nodes.operator, nodes.kind, nodes.parameter_bytes, shape):
        own = _mixed(own + values.astype(np.uint64))
    return np.concatenate((own, _mixed(kinds.astype(np.uint64))))


def _mixed(values: UInt64) -> UInt64:
    """splitmix64's finaliser (Steele, Lea, Flood 2014): every bit of the input moves half of them."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _counted(lengths: Int32) -> NDArray[np.int64]:
    """0, 1, ... for each length, one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    counted: NDArray[np.int64] = np.arange(total) - np.repeat(ends - lengths, lengths)
    return counted
