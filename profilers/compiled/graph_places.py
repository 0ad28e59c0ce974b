"""Horizontal centres of cells in the ordered rows of a layered layout.

Each function also runs uncompiled, on lists as well as on arrays. Row `row` holds
``cells[row_start[row]:row_start[row + 1]]`` from left to right; cells from `boxes` on are
placeholders. Lengths are in pixels.
"""

from collections.abc import MutableSequence, Sequence

PINNED = 1e12  # the weight of the wish of a cell on the spine
LOOSE = 0.05  # and of one without neighbours
FAR = 1e300


def pull_rows(
    row_start: Sequence[int],
    cells: Sequence[int],
    above_start: Sequence[int],
    above: Sequence[int],
    below_start: Sequence[int],
    below: Sequence[int],
    boxes: int,
    half: Sequence[float],
    enter: Sequence[float],
    leave: Sequence[float],
    pin: Sequence[float],
    gap: float,
    goes_down: bool,
    both_ways: bool,
    centre: MutableSequence[float],
    offset: MutableSequence[float],
    mean: MutableSequence[float],
    mass: MutableSequence[float],
    last: MutableSequence[int],
) -> None:
    """Move each row as near to its neighbours as its order and the gaps allow.

    A weighted isotonic regression, solved by pooling adjacent violators (Barlow and others, 1972).
    `half` is half the width of each cell; `enter` and `leave` are where edges meet it, from its
    centre; `pin` is where a cell must lie, or NaN.
    """
    rows = len(row_start) - 1
    for step in range(rows):
        row = step if goes_down else rows - 1 - step
        pools, reached = 0, 0.0
        for at in range(row_start[row], row_start[row + 1]):
            cell = cells[at]
            if at > row_start[row]:
                reached += half[cells[at - 1]] + gap + half[cell]
            offset[at] = reached
            wish, weight = 0.0, 0.0
            if goes_down or both_ways:
                for tie in range(above_start[cell], above_start[cell + 1]):
                    near = above[tie]
                    passing = (cell >= boxes) + (near >= boxes)
                    pull = 1.0 if passing == 0 else 2.0 if passing == 1 else 8.0
                    if below_start[near + 1] - below_start[near] == 1:
                        pull *= 2.0
                    wish += pull * (centre[near] + leave[near] - enter[cell])
                    weight += pull
            if both_ways or not goes_down:
                for tie in range(below_start[cell], below_start[cell + 1]):
                    near = below[tie]
                    passing = (cell >= boxes) + (near >= boxes)
                    pull = 1.0 if passing == 0 else 2.0 if passing == 1 else 8.0
                    if above_start[near + 1] - above_start[near] == 1:
                        pull *= 2.0
                    wish += pull * (centre[near] + enter[near] - leave[cell])
                    weight += pull
            if pin[cell] == pin[cell]:
                wish, weight = pin[cell], PINNED
            elif weight:
                wish /= weight
            else:
                wish, weight = centre[cell], LOOSE
            wish -= reached
            while pools and mean[pools - 1] > wish:
                pools -= 1
                together = weight + mass[pools]
                wish = (wish * weight + mean[pools] * mass[pools]) / together
                weight = together
            mean[pools], mass[pools], last[pools] = wish, weight, at
            pools += 1
        at = row_start[row]
        for pool in range(pools):
            while at <= last[pool]:
                centre[cells[at]] = mean[pool] + offset[at]
                at += 1


def straighten(
    row_start: Sequence[int],
    cells: Sequence[int],
    rank: Sequence[int],
    place: Sequence[int],
    heads: Sequence[int],
    following: Sequence[int],
    half: Sequence[float],
    enter: Sequence[float],
    leave: Sequence[float],
    pin: Sequence[float],
    gap: float,
    centre: MutableSequence[float],
) -> None:
    """Make chains of cells vertical wherever their neighbours leave them a common gap.

    A chain begins at a head; what follows each cell lies in the next row, or is -1.
    """
    for chain in range(len(heads)):
        begin, begin_shift, count, total, low, high = heads[chain], 0.0, 0, 0.0, -FAR, FAR
        cell, shift = begin, 0.0  # how far this cell's centre lies from the first one's
        while begin >= 0:
            left, right = -FAR, FAR
            if cell >= 0:
                row, at = rank[cell], row_start[rank[cell]] + place[cell]
                if at > row_start[row]:
                    left = centre[cells[at - 1]] + half[cells[at - 1]] + gap + half[cell] - shift
                if at + 1 < row_start[row + 1]:
                    right = centre[cells[at + 1]] - half[cells[at + 1]] - gap - half[cell] - shift
                if pin[cell] == pin[cell]:
                    left, right = pin[cell] - shift, pin[cell] - shift
            if cell < 0 or max(low, left) > min(high, right):
                line = min(max(total / max(count, 1), low), high)
                member, moved = begin, begin_shift
                while member != cell:
                    centre[member] = line + moved
                    if following[member] >= 0:
                        moved += leave[member] - enter[following[member]]
                    member = following[member]
                begin, begin_shift, count, total, low, high = cell, shift, 0, 0.0, -FAR, FAR
            if cell >= 0:
                count, total = count + 1, total + centre[cell] - shift
                low, high = max(low, left), min(high, right)
                if following[cell] >= 0:
                    shift += leave[cell] - enter[following[cell]]
                cell = following[cell]
