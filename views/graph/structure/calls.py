"""Scopes that stand at several places of the data flow, such as a module that is called twice. No Qt."""

from collections import defaultdict, deque

import numpy as np

from profilers.profile import Graph
from profilers.profile.table import Int32
from views.graph.structure.group_edges import GroupEdges
from views.graph.structure.tree import ROOT, Tree


def split_calls(graph: Graph, tree: Tree, edges: GroupEdges) -> tuple[Int32, Int32]:
    """Give each connected part of a scope that lies on a circle with its siblings an item of its own.

    Returns
    -------
    parent : int32 array
        The item around each item; new items are at the end.
    scope : int32 array
        For each new item the scope item that it is a part of.
    """
    parent: list[int] = tree.parent.tolist()
    scope: list[int] = []
    first_body = len(graph.nodes) + len(graph.scopes)
    for item in _on_circles(tree, edges):
        if len(graph.nodes) <= item < first_body:
            _split(graph, tree, item, parent, scope)
    return np.array(parent, np.int32), np.array(scope, np.int32)


def _on_circles(tree: Tree, edges: GroupEdges) -> list[int]:
    """Items that remain when what nothing leads to, or what leads nowhere, is taken away.

    Only containers where some edge leads back in the order of children are looked at.
    """
    ties, place = edges.ties, tree.place
    inner = (ties.source != ROOT) & (ties.target != ROOT)
    back = np.flatnonzero(inner & (place[ties.source] > place[ties.target]))
    found: list[int] = []
    for container in np.unique(tree.parent[ties.source[back]]).tolist():
        own = edges.of(container)
        is_inner = (own.source != ROOT) & (own.target != ROOT)
        found += _core(own.source[is_inner].tolist(), own.target[is_inner].tolist())
    return found


def _core(sources: list[int], targets: list[int]) -> list[int]:
    left = set(sources) | set(targets)
    for froms, tos in ((sources, targets), (targets, sources)):
        readers: dict[int, list[int]] = defaultdict(list)
        waiting: dict[int, int] = defaultdict(int)
        for source, target in zip(froms, tos, strict=True):
            if source in left and target in left:
                readers[source].append(target)
                waiting[target] += 1
        ready = deque(item for item in left if not waiting[item])
        while ready:
            item = ready.popleft()
            left.discard(item)
            for reader in readers[item]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
    return sorted(left)


def _split(graph: Graph, tree: Tree, item: int, parent: list[int], scope: list[int]) -> None:
    """One scope; what lies in a body goes with the node that owns it."""
    owner = _owners(tree, item, len(graph.nodes))
    part_of = _parts(graph, tree, item, owner)
    made: dict[tuple[int, int], int] = {}
    for node in dict.fromkeys(owner.values()):
        part = part_of[node]
        if not part:
            continue  # the first part keeps the scope's own items
        inner = node
        while inner != item:
            around = int(tree.parent[inner])
            key = around, part
            is_known = key in made
            if not is_known:
                made[key] = len(parent)
                parent.append(int(tree.parent[item]))
                scope.append(around)
            parent[made.get((inner, part), inner)] = made[key]
            if is_known:
                break
            inner = around


def _owners(tree: Tree, item: int, node_count: int) -> dict[int, int]:
    """For each node inside a scope itself, or the outermost node in whose body it lies."""
    owner: dict[int, int] = {}
    for inner in tree.inside(item)[1:].tolist():
        around = int(tree.parent[inner])
        if around in owner:
            owner[inner] = owner[around]
        elif inner < node_count:
            owner[inner] = inner
    return {inner: each for inner, each in owner.items() if inner < node_count}


def _parts(graph: Graph, tree: Tree, item: int, owner: dict[int, int]) -> dict[int, int]:
    """For each outermost node the number of its connected part, in the order of data flow."""
    root = {node: node for node in owner.values()}

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    edges = graph.edges
    rows = np.flatnonzero(tree.holds(item, edges.source) & tree.holds(item, edges.target))
    for source, target in zip(
        edges.source[rows].tolist(), edges.target[rows].tolist(), strict=True
    ):
        root[find(owner[source])] = find(owner[target])
    numbers: dict[int, int] = {}
    return {node: numbers.setdefault(find(node), len(numbers)) for node in root}
