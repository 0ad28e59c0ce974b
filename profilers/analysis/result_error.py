"""How far one run's results are off another's, on the same inputs and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_CLASSES = 1_000_000


@dataclass(frozen=True)
class ResultError:
    """Over all numbers of all results.

    Attributes
    ----------
    largest, mean : float
        Absolute differences; 0 where both are the same infinity or no number.
    cosine : float
        Of the two sets of numbers as vectors; 1 where both are zero.
    same_class : float or None
        Share of rows whose largest entry is at the same place, where the first result looks like
        scores of classes (rank 2 and more, at least two entries in its last dimension).
    """

    largest: float
    mean: float
    cosine: float
    same_class: float | None


def result_error(
    reference: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]
) -> ResultError | None:
    """None if the results do not pair up by count and shape, or hold no numbers."""
    pairs = list(zip(map(numbers, reference), map(numbers, found), strict=False))
    if not pairs or len(reference) != len(found) or any(a.shape != b.shape for a, b in pairs):
        return None
    ours, theirs = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    if not len(ours):
        return None
    is_same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    gaps = np.abs(np.subtract(ours, theirs, out=np.zeros_like(ours), where=~is_same))
    return ResultError(
        float(gaps.max()), float(gaps.mean()), _cosine(ours, theirs), _same_class(*pairs[0])
    )


def numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """The values of a result as float64, none of one that holds text."""
    return np.asarray(values if values.dtype.kind in "biufV" else np.empty(0), np.float64)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths:
        return min(float(a @ b) / lengths, 1.0)
    return 1.0 if not a.any() and not b.any() else 0.0


def _same_class(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if a.ndim < 2 or not a.size or not 2 <= a.shape[-1] <= _MOST_CLASSES:
        return None
    return float((a.argmax(-1) == b.argmax(-1)).mean())
