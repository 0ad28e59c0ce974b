"""What TensorFlow raises while a model runs, as a sentence a person can act on."""

import traceback
from itertools import pairwise

from profilers.errors import CaptureFailed, telling_lines

_EMPTY_TABLE = "Table not initialized"
_UNFIT_SHAPES = "Fallback to flat signature also failed due to: "
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
    if _EMPTY_TABLE in str(error):
        _, *place = _failed_node(error).partition(" (in ")
        return CaptureFailed(
            "The model failed while running",
            f"a lookup table is empty, and the file holds nothing that fills it{''.join(place)}",
            "Freeze the graph together with tf.compat.v1.tables_initializer(), or open the SavedModel.",
            "".join(traceback.format_exception(error)),
        )
    return CaptureFailed(
        "The model failed while running",
        _failed_node(error),
        "If the inputs' values are to blame, such as token ids out of range, give others.",
        "".join(traceback.format_exception(error)),
    )


def shape_failure(error: Exception) -> CaptureFailed | None:
    """The same of what TensorFlow raised while it traced a graph into another one.

    None if the sizes of the inputs are not to blame.
    """
    _, found, told = str(error).partition(_UNFIT_SHAPES)
    if not found:
        return None
    return CaptureFailed(
        "The model failed while running",
        telling_lines(ValueError(told))[0].rstrip("."),
        "If the inputs' sizes are to blame, give others.",
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
