"""The order of cells within the rows of a layered layout.

Each function also runs uncompiled, on lists as well as on arrays. Row `row` holds
``cells[row_start[row]:row_start[row + 1]]`` from left to right, and `place` says where in its row
a cell lies. Ties lead from cells to cells in the next row.
"""

from collections.abc import MutableSequence, Sequence


def walk_rows(
    order: Sequence[int],
    start: Sequence[int],
    below: Sequence[int],
    rank: Sequence[int],
    cursor: MutableSequence[int],
    is_met: MutableSequence[bool],
    stack: MutableSequence[int],
    cells: MutableSequence[int],
) -> None:
    """Fill rows with cells as a walk down from each box in `order` meets them.

    `cursor` is where each row begins; `stack` has room for all ties and one more.
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
            for tie in range(start[cell + 1] - 1, start[cell] - 1, -1):
                if not is_met[below[tie]]:
                    stack[depth] = below[tie]
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
    back to is put in order on the way, so that its middle is the median.
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
                if key[cells[middle - 1]] <= key[cells[middle]]:
                    continue
                for at in range(low, middle):
                    room[at] = cells[at]
                left, right, at = low, middle, low
                while left < middle:
                    if right < high and key[cells[right]] < key[room[left]]:
                        cells[at] = cells[right]
                        right += 1
                    else:
                        cells[at] = room[left]
                        left += 1
                    at += 1
            width *= 2
        for at in range(begin, end):
            place[cells[at]] = at - begin
