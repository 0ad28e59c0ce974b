"""The order of cells within the rows of a layered layout.

Each function also runs uncompiled, on lists as well as on arrays. Row `row` holds
``cells[row_start[row]:row_start[row + 1]]`` from left to right, and `place` says where in its row
a cell lies. Ties lead from cells to cells in the next row.
"""

from collections.abc import MutableSequence, Sequence

MOST_TIES = 64  # of two cells that are weighed against each other, which bounds a swap's cost


def walk_rows(
    order: Sequence[int],
    start: Sequence[int],
    below: Sequence[int],
    rank: Sequence[int],
    is_mirrored: bool,
    cursor: MutableSequence[int],
    is_met: MutableSequence[bool],
    stack: MutableSequence[int],
    cells: MutableSequence[int],
) -> None:
    """Fill rows with cells as a walk down from each box in `order` meets them.

    From each cell it turns to the first tie first, or to the last if mirrored. `cursor` is where
    each row begins; `stack` has room for all ties and one more.
    """
    for at in range(len(order)):
        stack[0], depth = order[at], 1
        while depth:
            depth -= 1
            cell = stack[depth]
            if is_met[cell]:
                continue
            is_met[cell] = True
            cells[cursor[rank[cell]]] = cell
            cursor[rank[cell]] += 1
            for step in range(start[cell + 1] - start[cell]):
                near = below[start[cell] + step if is_mirrored else start[cell + 1] - 1 - step]
                if not is_met[near]:
                    stack[depth] = near
                    depth += 1


def count_crossings(
    row_start: Sequence[int],
    cells: Sequence[int],
    start: Sequence[int],
    below: Sequence[int],
    place: Sequence[int],
    tree: MutableSequence[int],
) -> int:
    """Pairs of ties that cross, by a tree of partial sums over the places of the next row."""
    total = 0
    for row in range(len(row_start) - 2):
        size = row_start[row + 2] - row_start[row + 1]
        for at in range(size + 1):
            tree[at] = 0
        seen = 0
        for at in range(row_start[row], row_start[row + 1]):
            cell = cells[at]
            for tie in range(start[cell], start[cell + 1]):
                total += seen
                node = place[below[tie]] + 1
                while node > 0:
                    total -= tree[node]
                    node &= node - 1
            for tie in range(start[cell], start[cell + 1]):
                seen += 1
                node = place[below[tie]] + 1
                while node <= size:
                    tree[node] += 1
                    node += node & -node
    return total


def sort_rows(
    row_start: Sequence[int],
    cells: MutableSequence[int],
    ahead_start: Sequence[int],
    ahead: Sequence[int],
    back_start: Sequence[int],
    back: MutableSequence[int],
    place: MutableSequence[int],
    goes_down: bool,
    by_mean: bool,
    cursor: MutableSequence[int],
    key: MutableSequence[float],
    room: MutableSequence[int],
) -> None:
    """Sort each row by the places of its neighbours in the row before it, downwards or upwards.

    `ahead` are ties in the direction of the sweep and `back` those against it; what a cell is tied
    back to is put in order on the way, so that its middle is the median. Cells that want the same
    place stay as they are by median and change sides by mean, which undoes twists of many rows.
    """
    rows = len(row_start) - 1
    for step in range(1, rows):
        row = step if goes_down else rows - 1 - step
        before = row - 1 if goes_down else row + 1
        begin, end = row_start[row], row_start[row + 1]
        for at in range(begin, end):
            cursor[cells[at]] = back_start[cells[at]]
        for at in range(row_start[before], row_start[before + 1]):
            for tie in range(ahead_start[cells[at]], ahead_start[cells[at] + 1]):
                back[cursor[ahead[tie]]] = cells[at]
                cursor[ahead[tie]] += 1
        for at in range(begin, end):
            cell = cells[at]
            first, ties = back_start[cell], back_start[cell + 1] - back_start[cell]
            key[cell] = 1.0 * place[cell]
            if ties and by_mean:
                total = 0
                for tie in range(first, first + ties):
                    total += place[back[tie]]
                key[cell] = total / ties
            elif ties:
                middle = first + ties // 2
                key[cell] = (place[back[middle]] + place[back[middle - 1 + ties % 2]]) / 2
        width = 1
        while width < end - begin:  # merge sort, which leaves what is in order
            for low in range(begin, end - width, 2 * width):
                middle, high = low + width, min(low + 2 * width, end)
                gap = key[cells[middle]] - key[cells[middle - 1]]
                if gap > 0 or (gap == 0 and not by_mean):
                    continue
                for at in range(low, middle):
                    room[at] = cells[at]
                left, right, at = low, middle, low
                while left < middle:
                    gap = key[room[left]] - key[cells[right]] if right < high else -1.0
                    if gap > 0 or (gap == 0 and by_mean):
                        cells[at] = cells[right]
                        right += 1
                    else:
                        cells[at] = room[left]
                        left += 1
                    at += 1
            width *= 2
        for at in range(begin, end):
            place[cells[at]] = at - begin


def swap_neighbours(
    row_start: Sequence[int],
    cells: MutableSequence[int],
    above_start: Sequence[int],
    above: MutableSequence[int],
    below_start: Sequence[int],
    below: MutableSequence[int],
    place: MutableSequence[int],
    cursor: MutableSequence[int],
) -> int:
    """Swap cells beside each other wherever that saves crossings, once from left to right per row.

    Gives how many it saved. Ties are put in order of their far ends on the way.
    """
    rows, saved = len(row_start) - 1, 0
    for row in range(rows):
        begin, end = row_start[row], row_start[row + 1]
        for side in range(2 if end - begin > 1 else 0):
            near_start, near = (below_start, below) if side else (above_start, above)
            back_start, back = (above_start, above) if side else (below_start, below)
            beside = row + 1 if side else row - 1
            if beside < 0 or beside == rows:
                continue
            for at in range(begin, end):
                cursor[cells[at]] = near_start[cells[at]]
            for at in range(row_start[beside], row_start[beside + 1]):
                for tie in range(back_start[cells[at]], back_start[cells[at] + 1]):
                    near[cursor[back[tie]]] = cells[at]
                    cursor[back[tie]] += 1
        for at in range(begin, end - 1):
            left, right, gain = cells[at], cells[at + 1], 0
            ties = above_start[left + 1] - above_start[left] + below_start[left + 1]
            ties += above_start[right + 1] - above_start[right] + below_start[right + 1]
            if ties - below_start[left] - below_start[right] > MOST_TIES:
                continue
            for side in range(2):
                near_start, near = (below_start, below) if side else (above_start, above)
                first, behind = near_start[right], near_start[right + 1]
                smaller, larger = first, first  # ends of `right` that lie before, and up to, one
                for tie in range(near_start[left], near_start[left + 1]):
                    end_at = place[near[tie]]
                    while smaller < behind and place[near[smaller]] < end_at:
                        smaller += 1
                    larger = max(larger, smaller)
                    while larger < behind and place[near[larger]] == end_at:
                        larger += 1
                    gain += (smaller - first) - (behind - larger)
            if gain > 0:
                cells[at], cells[at + 1] = right, left
                place[right], place[left] = at - begin, at + 1 - begin
                saved += gain
    return saved
