"""The order-preserving pairs of two sequences of items with the highest total score.

Needleman-Wunsch, with free gaps. Long sequences are compared in a band around the diagonal: two
graphs of one model make progress together.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.operator_kinds import WORTH, WORTH_OF_OTHERS
from profilers.analysis.pairing.items import Item
from profilers.profile.table import Int64

ItemPair = tuple[int, int, float]  # place in a, place in b, likeness 0 to 1

_SAME_KIND, _SAME_SHAPE, _SAME_WEIGHTS, _SAME_NAME = 0.3, 0.3, 0.3, 0.1
_SAME_LAYER = 0.05  # one part of a path may be called the same by chance
_UNKNOWN = 0.5  # of what an equal value would count, where one side does not know its own
_BIAS_SHARE, _BIAS_BYTES = 8, 1024
_ANY_PAIR = 0.2  # for pairing at all: less than half of what two right pairs have over wrong ones
_MOST_CELLS = 32_000_000  # one byte each
_MOST_KEPT = 1_000_000  # figures of signatures compared earlier


@dataclass(frozen=True)
class Named:
    """An item and what it is called; "" where nothing calls it anything."""

    item: Item
    scope: str  # its path
    layer: str  # the scope's own name
    name: str


def align(a: Sequence[Named], b: Sequence[Named]) -> list[ItemPair]:
    if not a or not b:
        return []
    compared = _Compared(a, b)
    width = min(len(b), max(_MOST_CELLS // len(a), 64))
    starts = _band(len(a), len(b), width)
    steps = np.zeros((len(a), width), np.int8)
    best = np.zeros(width + 1, np.float32)  # of the row above, from its start - 1 on
    for row in range(len(a)):
        start = int(starts[row])
        above = _moved(best, start - (int(starts[row - 1]) if row else 0))
        value = compared.values(row, start, start + width)
        paired = np.where(value > 0, above[:-1] + value, 0)
        kept = np.maximum(above[1:], paired)
        best = np.concatenate((above[:1], np.maximum.accumulate(np.maximum(kept, above[0]))))
        steps[row] = np.where(best[1:] > kept, _LEFT, np.where(paired > above[1:], _BOTH, _UP))
    rows, columns = _walked(steps, starts)
    worth = compared.pairwise(rows, columns)
    return list(zip(rows.tolist(), columns.tolist(), worth.tolist(), strict=True))


def likeness(
    a: Sequence[Named], b: Sequence[Named], rows: Int64, columns: Int64
) -> NDArray[np.float32]:
    """Of the items in the given places, pair by pair; 0.3 for the same kind alone."""
    return _Compared(a, b).pairwise(rows, columns)


_UP, _LEFT, _BOTH = 0, 1, 2


@dataclass(frozen=True)
class _Signatures:
    """What items are compared by besides their names; equal codes stand for equal values."""

    kind: Int64
    shape: Int64  # -1 if not known
    weights: Int64

    def of(self, rows: Int64 | slice) -> "_Signatures":
        return _Signatures(self.kind[rows], self.shape[rows], self.weights[rows])


class _Compared:
    """Likeness of items, worked out once for each two signatures that meet."""

    def __init__(self, a: Sequence[Named], b: Sequence[Named]) -> None:
        numbers: dict[Hashable, int] = {}
        self._scopes = tuple(_numbered((each.scope for each in side), numbers) for side in (a, b))
        self._layers = tuple(_numbered((each.layer for each in side), numbers) for side in (a, b))
        self._names = tuple(_numbered((each.name for each in side), numbers) for side in (a, b))
        self._ours, self._of_a = _distinct(a, numbers)
        self._theirs, self._of_b = _distinct(b, numbers)
        worths = (WORTH.get(each.item.kind, WORTH_OF_OTHERS) for each in a)
        self._worth = np.fromiter(worths, np.float32, len(a))
        self._rows: dict[int, NDArray[np.float32]] = {}

    def values(self, row: int, begin: int, end: int) -> NDArray[np.float32]:
        """What pairing a row with columns is worth: zero where the kinds differ."""
        plain = self._row(int(self._of_a[row]))[self._of_b[begin:end]]
        named = self._named(row, slice(begin, end))
        value = self._worth[row] * (_ANY_PAIR + plain + named)
        return np.where(plain > 0, value, 0).astype(np.float32)

    def pairwise(self, rows: Int64, columns: Int64) -> NDArray[np.float32]:
        plain = _likeness(self._ours.of(self._of_a[rows]), self._theirs.of(self._of_b[columns]))
        return (plain + self._named(rows, columns)).astype(np.float32)

    def _row(self, signature: int) -> NDArray[np.float32]:
        known = self._rows.get(signature)
        if known is None:
            if len(self._rows) * len(self._theirs.kind) > _MOST_KEPT:
                self._rows.clear()
            ours = self._ours.of(slice(signature, signature + 1))
            known = np.where(
                ours.kind == self._theirs.kind, _likeness(ours, self._theirs), 0
            ).astype(np.float32)
            self._rows[signature] = known
        return known

    def _named(self, rows: int | Int64, columns: slice | Int64) -> NDArray[np.float64]:
        """What it counts that both are called the same, or lie in scopes that are."""

        def agree(codes: tuple[Int64, ...]) -> NDArray[np.bool_]:
            ours, theirs = codes
            same: NDArray[np.bool_] = (ours[rows] == theirs[columns]) & (theirs[columns] >= 0)
            return same

        alike = _SAME_LAYER * agree(self._layers)
        return np.where(agree(self._scopes) | agree(self._names), _SAME_NAME, alike)


def _numbered(values: Iterable[Hashable], numbers: dict[Hashable, int]) -> Int64:
    return np.array(
        [numbers.setdefault(value, len(numbers)) if value else -1 for value in values], np.int64
    )


def _distinct(items: Sequence[Named], numbers: dict[Hashable, int]) -> tuple[_Signatures, Int64]:
    """The signatures that occur, and which of them each item has."""
    columns = np.stack(
        (
            _numbered((each.item.kind for each in items), numbers),
            _numbered((each.item.shape for each in items), numbers),
            np.array([each.item.weights for each in items], np.int64),
        )
    )
    distinct, number = np.unique(columns, axis=1, return_inverse=True)
    return _Signatures(*distinct), number.ravel()


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


def _likeness(ours: _Signatures, theirs: _Signatures) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (
        _SAME_KIND
        + _SAME_SHAPE * _same_shape(ours.shape, theirs.shape)
        + _SAME_WEIGHTS * _same_weights(ours.weights, theirs.weights)
    )
    return found


def _same_shape(ours: Int64, theirs: Int64) -> NDArray[np.float64]:
    return np.where((ours < 0) | (theirs < 0), _UNKNOWN, ours == theirs)


def _same_weights(ours: Int64, theirs: Int64) -> NDArray[np.float64]:
    """Equal up to a bias or running statistics that one side counts elsewhere."""
    low, high = np.minimum(ours, theirs), np.maximum(ours, theirs)
    allowed = np.maximum(high // _BIAS_SHARE, _BIAS_BYTES)
    is_same = (high == low) | ((low > 0) & (high - low <= allowed))
    return np.where((low == 0) & (high > 0), _UNKNOWN, is_same)


def _walked(steps: NDArray[np.int8], starts: Int64) -> tuple[Int64, Int64]:
    """Rows and columns of the pairs on the best path, found from the last corner back."""
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
    both = np.array(pairs[::-1], np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
