"""What a model made of its inputs, left in the capture so that runs can be held against each other."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from profilers.request import RunRequest
from profilers.run_record import RESULTS_FILE

_MOST_BYTES = 256 * 2**20


def keep_results(
    request: RunRequest, folder: Path, results: Callable[[], Iterable[np.ndarray[Any, Any]]]
) -> None:
    """Write the results in their order, where the request asks for them.

    `results` runs the model once more, outside of everything that is measured. What is no number
    is left out, and so is everything past 256 MiB.
    """
    if not request.keep_results:
        return
    kept: dict[str, np.ndarray[Any, Any]] = {}
    room = _MOST_BYTES
    for number, values in enumerate(map(np.asarray, results())):
        room -= values.nbytes
        if values.dtype.kind in "biuf" and room >= 0:
            kept[str(number)] = values
    np.savez(folder / RESULTS_FILE, **kept)  # type: ignore[arg-type]
