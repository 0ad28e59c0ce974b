"""What TensorFlow raises while a model runs, as a sentence a person can act on."""

import traceback
from itertools import pairwise

from profilers.errors import CaptureFailed, telling_lines

_LOST_PYTHON = "Could not find callback with key="


def run_failure(error: Exception) -> CaptureFailed:
    """What TensorFlow raised while the model ran."""
    if _LOST_PYTHON in str(error):
        return CaptureFailed(
            "The model failed while running",
            "it calls Python code (tf.py_function or tf.numpy_function), which no saved graph holds",
            "Save the model without it.",
            "".join(traceback.format_exception(error)),
        )
    return CaptureFailed(
        "The model failed while running",
        _failed_node(error),
        "If the inputs' values are to blame, such as token ids out of range, give others.",
        "".join(traceback.format_exception(error)),
    )


def _failed_node(error: Exception) -> str:
    """What went wrong, from a graph's error: the line before the node that it names."""
    lines = telling_lines(error)
    for before, line in pairwise(lines):
        if line.startswith("[[{{node"):
            node = line.partition("}}")[0].removeprefix("[[{{node ")
            return f"{before.rstrip('.')} (in {node})"
    return lines[0] if lines else type(error).__name__
