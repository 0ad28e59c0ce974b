"""Which row of a layered layout each box lies in. No Qt.

All but `flow_sorted` expect boxes that are numbered so that every edge goes up in number.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

Edge = tuple[int, int]
_MOST_BESIDE = 2  # boxes without an edge per row


def neighbours(count: int, edges: Sequence[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    """For each box those above it and those below it."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    return above, below


def flow_sorted(count: int, edges: Sequence[Edge]) -> list[int]:
    """Boxes so that edges lead onwards; in a circle the lowest number comes first."""
    above, below = neighbours(count, [edge for edge in edges if edge[0] != edge[1]])
    waiting = [len(each) for each in above]
    ready = [box for box in range(count) if not waiting[box]]
    is_done = [False] * count
    found: list[int] = []
    for box in range(count):  # of each circle this enters at the first box
        if not ready and not is_done[box]:
            ready = [box]
        while ready:
            taken = heappop(ready)
            if is_done[taken]:
                continue
            is_done[taken] = True
            found.append(taken)
            for reader in below[taken]:
                waiting[reader] -= 1
                if not waiting[reader] and not is_done[reader]:
                    heappush(ready, reader)
    return found


def ranked(count: int, edges: Sequence[Edge], spine: Sequence[int]) -> list[int]:
    """Rows by longest path; what the head of the spine does not lead to sinks to its readers.

    So weights and constants lie beside what reads them, not all at the top. A few boxes without
    an edge lie beside the others, many in rows of their own at the end.
    """
    above, below = neighbours(count, edges)
    ranks = [0] * count
    for box in range(count):
        ranks[box] = max((ranks[each] + 1 for each in above[box]), default=0)
    on_the_way = _reachable(spine[0], below)
    for box in range(count - 1, -1, -1):
        readers = below[box]
        if box == spine[0] or not readers:
            continue
        if not on_the_way[box] or len(readers) > len(above[box]):
            ranks[box] = max(min(ranks[each] for each in readers) - 1, ranks[box])
    lonely = [box for box in range(count) if not above[box] and not below[box]]
    last = max(ranks)
    for at, box in enumerate(lonely):
        if len(lonely) <= _MOST_BESIDE * (last - 1):
            ranks[box] = 1 + at % (last - 1)
        else:
            ranks[box] = (last + 1 if last else 0) + at // max(int(len(lonely) ** 0.5), 6)
    return ranks


def longest_path(count: int, edges: Sequence[Edge], heads: Sequence[int]) -> list[int]:
    """Boxes of one longest chain of edges, from its head down.

    Its head is one of `heads` if any of them leads anywhere, else any box.
    """
    _, below = neighbours(count, edges)
    height = [0] * count
    for box in range(count - 1, -1, -1):
        height[box] = max((height[each] + 1 for each in below[box]), default=0)
    leading = [box for box in heads if below[box]] or range(count)
    box = max(leading, key=lambda each: height[each])
    path = [box]
    while below[box]:
        box = max(below[box], key=lambda each: height[each])
        path.append(box)
    return path


def _reachable(start: int, below: Sequence[Sequence[int]]) -> list[bool]:
    seen = [False] * len(below)
    seen[start] = True
    for box in range(start, len(below)):
        if seen[box]:
            for reader in below[box]:
                seen[reader] = True
    return seen
