"""Pairs the items of two graphs: the heaviest order-preserving alignment, then what is left over."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.graph_items import Item
from profilers.profile.table import Int64

ItemPair = tuple[int, int, float]  # place in a, place in b, confidence 0 to 1

_HEAVY = {"convolution": 6.0, "matmul": 6.0, "attention": 5.0, "recurrent": 5.0, "normalisation": 3.0,
          "embedding": 3.0, "softmax": 2.0, "pooling": 2.0, "activation": 1.5}  # fmt: skip
_SAME_FAMILY, _SAME_SHAPE, _SAME_WEIGHTS, _SAME_WORD = 0.25, 0.25, 0.35, 0.15
_BIAS_SHARE, _BIAS_BYTES = 8, 1024
_MOST_CELLS = 40_000_000  # of the alignment's table: 160 MB, 0.7 s
_LEFT_OVER = 0.8


def align(a: Sequence[Item], b: Sequence[Item]) -> list[ItemPair]:
    """The order-preserving pairs of one family with the highest total score (Needleman-Wunsch).

    Of graphs too large to compare whole only the heavy families are aligned.
    """
    places_a, places_b = _kept(a, len(b)), _kept(b, len(a))
    ours, theirs = _codes([a[at] for at in places_a], [b[at] for at in places_b])
    best = np.zeros((len(places_a) + 1, len(places_b) + 1), np.float32)
    for row in range(len(places_a)):
        paired = best[row, :-1] + _scores(ours, row, theirs)
        best[row + 1, 1:] = np.maximum.accumulate(np.maximum(best[row, 1:], paired))
    return [
        (places_a[row], places_b[other], float(_likeness(ours, row, theirs)[other]))
        for row, other in _path(best)
    ]


def left_over(a: Sequence[Item], b: Sequence[Item], pairs: Sequence[ItemPair]) -> list[ItemPair]:
    """Unpaired items of one family and shape, in order, where both sides have as many."""
    keys_a = _by_key(a, {pair[0] for pair in pairs})
    keys_b = _by_key(b, {pair[1] for pair in pairs})
    confidence = _LEFT_OVER * (_SAME_FAMILY + _SAME_SHAPE)
    return [
        (at, other, confidence)
        for key, places in keys_a.items()
        if len(places) == len(keys_b.get(key, ()))
        for at, other in zip(places, keys_b[key], strict=True)
    ]


@dataclass(frozen=True)
class _Codes:
    """Items as columns: equal codes stand for equal values."""

    family: Int64
    word: Int64
    shape: Int64
    weights: Int64
    heaviness: NDArray[np.float32]


def _kept(items: Sequence[Item], others: int) -> list[int]:
    if len(items) * others <= _MOST_CELLS:
        return list(range(len(items)))
    heavy = [at for at, item in enumerate(items) if item.family in _HEAVY]
    return heavy[: int(_MOST_CELLS**0.5)]


def _codes(a: Sequence[Item], b: Sequence[Item]) -> tuple[_Codes, _Codes]:
    numbers: dict[Hashable, int] = {}

    def numbered(values: Iterable[Hashable]) -> Int64:
        return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)

    ours, theirs = (
        _Codes(
            numbered(item.family for item in items),
            numbered(item.word for item in items),
            numbered(item.shape for item in items),
            np.array([item.weights for item in items], np.int64),
            np.array([_HEAVY.get(item.family, 1.0) for item in items], np.float32),
        )
        for items in (a, b)
    )
    return ours, theirs


def _scores(a: _Codes, row: int, b: _Codes) -> NDArray[np.float32]:
    """Of one item of `a` with every item of `b`; zero where the families differ."""
    value = a.heaviness[row] * (0.5 + _likeness(a, row, b))
    return np.where(a.family[row] == b.family, value, 0).astype(np.float32)


def _likeness(a: _Codes, row: int, b: _Codes) -> NDArray[np.float32]:
    """0.25 for the same family alone, 1 for the same shape, weights and operator word too."""
    likeness = np.full(len(b.family), _SAME_FAMILY, np.float32)
    likeness[a.shape[row] == b.shape] += _SAME_SHAPE
    likeness[_same_weights(a.weights[row], b.weights)] += _SAME_WEIGHTS
    likeness[a.word[row] == b.word] += _SAME_WORD
    return likeness


def _same_weights(ours: np.int64, theirs: Int64) -> NDArray[np.bool_]:
    """Equal up to a bias or running statistics that one side counts elsewhere."""
    low, high = np.minimum(ours, theirs), np.maximum(ours, theirs)
    allowed = np.maximum(high // _BIAS_SHARE, _BIAS_BYTES)
    same: NDArray[np.bool_] = (high == low) | ((low > 0) & (high - low <= allowed))
    return same


def _path(best: NDArray[np.float32]) -> list[tuple[int, int]]:
    """The cells whose pairs make up the highest score, from the last corner back."""
    row, other = best.shape[0] - 1, best.shape[1] - 1
    pairs = []
    while row and other:
        if best[row, other] == best[row - 1, other]:
            row -= 1
        elif best[row, other] == best[row, other - 1]:
            other -= 1
        else:
            row, other = row - 1, other - 1
            pairs.append((row, other))
    return pairs[::-1]


def _by_key(items: Sequence[Item], paired: set[int]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        if at not in paired:
            found[item.family, item.shape, item.weights > 0].append(at)
    return found
