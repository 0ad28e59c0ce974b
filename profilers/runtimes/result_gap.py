"""How far the results of a converted model are off those of the model it was made from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.run_record import RunRecord

_MOST_OFF = 0.05  # of the largest result; a quantised model stays below that


def tell_gap(
    record: RunRecord,
    expected: Sequence[NDArray[Any]],
    found: Sequence[NDArray[Any]],
    runtime: str,
    reference: str,
) -> None:
    """Largest and mean absolute difference over all numbers, as facts of a run.

    A difference that no rounding explains is a diagnostic as well.
    """
    gaps = _gaps(expected, found)
    if not len(gaps):
        record.warn(
            f"The results of {runtime} and {reference} could not be compared: they are not of the "
            "same shapes, or no numbers."
        )
        return
    largest = max(float(np.abs(each).max(initial=0)) for each in map(_numbers, expected))
    record.facts[f"Largest difference from {reference}"] = f"{gaps.max():.3g}"
    record.facts[f"Mean difference from {reference}"] = f"{gaps.mean():.3g}"
    if not gaps.max() <= _MOST_OFF * largest:
        record.warn(
            f"{runtime}'s results differ from {reference}'s by up to {gaps.max():.3g}, where the "
            f"largest is {largest:.3g}.",
            "Check the converted model before you use it.",
        )


def _gaps(expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Empty if the results do not pair up."""
    pairs = list(zip(map(_numbers, expected), map(_numbers, found), strict=False))
    if len(expected) != len(found) or any(a.shape != b.shape for a, b in pairs):
        return np.empty(0)
    return np.concatenate([np.abs(a - b).ravel() for a, b in pairs]) if pairs else np.empty(0)


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(values if values.dtype.kind in "biufV" else np.empty(0), np.float64)
