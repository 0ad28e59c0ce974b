"""Circles in what should flow one way."""

from collections import defaultdict
from collections.abc import Iterable


def nodes_on_cycles(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Nodes that lie on a circle, each with the next one on it (itself for a loop to itself).

    What nothing leads to, or what leads nowhere, is taken away first; in the rest Tarjan's strongly
    connected components (1972) tell circles from ways between them.
    """
    readers: dict[int, list[int]] = defaultdict(list)
    waiting: dict[int, int] = defaultdict(int)
    nodes: dict[int, None] = {}
    for source, target in edges:
        readers[source].append(target)
        waiting[target] += 1
        nodes[source] = nodes[target] = None
    ready = [node for node in nodes if not waiting[node]]
    left = len(nodes) - len(ready)
    while ready:
        for reader in readers.pop(ready.pop(), ()):
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
                left -= 1
    if not left:
        return {}
    component = _components({node: readers.get(node, []) for node in nodes if waiting[node] > 0})
    found = {}
    for node, group in component.items():
        on = [each for each in readers.get(node, ()) if component.get(each) == group]
        if on:
            found[node] = on[0]
    return found


def _components(readers: dict[int, list[int]]) -> dict[int, int]:
    """The number of the strongly connected component of each node, without recursion."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    component: dict[int, int] = {}
    held: list[int] = []
    for root in readers:
        if root in index:
            continue
        path = [(root, 0)]
        while path:
            node, at = path.pop()
            if not at:
                index[node] = low[node] = len(index)
                held.append(node)
            for place in range(at, len(readers.get(node, ()))):
                reader = readers[node][place]
                if reader not in readers or reader in component:
                    continue
                if reader not in index:
                    path += [(node, place + 1), (reader, 0)]
                    break
                low[node] = min(low[node], index[reader])
            else:
                _close(node, index, low, held, component)
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
    return component


def _close(
    node: int,
    index: dict[int, int],
    low: dict[int, int],
    held: list[int],
    component: dict[int, int],
) -> None:
    """If a component begins at this node, everything held since then belongs to it."""
    if low[node] != index[node]:
        return
    while True:
        member = held.pop()
        component[member] = node
        if member == node:
            break
