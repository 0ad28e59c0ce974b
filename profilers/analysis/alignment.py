"""The order-preserving pairs of two sequences of items with the highest total score.

Needleman-Wunsch, with free gaps. Long sequences are compared in a band around the diagonal: two
graphs of one model make progress together.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.graph_items import Item
from profilers.analysis.operator_kinds import WORTH, WORTH_OF_OTHERS
from profilers.profile.table import Int64

ItemPair = tuple[int, int, float]  # place in a, place in b, likeness 0 to 1

_SAME_KIND, _SAME_SHAPE, _SAME_WEIGHTS, _SAME_NAME = 0.3, 0.3, 0.3, 0.1
_UNKNOWN = 0.5  # of what an equal value would count, where one side does not know its own
_BIAS_SHARE, _BIAS_BYTES = 8, 1024
_ANY_PAIR = 0.2  # for pairing at all: less than half of what two right pairs have over wrong ones
_MOST_CELLS = 32_000_000  # one byte each


@dataclass(frozen=True)
class Named:
    """An item and what it is called; "" where nothing calls it anything."""

    item: Item
    scope: str
    name: str


def align(a: Sequence[Named], b: Sequence[Named]) -> list[ItemPair]:
    if not a or not b:
        return []
    ours, theirs = _columns(a, b)
    width = min(len(b), max(_MOST_CELLS // len(a), 64))
    starts = _band(len(a), len(b), width)
    steps = np.zeros((len(a), width), np.int8)
    best = np.zeros(width + 1, np.float32)  # of the row above, from its start - 1 on
    for row in range(len(a)):
        start = starts[row]
        above = _moved(best, start - (starts[row - 1] if row else 0))
        value = _values(ours, row, theirs, slice(start, start + width))
        paired = np.where(value > 0, above[:-1] + value, 0)
        kept = np.maximum(above[1:], paired)
        best = np.concatenate((above[:1], np.maximum.accumulate(np.maximum(kept, above[0]))))
        steps[row] = np.where(best[1:] > kept, _LEFT, np.where(paired > above[1:], _BOTH, _UP))
    return [
        (row, column, float(_likeness(ours, row, theirs, slice(column, column + 1))[0]))
        for row, column in _walked(steps, starts)
    ]


def likeness(
    a: Sequence[Named], b: Sequence[Named], rows: Int64, columns: Int64
) -> NDArray[np.float32]:
    """Of the items in the given places, pair by pair; 0.3 for the same kind alone."""
    ours, theirs = _columns(a, b)
    return _compared(ours, rows, theirs, columns)


_UP, _LEFT, _BOTH = 0, 1, 2


@dataclass(frozen=True)
class _Columns:
    """Items as columns: equal codes stand for equal values, -1 for an unknown one."""

    kind: Int64
    shape: Int64
    weights: Int64
    scope: Int64
    name: Int64
    heaviness: NDArray[np.float32]


def _columns(a: Sequence[Named], b: Sequence[Named]) -> tuple[_Columns, _Columns]:
    numbers: dict[Hashable, int] = {}

    def numbered(values: Iterable[Hashable]) -> Int64:
        return np.array(
            [numbers.setdefault(value, len(numbers)) if value else -1 for value in values], np.int64
        )

    ours, theirs = (
        _Columns(
            numbered(each.item.kind for each in items),
            numbered(each.item.shape for each in items),
            np.array([each.item.weights for each in items], np.int64),
            numbered(each.scope for each in items),
            numbered(each.name for each in items),
            np.array([WORTH.get(each.item.kind, WORTH_OF_OTHERS) for each in items], np.float32),
        )
        for items in (a, b)
    )
    return ours, theirs


def _band(rows: int, columns: int, width: int) -> Int64:
    """The first column compared in each row."""
    middle = np.arange(rows) * (columns / rows)
    starts: Int64 = np.clip(middle - width / 2, 0, columns - width).astype(np.int64)
    return starts


def _moved(best: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """The row above as seen from a band that begins `by` columns later."""
    if not by:
        return best
    moved = np.full_like(best, best[-1])
    moved[: len(best) - by] = best[by:]
    return moved


def _values(a: _Columns, row: int, b: _Columns, columns: slice) -> NDArray[np.float32]:
    """What pairing is worth: zero where the kinds differ."""
    value = a.heaviness[row] * (_ANY_PAIR + _likeness(a, row, b, columns))
    return np.where(a.kind[row] == b.kind[columns], value, 0).astype(np.float32)


def _likeness(a: _Columns, row: int, b: _Columns, columns: slice) -> NDArray[np.float32]:
    return _compared(a, slice(row, row + 1), b, columns)


def _compared(
    a: _Columns, rows: slice | Int64, b: _Columns, columns: slice | Int64
) -> NDArray[np.float32]:
    found = _SAME_KIND + _SAME_SHAPE * _equal(a.shape[rows], b.shape[columns])
    found = found + _SAME_WEIGHTS * _same_weights(a.weights[rows], b.weights[columns])
    named = np.maximum(
        _agreed(a.scope[rows], b.scope[columns]), _agreed(a.name[rows], b.name[columns])
    )
    found += _SAME_NAME * named
    return found


def _equal(ours: Int64, theirs: Int64) -> NDArray[np.float32]:
    is_unknown = (ours < 0) | (theirs < 0)
    found: NDArray[np.float32] = np.where(is_unknown, _UNKNOWN, ours == theirs).astype(np.float32)
    return found


def _agreed(ours: Int64, theirs: Int64) -> NDArray[np.float32]:
    return ((ours == theirs) & (ours >= 0)).astype(np.float32)


def _same_weights(ours: Int64, theirs: Int64) -> NDArray[np.float32]:
    """Equal up to a bias or running statistics that one side counts elsewhere."""
    low, high = np.minimum(ours, theirs), np.maximum(ours, theirs)
    allowed = np.maximum(high // _BIAS_SHARE, _BIAS_BYTES)
    is_same = (high == low) | ((low > 0) & (high - low <= allowed))
    return np.where((low == 0) & (high > 0), _UNKNOWN, is_same).astype(np.float32)


def _walked(steps: NDArray[np.int8], starts: Int64) -> list[tuple[int, int]]:
    """The pairs on the best path, from the last corner back."""
    row, column = len(steps) - 1, int(starts[-1]) + steps.shape[1] - 1
    pairs = []
    while row >= 0 and column >= 0:
        inside = min(column - int(starts[row]), steps.shape[1] - 1)
        column = int(starts[row]) + inside
        step = steps[row, inside] if inside >= 0 else _UP
        if step == _BOTH:
            pairs.append((row, column))
            row, column = row - 1, column - 1
        elif step == _UP:
            row -= 1
        else:
            column -= 1
    return pairs[::-1]
