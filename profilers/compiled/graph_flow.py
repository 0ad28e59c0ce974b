"""Boxes so that edges lead onwards, and edges grouped by box.

Each function also runs uncompiled, on lists as well as on arrays.
"""

from collections.abc import MutableSequence, Sequence


def flow_order(
    start: Sequence[int],
    reader: Sequence[int],
    cursor: MutableSequence[int],
    is_met: MutableSequence[bool],
    stack: MutableSequence[int],
    order: MutableSequence[int],
) -> None:
    """Fill `order`, in which only edges back to a box on the way to them lead backwards.

    The readers of a box are ``reader[start[box]:start[box + 1]]``; `cursor` holds the same starts,
    `stack` has room for all boxes.
    """
    left = len(order)
    for root in range(len(order)):
        if is_met[root]:
            continue
        is_met[root], stack[0], depth = True, root, 1
        while depth:
            box = stack[depth - 1]
            if cursor[box] == start[box + 1]:
                depth, left = depth - 1, left - 1
                order[left] = box
                continue
            near = reader[cursor[box]]
            cursor[box] += 1
            if not is_met[near]:
                is_met[near], stack[depth] = True, near
                depth += 1


def fill_groups(
    key: Sequence[int],
    value: Sequence[int],
    cursor: MutableSequence[int],
    members: MutableSequence[int],
) -> None:
    """Put values behind each other by key, in the order given; `cursor` is where groups begin."""
    for at in range(len(key)):
        members[cursor[key[at]]] = value[at]
        cursor[key[at]] += 1
