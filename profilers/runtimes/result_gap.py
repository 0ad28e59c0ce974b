"""How far the results of a converted model are off those of the model it was made from."""

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
) -> None:
    """Largest and mean absolute difference over all numbers, as facts of a run.

    A difference that no rounding explains is a diagnostic as well; `why` is asked only then.
    """
    error = result_error(expected, found)
    if error is None:
        record.warn(
            f"The results of {runtime} and {reference} could not be compared: they are not of the "
            "same shapes, or no numbers."
        )
        return
    largest = max(float(np.abs(each).max(initial=0)) for each in map(numbers, expected))
    record.facts[f"Largest difference from {reference}"] = f"{error.largest:.3g}"
    record.facts[f"Mean difference from {reference}"] = f"{error.mean:.3g}"
    if not error.largest <= _MOST_OFF * largest:
        told = (
            f"{runtime}'s results differ from {reference}'s by up to {error.largest:.3g}, where the "
            f"largest is {largest:.3g}."
        )
        record.warn(
            f"{told} {why()}".rstrip(),
            "Check the converted model before you use it.",
        )
