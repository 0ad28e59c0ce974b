"""The order of cells within the rows of a layered layout, with few crossings. No Qt."""

from bisect import bisect_right, insort
from collections.abc import Sequence

from views.graph.rows import Rows

_SWEEPS = 12
_PATIENCE = 3


def order(rows: Rows) -> None:
    """Sort each row by its neighbours' places, down and up; the best order found stays."""
    place = [0.0] * len(rows.rank)
    for row in rows.cells:
        _number(row, place)
    best, fewest, idle = [list(row) for row in rows.cells], _crossings(rows, place), 0
    for sweep in range(_SWEEPS):
        if not fewest or idle > _PATIENCE:
            break
        goes_down = sweep % 2 == 0
        key = _median if sweep // 2 % 2 == 0 else _mean
        near = rows.above if goes_down else rows.below
        for row in rows.cells if goes_down else reversed(rows.cells):
            row.sort(key=lambda cell: key([place[each] for each in near[cell]], place[cell]))
            _number(row, place)
        crossings = _crossings(rows, place)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = [list(row) for row in rows.cells], crossings, 0
    rows.cells = best


def _number(row: Sequence[int], place: list[float]) -> None:
    for at, cell in enumerate(row):
        place[cell] = float(at)


def _crossings(rows: Rows, place: Sequence[float]) -> int:
    """Pairs of ties that cross, counted as inversions between each row and the next."""
    total = 0
    for row in rows.cells[:-1]:
        seen: list[float] = []
        for cell in row:
            ends = sorted(place[each] for each in rows.below[cell])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _median(values: list[float], otherwise: float) -> float:
    if not values:
        return otherwise
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
