"""In which row of a layered layout each box lies.

Each function also runs uncompiled, on lists as well as on arrays. The readers of a box are
``reader[start[box]:start[box + 1]]``, and `order` is one in which every edge leads onwards.
"""

from collections.abc import MutableSequence, Sequence


def fill_heights(
    order: Sequence[int],
    start: Sequence[int],
    reader: Sequence[int],
    height: MutableSequence[int],
) -> None:
    """Edges on the longest path that begins at each box; `height` is 0 at first."""
    for at in range(len(order) - 1, -1, -1):
        box = order[at]
        for edge in range(start[box], start[box + 1]):
            height[box] = max(height[box], height[reader[edge]] + 1)


def follow_longest(
    start: Sequence[int],
    reader: Sequence[int],
    height: Sequence[int],
    head: int,
    path: MutableSequence[int],
) -> None:
    """Fill `path` with the boxes of one longest path from `head`, of which there are so many."""
    path[0] = head
    for at in range(1, len(path)):
        before = path[at - 1]
        chosen = reader[start[before]]
        for edge in range(start[before] + 1, start[before + 1]):
            if height[reader[edge]] > height[chosen]:
                chosen = reader[edge]
        path[at] = chosen


def fill_ranks(
    order: Sequence[int],
    start: Sequence[int],
    reader: Sequence[int],
    arriving: Sequence[int],
    head: int,
    is_led_to: MutableSequence[bool],
    rank: MutableSequence[int],
) -> None:
    """Rows by longest path; what `head` does not lead to sinks to its readers.

    So do boxes with more readers than the `arriving` edges that they have. `is_led_to` is False
    and `rank` 0 at first.
    """
    is_led_to[head] = True
    for at in range(len(order)):
        box = order[at]
        for edge in range(start[box], start[box + 1]):
            rank[reader[edge]] = max(rank[reader[edge]], rank[box] + 1)
            if is_led_to[box]:
                is_led_to[reader[edge]] = True
    for at in range(len(order) - 1, -1, -1):
        box = order[at]
        readers = start[box + 1] - start[box]
        if readers and box != head and (not is_led_to[box] or readers > arriving[box]):
            nearest = rank[reader[start[box]]]
            for edge in range(start[box] + 1, start[box + 1]):
                nearest = min(nearest, rank[reader[edge]])
            rank[box] = nearest - 1
