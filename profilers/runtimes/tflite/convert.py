"""TensorFlow and Keras models converted to TFLite on the spot."""

import re

from profilers.errors import CaptureFailed
from profilers.runtimes.tf.session import first_line
from profilers.runtimes.tf.sources import Source

_MISSING = re.compile(r"^\s*(?:Flex|Custom) ops: (?P<names>.+)$", re.MULTILINE)
_TELLS_NOTHING = ("<unknown>:0", "Variable constant folding")


def convert(source: Source, quantisation: str, name: str) -> bytes:
    """The model all in TFLite's own operators.

    Raises
    ------
    CaptureFailed
        If TFLite has no kernel for an operator, or the converter fails.
    """
    import tensorflow as tf

    # Frozen without what holds them, variables would reach the bodies of control flow as arguments,
    # and the converter drops the ReLU of a product with a matrix that is none of its constants.
    variables = tf.Module()
    variables.kept = list(source.function.graph.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([source.function], variables)
    if quantisation == "dynamic-range":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    try:
        content: bytes = converter.convert()
    except Exception as error:  # the converter raises an error class of its own for each stage
        raise _refusal(name, error) from error
    return content


def _refusal(name: str, error: Exception) -> CaptureFailed:
    text = str(error)
    missing = ", ".join(
        dict.fromkeys(
            each.strip() for found in _MISSING.finditer(text) for each in found["names"].split(",")
        )
    )
    lines = [line for line in text.splitlines() if not line.startswith(_TELLS_NOTHING)]
    why = f"TFLite has no kernel for {missing}" if missing else (lines or [first_line(error)])[0]
    return CaptureFailed(
        f"TFLite cannot run {name}",
        why,
        "Leave these operators out of the model, or profile it in TensorFlow."
        if missing
        else "Profile it in TensorFlow instead.",
        text,
    )
