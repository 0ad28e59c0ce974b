"""Items of a graph, the order that they are compared in, and which of them read which."""

from dataclasses import dataclass

from profilers.analysis.data_path import DataPath


@dataclass(frozen=True)
class Item:
    """Nodes that together do one thing.

    Attributes
    ----------
    kind : str
        See `operator_kind`.
    nodes : tuple of int
        What `main` is made from, operand by operand, then the rest in the order of data.
    main : int
        The node that tells most: the product itself and not its bias.
    shape : tuple of int
        Sizes of the result, sorted and without ones; () if not known.
    weights : int
        Bytes of its parameters.
    scope : int
        The innermost scope that holds all its nodes, -1 for none.
    parts : tuple of Item
        Where the nodes are several operations side by side, each of them; else empty.
    """

    kind: str
    nodes: tuple[int, ...]
    main: int
    shape: tuple[int, ...]
    weights: int
    scope: int
    parts: tuple["Item", ...] = ()


@dataclass(frozen=True)
class ItemGraph:
    """Items in a canonical order, and which of them read which; rows are places in `items`."""

    items: list[Item]
    feeders: list[list[int]]
    readers: list[list[int]]
    path: DataPath


def ordered(items: list[Item], feeders: list[list[int]], path: DataPath) -> ItemGraph:
    """Depth first, the longer branch first, of equal ones that of the earlier operand.

    So the order is the same for frameworks that write or compute branches in another.
    """
    readers = inverted(feeders)
    written = _written_order(feeders, readers)
    place_of_result = _operand_order(feeders, readers)
    height = [0] * len(items)
    for at in reversed(written):
        height[at] = 1 + max((height[reader] for reader in readers[at]), default=0)

    def rank(at: int) -> tuple[int, int, int]:
        return height[at], items[at].weights, -place_of_result[at]

    waiting = [len(each) for each in feeders]
    ready = sorted((at for at, count in enumerate(waiting) if not count), key=rank)
    order: list[int] = []
    while ready:
        at = ready.pop()
        order.append(at)
        freed = []
        for reader in readers[at]:
            waiting[reader] -= 1
            if not waiting[reader]:
                freed.append(reader)
        ready += sorted(freed, key=rank)
    placed = set(order)
    order += [at for at in range(len(items)) if at not in placed]  # a cycle
    place = {at: number for number, at in enumerate(order)}
    feeders = [[place[source] for source in feeders[at]] for at in order]
    return ItemGraph([items[at] for at in order], feeders, inverted(feeders), path)


def _operand_order(feeders: list[list[int]], readers: list[list[int]]) -> list[int]:
    """When each item is reached from the results backwards, the first operand first."""
    place = [-1] * len(feeders)
    number = 0
    for last in [at for at, each in enumerate(readers) if not each]:
        stack = [last]
        while stack:
            at = stack.pop()
            if place[at] < 0:
                place[at] = number
                number += 1
                stack += reversed(feeders[at])
    return place


def _written_order(feeders: list[list[int]], readers: list[list[int]]) -> list[int]:
    waiting = [len(each) for each in feeders]
    order = [at for at, count in enumerate(waiting) if not count]
    for at in order:
        for reader in readers[at]:
            waiting[reader] -= 1
            if not waiting[reader]:
                order.append(reader)
    return order


def inverted(lists: list[list[int]]) -> list[list[int]]:
    inverted: list[list[int]] = [[] for _ in lists]
    for at, values in enumerate(lists):
        for value in values:
            inverted[value].append(at)
    return inverted


def first_use(at: int, readers: list[list[int]], feeders: list[list[int]]) -> tuple[int, int, int]:
    """Sorts siblings by what reads them, and by which operand of it they are."""
    if not readers[at]:
        return len(feeders), 0, at
    reader = readers[at][0]
    return reader, feeders[reader].index(at), at
