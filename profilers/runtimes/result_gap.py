"""How far the results of a converted or compiled model are off those of what it was made from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.analysis.result_error import numbers, result_error
from profilers.run_record import RunRecord

_MOST_OFF = 0.05  # of the largest result; a quantised model stays below that


def tell_gap(
    record: RunRecord,
    expected: Sequence[NDArray[Any]],
    found: Sequence[NDArray[Any]],
    runtime: str,
    reference: str,
    why: Callable[[], str] = lambda: "",
    remedy: str = "Check the converted model before you use it.",
) -> None:
    """Largest and mean absolute difference over all numbers, as facts of a run.

    A difference that no rounding explains is a diagnostic as well; `why` is asked only then.
    """
    if other := _other_shapes(expected, found):
        record.warn(f"{runtime}'s results are not those of {reference} in shape: {other}.", remedy)
        return
    error = result_error(expected, found)
    if error is None:
        record.warn(
            f"The results of {runtime} and {reference} could not be compared: they hold no numbers."
        )
        return
    largest = max(_largest(numbers(each)) for each in expected)
    record.facts[f"Largest difference from {reference}"] = f"{error.largest:.3g}"
    record.facts[f"Mean difference from {reference}"] = f"{error.mean:.3g}"
    if not error.largest <= _MOST_OFF * largest:
        told = (
            f"{runtime}'s results differ from {reference}'s by up to {error.largest:.3g}, where the "
            f"largest is {largest:.3g}."
        )
        record.warn(f"{told} {why()}".rstrip(), remedy)


def _other_shapes(expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> str:
    """How the results differ in count, or the first that differs in shape; "" if none does."""
    if len(expected) != len(found):
        return f"they are {len(found)} and not {len(expected)}"
    for number, (ours, theirs) in enumerate(zip(expected, found, strict=True)):
        if ours.shape != theirs.shape:
            return f"result {number} is {list(theirs.shape)} and not {list(ours.shape)}"
    return ""


def _largest(values: NDArray[np.float64]) -> float:
    """Of the finite ones, by their absolute value."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))
