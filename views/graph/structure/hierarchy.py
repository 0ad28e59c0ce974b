"""The boxes of a graph: nodes in scopes, bodies in the control-flow nodes that own them. No Qt."""

from collections import defaultdict
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.flow_order import flow_order
from profilers.profile import Graph, NodeKind, Scopes
from profilers.profile.table import Int32, Int64
from views.graph.structure.calls import split_calls
from views.graph.structure.group_edges import group_edges
from views.graph.structure.repeats import runs_of, structure_hashes
from views.graph.structure.tree import ROOT, Tree

__all__ = ["ROOT", "Hierarchy"]

_MOST_SHOWN_FIRST = 40
_MOST_LAYERS_FIRST, _NEARLY_ALL = 400, 0.9  # of a box that holds the whole model
_MOST_ROUNDS = 4  # of splitting scopes that are called at several places, then those within
_BODY = 1 << 40  # sets names of bodies apart from classes of scopes
_NO_NODE = np.iinfo(np.int64).max


class Hierarchy:
    """Items are numbered: nodes, scopes, subgraphs, parts of scopes, runs of repeated blocks.

    A body lies in the node that owns it. A scope that is called at several places has a part for
    each. A scope with a single child is left out, the child stands in its place. Neighbouring
    blocks of equal structure lie in a run, unless they are all that their scope holds.

    Attributes
    ----------
    tree : Tree
        What lies in what.
    edges : GroupEdges
        For every container the edges between its children.
    repeats : int32 array
        For each item how many equal blocks it holds, 0 if it is not all repeated blocks.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.node_count = len(graph.nodes)
        self.scope_count = len(graph.scopes)
        self._flow = flow_order(graph)
        self._part_scope = np.empty(0, np.int32)
        plain, order = self._plain_tree()
        hashes = structure_hashes(graph, plain, group_edges(graph, plain), self._kinds())
        runs = runs_of(plain, hashes)
        self.tree = plain.with_runs(runs.container, runs.of_item, order) if len(runs) else plain
        self.repeats = np.zeros(self.tree.count, np.int32)
        self.repeats[runs.whole_containers] = runs.whole_lengths
        self.repeats[plain.count :] = runs.lengths
        self.edges = group_edges(graph, self.tree)

    @classmethod
    def flat(cls, graph: Graph) -> "Hierarchy":
        """Without scopes: nodes alone, and bodies in those that own them."""
        nodes = graph.nodes.replace(scope=np.full(len(graph.nodes), -1, np.int32))
        return cls(replace(graph, nodes=nodes, scopes=Scopes.empty()))

    @property
    def first_run(self) -> int:
        return self._first_part + len(self._part_scope)

    @property
    def _first_part(self) -> int:
        return self.node_count + self.scope_count + len(self.graph.subgraphs)

    def is_container(self, item: int) -> bool:
        return self.tree.child_count(item) > 0

    def is_input(self, item: int) -> bool:
        """Whether an item is an input node."""
        is_node = 0 <= item < self.node_count
        return is_node and int(self.graph.nodes.kind[item]) == NodeKind.INPUT

    def scope_row(self, item: int) -> int:
        """Row of a scope, or of that which an item is a part of; -1 for others."""
        if self._first_part <= item < self.first_run:
            item = int(self._part_scope[item - self._first_part])
        row = item - self.node_count
        return row if 0 <= row < self.scope_count else -1

    def items_of(self, scope: int) -> list[int]:
        """Items of a scope's row: itself, and its parts where it is called at several places."""
        if scope >= self.scope_count:
            return []
        item = self.node_count + scope
        parts = np.flatnonzero(self._part_scope == item) + self._first_part
        return [item, *parts.tolist()]

    def subgraph_row(self, item: int) -> int:
        """Row of a body, -1 for another item."""
        row = item - self.node_count - self.scope_count
        return row if 0 <= row < len(self.graph.subgraphs) else -1

    def nodes_in(self, item: int) -> Int32:
        """All nodes inside an item, itself included if it is one, in the order of data flow."""
        inside = self.tree.inside(item)
        return inside[inside < self.node_count]

    @cached_property
    def node_counts(self) -> Int64:
        """For each item how many nodes lie inside, itself included."""
        is_node = np.zeros(self.tree.count, np.int64)
        is_node[: self.node_count] = 1
        return self.tree.sums(is_node)

    def ancestors(self, item: int) -> list[int]:
        """Items around an item, innermost first."""
        found = []
        while (item := int(self.tree.parent[item])) != ROOT:
            found.append(item)
        return found

    def edges_between(self, source: int, target: int, container: int) -> Int64:
        """Rows of the graph's edges from inside `source` to inside `target`.

        One of both may be `ROOT` for what lies outside of `container`, or owns it as a body.
        """
        from_there = self._holds(source, container, self.graph.edges.source)
        return np.flatnonzero(from_there & self._holds(target, container, self.graph.edges.target))

    def _holds(self, item: int, container: int, nodes: Int32) -> NDArray[np.bool_]:
        if item == ROOT:
            outside: NDArray[np.bool_] = ~self.tree.holds(container, nodes) | (nodes == container)
            return outside
        return self.tree.holds(item, nodes)

    def first_opened(self) -> frozenset[int]:
        """What is unfolded at first: level by level, as long as not too many boxes show.

        Boxes of a level with as many children each open together. Repeated blocks stay folded
        unless there is room for all that is in them. What holds nearly the whole model opens however
        many layers it has: folded, there would be nothing to see.
        """
        opened: set[int] = set()
        level = self.tree.children(ROOT).tolist()
        shown = len(level)
        while level:
            alike: dict[int, list[int]] = defaultdict(list)
            for item in level:
                room = _MOST_SHOWN_FIRST - shown
                fits = not self.repeats[item] or self.node_counts[item] <= room
                if self.is_container(item) and fits:
                    alike[self.tree.child_count(item)].append(item)
            level = []
            for size in sorted(alike):
                more = (size - 1) * len(alike[size])
                if more and shown + more > _MOST_SHOWN_FIRST and not self._is_all(alike[size]):
                    break
                opened.update(alike[size])
                shown += more
                for item in alike[size]:
                    level += self.tree.children(item).tolist()
        return frozenset(opened)

    def _is_all(self, items: list[int]) -> bool:
        """True for one box with nearly all nodes in no more boxes than can be looked through."""
        share = int(self.node_counts[items[0]]) / max(self.node_count, 1)
        is_short = self.tree.child_count(items[0]) <= _MOST_LAYERS_FIRST
        return len(items) == 1 and share >= _NEARLY_ALL and is_short

    def _plain_tree(self) -> tuple[Tree, Int64]:
        """Everything but runs, and the flow order: a box has that of its first node."""
        tree, order = self._without_lone_scopes(self._parents())
        for _ in range(_MOST_ROUNDS):
            parent, scope = split_calls(self.graph, tree, group_edges(self.graph, tree))
            if not len(scope):
                break
            known = np.concatenate((np.arange(self._first_part), self._part_scope))
            self._part_scope = np.concatenate((self._part_scope, known[scope])).astype(np.int32)
            tree, order = self._without_lone_scopes(parent)
        return tree, order

    def _parents(self) -> Int32:
        """The item around each node, scope and body."""
        graph, first_scope = self.graph, self.node_count
        first_body = self.node_count + self.scope_count

        def around(scope: Int32, body: Int32) -> NDArray[np.int64]:
            in_body = np.where(body >= 0, body + first_body, ROOT)
            return np.where(scope >= 0, scope + first_scope, in_body)

        return np.concatenate(
            (
                around(graph.nodes.scope, graph.nodes.subgraph),
                around(graph.scopes.parent, graph.scopes.subgraph),
                graph.subgraphs.owner,
            )
        ).astype(np.int32)

    def _without_lone_scopes(self, parent: Int32) -> tuple[Tree, Int64]:
        order = np.full(len(parent), _NO_NODE)
        order[: self.node_count] = self._flow
        order = Tree.of(parent, order).lowest(order)
        is_there = order != _NO_NODE  # else a scope or body that holds no node at all
        children = np.bincount(parent[is_there] + 1, minlength=len(parent) + 1)[1:]
        is_lone = children == 1
        is_lone[: self.node_count] = False
        is_lone[self.node_count + self.scope_count : self._first_part] = False
        around = parent.copy()
        while True:
            climbing = np.flatnonzero((around >= 0) & is_lone[around])
            if not len(climbing):
                break
            around[climbing] = parent[around[climbing]]
        return Tree.of(around, order, is_there & ~is_lone), order

    def _kinds(self) -> Int64:
        """A number for what each scope, body and part is called as a class."""
        body = self.graph.subgraphs.name.astype(np.int64) + _BODY
        part = self.graph.scopes.kind[self._part_scope - self.node_count]
        return np.concatenate((self.graph.scopes.kind, body, part))
