"""TensorFlow and Keras models converted to TFLite on the spot."""

import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed, first_line
from profilers.request import RunRequest
from profilers.runtimes.tf.graph import signature_name
from profilers.runtimes.tf.sources import Source, lookups_of
from profilers.runtimes.tflite.list_sizes import with_batch

_MISSING = re.compile(r"^\s*(?:Flex|Custom) ops: (?P<names>.+)$", re.MULTILINE)
_NO_KERNEL = re.compile(r"'tf\.(?P<names>\w+)' op is neither a custom op nor a flex op")
_UNKNOWN_TYPE = re.compile(r"Failed to convert element type '(?P<type>\w+)'")
_UNFIT_TYPE = re.compile(
    r"'tfl\.(?P<name>\w+)' op operand #\d+ must be .*but got 'tensor<(?:[\d?]+x)*(?P<type>\w+)>'"
)
_NARROW = (("xf16>", "float16"), ("xbf16>", "bfloat16"), ("xf64>", "float64"))
_CHANGED = re.compile(
    r"of node (?P<node>\S+) was passed \w+ from \S+ incompatible with expected resource"
)
_OPEN_SIZE = "requires element_shape to be static"
_IN_TENSORFLOW = "Profile it in TensorFlow instead."
_REASONS = (  # signs of the converter's text, what they mean and what helps
    (
        (_OPEN_SIZE,),
        "a loop of it makes a list whose sizes the saved graph leaves open",
        "Convert the Keras file that it was saved from, or save it with a fixed batch.",
    ),
    (
        ("Lowering tensor list ops is failed",),
        "a loop of it makes a list (tf.TensorArray) of an open length, or of elements of open sizes",
        "Give the list a size and an element_shape, or profile the model in TensorFlow.",
    ),
    (
        ("mark initialized variables", "tf.VariableV2"),
        "it changes variables of TensorFlow 1's kind while it runs, which the converter does not take",
        _IN_TENSORFLOW,
    ),
    (
        ("Failed to functionalize Control Flow V1",),
        "its control flow is of TensorFlow 1's kind (Switch and Merge), which the converter does "
        "not take",
        "Save it again with control flow v2, or profile it in TensorFlow.",
    ),
)
_TELLS_NOTHING = ("<unknown>:0", "Variable constant folding")
_PLACE = re.compile(r"^\S[^:]*:\d+:\d+: (?:error: )?")
_OF_VARIABLES = frozenset({"VarHandleOp", "ReadVariableOp", "AssignVariableOp"})


def convert(source: Source, quantisation: str, request: RunRequest) -> bytes:
    """The model all in TFLite's own operators.

    Raises
    ------
    CaptureFailed
        If TFLite has no kernel for an operator, or the converter fails.
    """
    name = Path(request.model_path).name
    lookups = lookups_of(source.function)
    loader = _of_saved_model(source, request) if lookups else None
    try:
        return _content(loader or _of_function(source.function), quantisation)
    except Exception as error:  # the converter raises an error class of its own for each stage
        if _OPEN_SIZE in str(error) and (sized := with_batch(source)) is not None:
            with suppress(Exception):  # the first refusal tells more
                return _content(_of_function(sized), quantisation)
        raise _refusal(name, error, () if loader else lookups) from error


def _content(converter: Any, quantisation: str) -> bytes:
    import tensorflow as tf

    if quantisation == "dynamic-range":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    content: bytes = converter.convert()
    return content


def _of_function(function: Any) -> Any:
    import tensorflow as tf

    # Frozen without what holds them, variables would reach the bodies of control flow as arguments,
    # and the converter drops the ReLU of a product with a matrix that is none of its constants.
    variables = tf.Module()
    variables.kept = list(function.graph.variables)
    return tf.lite.TFLiteConverter.from_concrete_functions([function], variables)


def _of_saved_model(source: Source, request: RunRequest) -> Any | None:
    """The converter that finds what fills lookup tables, None where a file has no signature."""
    import tensorflow as tf

    loaded = source.model.owner
    name = signature_name(loaded, request) if hasattr(loaded, "signatures") else ""
    if not name:
        return None
    return tf.lite.TFLiteConverter.from_saved_model(request.model_path, signature_keys=[name])


def _refusal(name: str, error: Exception, tables: Collection[str]) -> CaptureFailed:
    """`tables` are operators whose tables the converter was not given."""
    text = str(error)
    what = f"TFLite cannot run {name}"
    found = [*_MISSING.finditer(text), *_NO_KERNEL.finditer(text)]
    missing = dict.fromkeys(each.strip() for match in found for each in match["names"].split(","))
    missing.pop("Placeholder", None)  # of a table that is refused as well
    if missing.keys() - _OF_VARIABLES:  # a body that is refused leaves its variables behind
        missing = {name: None for name in missing if name not in _OF_VARIABLES}
    if missing and missing.keys() <= {*tables}:
        return CaptureFailed(
            what,
            "it looks words or numbers up in tables, which the converter takes from SavedModels only",
            "Save it as one (model.export), with a signature, or profile it in TensorFlow.",
            text,
        )
    if missing:
        precision = _precision(text)
        change = "Save it in float32" if precision else "Leave these operators out of the model"
        return CaptureFailed(
            what,
            f"TFLite has no kernel for {', '.join(missing)}{precision}",
            f"{change}, or profile it in TensorFlow.",
            text,
        )
    for signs, why, remedy in _REASONS:
        if any(sign in text for sign in signs):
            return CaptureFailed(what, why, remedy, text)
    if changed := _CHANGED.search(text):
        node = changed["node"].rpartition("/")[2]
        why = f"it changes a variable in part ({node}), which the converter does not take"
        return CaptureFailed(what, why, _IN_TENSORFLOW, text)
    if unknown := _UNKNOWN_TYPE.search(text):
        return CaptureFailed(
            what,
            f"TFLite has no numbers of the type {unknown['type']}",
            "Save the model in another type, or profile it in TensorFlow.",
            text,
        )
    if unfit := _UNFIT_TYPE.search(text):
        return CaptureFailed(
            what,
            f"TFLite's {unfit['name'].upper()} does not take plain numbers of the type "
            f"{unfit['type']}, which the model computes with",
            "Convert the model from before it was quantised, or profile it in TensorFlow.",
            text,
        )
    lines = [line for line in text.splitlines() if not line.startswith(_TELLS_NOTHING)]
    why = (lines or [first_line(error)])[0]
    why = _PLACE.sub("", why).rstrip(".")
    return CaptureFailed(what, why, _IN_TENSORFLOW, text)


def _precision(text: str) -> str:
    """Its kernels work in float32, or on quantised numbers."""
    lines = [line for line in text.splitlines() if "see current operation" in line]
    return next((f" in {dtype}" for sign, dtype in _NARROW if any(sign in e for e in lines)), "")
