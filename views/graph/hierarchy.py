"""The boxes of a graph: nodes in scopes, bodies in the control-flow nodes that own them. No Qt."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.flow_order import flow_order
from profilers.profile import Graph, NodeKind
from profilers.profile.table import Int32

ROOT = -1
_MOST_SHOWN_FIRST = 40


class Hierarchy:
    """Items are numbered: nodes first, then scopes, then subgraphs.

    Attributes
    ----------
    parent : int32 array
        The item around each item, `ROOT` at the top. A body lies in the node that owns it; a scope
        with a single child is left out.
    children : dict of int to list of int
        In the order in which data flows.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.node_count = len(graph.nodes)
        self.scope_count = len(graph.scopes)
        self.parent = self._parents()
        self.order = self._order()
        self.children: dict[int, list[int]] = defaultdict(list)
        is_empty = self._are_empty()
        for item in np.argsort(self.order, kind="stable").tolist():
            if not is_empty[item]:
                self.children[int(self.parent[item])].append(item)
        self._skip_lone_scopes()
        self.depth = self._depths()

    def is_container(self, item: int) -> bool:
        return bool(self.children.get(item))

    def is_input(self, item: int) -> bool:
        """Whether an item is an input node."""
        is_node = 0 <= item < self.node_count
        return is_node and int(self.graph.nodes.kind[item]) == NodeKind.INPUT

    def scope_row(self, item: int) -> int:
        """Row of a scope item, -1 for another."""
        row = item - self.node_count
        return row if 0 <= row < self.scope_count else -1

    def subgraph_row(self, item: int) -> int:
        """Row of a body, -1 for another item."""
        return max(item - self.node_count - self.scope_count, -1)

    def nodes_in(self, item: int) -> list[int]:
        """All nodes inside an item, itself included if it is one."""
        found, waiting = [], [item]
        while waiting:
            item = waiting.pop()
            if 0 <= item < self.node_count:
                found.append(item)
            waiting += self.children.get(item, ())
        return found

    def ancestors(self, item: int) -> list[int]:
        """Items around an item, innermost first."""
        found = []
        while (item := int(self.parent[item])) != ROOT:
            found.append(item)
        return found

    def representatives(self, opened: frozenset[int]) -> Int32:
        """For each item the box that shows it: itself, or the outermost closed item around it."""
        shown = np.arange(len(self.parent), dtype=np.int32)
        for depth in range(1, int(self.depth.max(initial=0)) + 1):
            items = np.flatnonzero(self.depth == depth)
            around = self.parent[items]
            is_open = np.array([item in opened for item in around.tolist()], bool)
            hidden = ~is_open | (shown[around] != around)
            shown[items[hidden]] = shown[around[hidden]]
        return shown

    def first_opened(self) -> frozenset[int]:
        """What is unfolded at first: level by level, as long as not too many boxes show.

        Boxes of a level with as many children each, such as repeated layers, open together.
        """
        opened: set[int] = set()
        shown = len(self.children[ROOT])
        level = self.children[ROOT]
        while level:
            alike: dict[int, list[int]] = defaultdict(list)
            for item in level:
                if self.is_container(item):
                    alike[len(self.children[item])].append(item)
            level = []
            for size in sorted(alike):
                more = (size - 1) * len(alike[size])
                if more and shown + more > _MOST_SHOWN_FIRST:
                    break
                opened.update(alike[size])
                shown += more
                level += [child for item in alike[size] for child in self.children[item]]
        return frozenset(opened)

    def _parents(self) -> Int32:
        graph = self.graph
        nodes, scopes = graph.nodes, graph.scopes
        first_scope = self.node_count
        first_body = self.node_count + self.scope_count

        def around(scope: Int32, body: Int32) -> NDArray[np.int64]:
            in_body = np.where(body >= 0, body + first_body, ROOT)
            return np.where(scope >= 0, scope + first_scope, in_body)

        return np.concatenate(
            (
                around(nodes.scope, nodes.subgraph),
                around(scopes.parent, scopes.subgraph),
                graph.subgraphs.owner,
            )
        ).astype(np.int32)

    def _order(self) -> NDArray[np.int64]:
        """The flow order of nodes; a box has that of its first node."""
        order = np.full(len(self.parent), np.iinfo(np.int64).max)
        ranks = flow_order(self.graph)
        order[: self.node_count] = ranks
        for node in np.argsort(ranks, kind="stable").tolist():
            item = int(self.parent[node])
            while item != ROOT and order[item] > ranks[node]:
                order[item] = ranks[node]
                item = int(self.parent[item])
        return order

    def _are_empty(self) -> NDArray[np.bool_]:
        """True for scopes and bodies that hold no node at all."""
        unused: NDArray[np.bool_] = self.order == np.iinfo(np.int64).max
        unused[: self.node_count] = False
        return unused

    def _skip_lone_scopes(self) -> None:
        """A scope with a single child is not drawn: the child stands in its place."""
        waiting = [ROOT]
        while waiting:
            around = waiting.pop()
            kept = []
            for item in self.children[around]:
                while self.scope_row(item) >= 0 and len(self.children[item]) == 1:
                    item = self.children.pop(item)[0]
                self.parent[item] = around
                kept.append(item)
            self.children[around] = kept
            waiting += [item for item in kept if self.is_container(item)]

    def _depths(self) -> NDArray[np.int32]:
        depth = np.zeros(len(self.parent), np.int32)
        waiting = [(child, 0) for child in self.children[ROOT]]
        while waiting:
            item, level = waiting.pop()
            depth[item] = level
            waiting += [(child, level + 1) for child in self.children.get(item, ())]
        return depth


def lifted_edges(hierarchy: Hierarchy, shown: Int32) -> dict[int, dict[tuple[int, int], list[int]]]:
    """Edges between shown boxes, by the container in which both ends lie.

    Returns
    -------
    dict
        Container to (source child, target child) to rows of the graph's edges. An edge that enters
        an open box from outside is also there in the box itself, from `ROOT` to the child, and one
        that leaves it from the child to `ROOT`.
    """
    edges, parent = hierarchy.graph.edges, hierarchy.parent
    found: dict[int, dict[tuple[int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    pairs: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, (source, target) in enumerate(
        zip(shown[edges.source].tolist(), shown[edges.target].tolist(), strict=True)
    ):
        if source != target:
            pairs[source, target].append(row)
    depth = hierarchy.depth
    for (source, target), rows in pairs.items():
        a, b = source, target
        while parent[a] != parent[b]:
            if depth[a] >= depth[b] and parent[a] != ROOT:
                found[int(parent[a])][a, ROOT] += rows
                a = int(parent[a])
            else:
                found[int(parent[b])][ROOT, b] += rows
                b = int(parent[b])
        if a != b:
            found[int(parent[a])][a, b] += rows
    return found
