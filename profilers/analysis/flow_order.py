"""Nodes in the order in which data flows."""

import numpy as np

from profilers.profile import Graph
from profilers.profile.table import Int64


def flow_order(graph: Graph) -> Int64:
    """A rank for each node that never goes against an edge; near the written order."""
    count = len(graph.nodes)
    readers: list[list[int]] = [[] for _ in range(count)]
    waiting = np.zeros(count, np.int64)
    for source, target in zip(
        graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True
    ):
        readers[source].append(target)
        waiting[target] += 1
    rank = np.full(count, count, np.int64)
    ready = [row for row in range(count - 1, -1, -1) if not waiting[row]]
    number = 0
    while ready:  # depth first: a branch is written out before the next begins
        row = ready.pop()
        rank[row] = number
        number += 1
        for reader in reversed(readers[row]):
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    return rank
