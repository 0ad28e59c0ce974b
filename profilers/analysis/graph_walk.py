"""Ways through a graph: the path between two nodes, what lies between them, what lies around them.

Data flows along edges, those into the bodies of control flow included. A control-flow node leads to
the nodes that its bodies begin with, and those that they end with lead back to it.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from profilers.profile import Graph
from profilers.profile.table import Int32

_WIDE = 64  # nodes at once, from which on numpy is quicker than a loop
_EVERYWHERE = 1 << 31


class Direction(Enum):
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


@dataclass(frozen=True, eq=False)
class Path:
    """Nodes from the one end to the other; not directed where it goes against the flow somewhere."""

    nodes: Int32
    is_directed: bool


class GraphWalk:
    """Neighbours of all nodes, indexed once; each walk over 100,000 nodes takes milliseconds."""

    def __init__(self, graph: Graph) -> None:
        source, target = _links(graph)
        count = len(graph.nodes)
        self._readers = _Neighbours(source, target, count)
        self._feeders = _Neighbours(target, source, count)
        self._all = _Neighbours(
            np.concatenate((source, target)), np.concatenate((target, source)), count
        )

    def path(self, begin: int, end: int) -> Path | None:
        """A shortest path along the flow, else one that ignores its direction; None without any."""
        for neighbours, is_directed in ((self._readers, True), (self._all, False)):
            walk = neighbours.walk([begin], end)
            if walk.is_met[end]:
                return Path(walk.way_to(end), is_directed)
        return None

    def between(self, begin: int, end: int) -> Int32:
        """All nodes on any directed path from `begin` to `end`, both included; rising."""
        after = self._readers.walk([begin])
        if not after.is_met[end]:
            return np.empty(0, np.int32)
        return np.flatnonzero(after.is_met & self._feeders.walk([end]).is_met).astype(np.int32)

    def near(self, nodes: Iterable[int], depth: int, direction: Direction) -> Int32:
        """The nodes and all within `depth` edges up, down, or up and down the flow; rising.

        Both ways are walked apart: what else reads a feeder's result is not near.
        """
        begin = list(nodes)
        is_near = np.zeros(self._readers.count, np.bool_)
        if direction is not Direction.UPSTREAM:
            is_near |= self._readers.walk(begin, depth=depth).is_met
        if direction is not Direction.DOWNSTREAM:
            is_near |= self._feeders.walk(begin, depth=depth).is_met
        return np.flatnonzero(is_near).astype(np.int32)


@dataclass(frozen=True, eq=False)
class _Walk:
    """Which nodes were met, and from which one each was; -1 for those that it began with."""

    is_met: NDArray[np.bool_]
    met_from: "array[int]"

    def way_to(self, node: int) -> Int32:
        way = []
        while node >= 0:
            way.append(node)
            node = self.met_from[node]
        return np.array(way[::-1], np.int32)


class _Neighbours:
    """The neighbours of node i are ``near[start[i]:start[i + 1]]``."""

    def __init__(self, node: Int32, near: Int32, count: int) -> None:
        self.count = count
        self._start = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(node, minlength=count), out=self._start[1:])
        self._near = near[np.argsort(node, kind="stable")]
        self._start_list: list[int] = self._start.tolist()
        self._near_list: list[int] = self._near.tolist()

    def walk(self, begin: list[int], end: int = -1, depth: int = _EVERYWHERE) -> _Walk:
        """Breadth first, until `end` is met, `depth` edges are gone, or nothing is left.

        A narrow front goes on in a loop and a wide one in numpy, over the same memory.
        """
        marks = bytearray(self.count + 1)  # one more: no node is number -1
        met_from = array("i", [-1]) * self.count
        for node in begin:
            marks[node] = 1
        start, near = self._start_list, self._near_list
        front = list(begin)
        while front and depth and not marks[end]:
            depth -= 1
            if len(front) >= _WIDE:
                front = self._wide_step(front, marks, met_from)
                continue
            ahead: list[int] = []
            for node in front:
                for each in near[start[node] : start[node + 1]]:
                    if not marks[each]:
                        marks[each] = 1
                        met_from[each] = node
                        ahead.append(each)
            front = ahead
        return _Walk(np.frombuffer(marks, np.bool_)[:-1], met_from)

    def _wide_step(self, front: list[int], marks: bytearray, met_from: "array[int]") -> list[int]:
        nodes = np.array(front, np.int64)
        begin = self._start[nodes]
        degree = self._start[nodes + 1] - begin
        shift = np.repeat(begin - np.cumsum(degree) + degree, degree)
        near = self._near[np.arange(len(shift)) + shift]
        is_met = np.frombuffer(marks, np.bool_)
        is_new = ~is_met[near]
        near, nodes = near[is_new], np.repeat(nodes, degree)[is_new]
        is_met[near] = True
        sources = np.frombuffer(met_from, np.int32)
        sources[near] = nodes
        first = np.ones(len(near), np.bool_)
        by_node = np.argsort(near, kind="stable")
        first[by_node[1:]] = near[by_node[1:]] != near[by_node[:-1]]
        ahead: list[int] = near[first].tolist()
        return ahead


def _links(graph: Graph) -> tuple[Int32, Int32]:
    """Ends of all edges, and of the ties between control-flow nodes and their bodies."""
    edges, body = graph.edges, graph.nodes.subgraph
    is_inside = (body[edges.source] == body[edges.target]) & (body[edges.source] >= 0)
    is_fed = np.zeros(len(graph.nodes), np.bool_)
    is_fed[edges.target[is_inside]] = True
    is_read = np.zeros(len(graph.nodes), np.bool_)
    is_read[edges.source[is_inside]] = True
    first = np.flatnonzero((body >= 0) & ~is_fed)
    last = np.flatnonzero((body >= 0) & ~is_read)
    owner = graph.subgraphs.owner
    source = np.concatenate((edges.source, owner[body[first]], last))
    target = np.concatenate((edges.target, first, owner[body[last]]))
    return source.astype(np.int32), target.astype(np.int32)
