"""Polylines of edges once every cell of a layered layout has its row and its centre.

Each function also runs uncompiled, on lists as well as on arrays. Lines bend between rows only,
so that they run through no box. Lengths are in pixels; y grows downwards.
"""

from collections.abc import MutableSequence, Sequence

STRAIGHT = 0.5  # a smaller step to the side is no bend
LOOP = 6.0  # how far an edge from a box to itself keeps from it


def route_trunks(
    rank: Sequence[int],
    span: Sequence[int],
    first: Sequence[int],
    centre: Sequence[float],
    leave_x: Sequence[float],
    leave_y: Sequence[float],
    top: Sequence[float],
    bottom: Sequence[float],
    aside: float,
    trunk_start: MutableSequence[int],
    needed: MutableSequence[int],
    x: MutableSequence[float],
    y: MutableSequence[float],
) -> None:
    """Fill in the points of all trunks, and how many an edge needs that leaves at a placeholder.

    A box whose farthest reader lies `span` > 1 rows below it has a trunk: along its placeholders
    ``first[box]:first[box + 1]``, or, if it has none, beside all boxes at x `aside`. Then what its
    edges need is at ``needed[box]``.
    """
    count = 0
    for box in range(len(span)):
        trunk_start[box] = count
        if span[box] < 2:
            continue
        row, at = rank[box], leave_x[box]
        x[count], y[count] = at, leave_y[box]
        count += 1
        is_aside = first[box] == first[box + 1]
        for step in range(1, 2 if is_aside else span[box]):
            cell = box if is_aside else first[box] + step - 1
            lies_at = aside if is_aside else centre[cell]
            if abs(lies_at - at) > STRAIGHT:
                if bottom[row + step - 1] > y[count - 1]:
                    x[count], y[count] = at, bottom[row + step - 1]
                    count += 1
                at = lies_at
                x[count], y[count] = at, top[row + step]
                count += 1
            needed[cell] = count - trunk_start[box]
        end = bottom[row + span[box] - 1]
        if end > y[count - 1]:
            x[count], y[count] = at, end
            count += 1
    trunk_start[len(span)] = count


def route_tails(
    upper: Sequence[int],
    lower: Sequence[int],
    rank: Sequence[int],
    first: Sequence[int],
    centre: Sequence[float],
    leave_x: Sequence[float],
    leave_y: Sequence[float],
    enter_x: Sequence[float],
    enter_y: Sequence[float],
    top: Sequence[float],
    bottom: Sequence[float],
    right: Sequence[float],
    aside: float,
    needed: Sequence[int],
    tail_start: MutableSequence[int],
    shared: MutableSequence[int],
    x: MutableSequence[float],
    y: MutableSequence[float],
) -> None:
    """Fill in the points of each edge from where it leaves its trunk or box.

    An edge from a box to itself goes around its `right` side.
    """
    count = 0
    for edge in range(len(upper)):
        tail_start[edge], shared[edge] = count, 0
        box, reader = upper[edge], lower[edge]
        if box == reader:
            x[count], y[count] = leave_x[box], leave_y[box]
            x[count + 1], y[count + 1] = leave_x[box], leave_y[box] + LOOP
            x[count + 2], y[count + 2] = right[box] + LOOP, leave_y[box] + LOOP
            x[count + 3], y[count + 3] = right[box] + LOOP, enter_y[box] - LOOP
            x[count + 4], y[count + 4] = enter_x[box], enter_y[box] - LOOP
            x[count + 5], y[count + 5] = enter_x[box], enter_y[box]
            count += 6
            continue
        row, end, span = rank[reader], enter_x[reader], rank[reader] - rank[box]
        at, from_y = leave_x[box], leave_y[box]
        if span > 1:
            is_aside = first[box] == first[box + 1]
            cell = box if is_aside else first[box] + span - 2
            shared[edge] = needed[cell]
            at, from_y = aside if is_aside else centre[cell], bottom[row - 1]
        x[count], y[count] = at, from_y
        count += 1
        if abs(end - at) > STRAIGHT:
            if bottom[row - 1] > from_y:
                x[count], y[count] = at, bottom[row - 1]
                count += 1
            if top[row] < enter_y[reader]:
                x[count], y[count] = end, top[row]
                count += 1
        x[count], y[count] = end, enter_y[reader]
        count += 1
    tail_start[len(upper)] = count
