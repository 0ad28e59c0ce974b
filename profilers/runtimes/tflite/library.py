"""The TFLite interpreter that is installed here, LiteRT's or TensorFlow's, and its errors."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from profilers.errors import CaptureFailed, ModeUnavailable

DELEGATES = {
    "xnnpack": "AUTO",
    "none": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "reference": "BUILTIN_REF",
}
_CUSTOM = re.compile(r"unresolved custom op: (?P<name>[^\s.]+)")
_BUILT_IN = re.compile(
    r"Didn't find op for builtin opcode '(?P<name>\w+)' version '(?P<version>\d+)'"
)
_UNSET_VARIABLE = "variable != nullptr was not true"
_EMPTY_TABLE = "hashtable need to be initialized"
_RUN_TOGETHER = re.compile(r"(?<=\S)\.?(?=Node number \d)")
_FLEX = "Select TensorFlow op(s)"
_PLACE = re.compile(r"^\S+\.(cc|h):\d+ ")


@dataclass(frozen=True)
class TfliteLibrary:
    """`schema` is the flatbuffer object API that comes with the interpreter."""

    name: str
    interpreter: Callable[..., Any]
    resolvers: Any
    schema: Any

    def open(self, content: bytes, delegate: str, threads: int, *, keeps_all: bool = False) -> Any:
        """An interpreter of a model; `keeps_all` lets every tensor be read after a run.

        Raises
        ------
        CaptureFailed
            If the content is no model that this library knows all operators of.
        """
        with warnings.catch_warnings(), _told("TFLite cannot load the model"):
            warnings.simplefilter("ignore")  # TensorFlow says that LiteRT has the newer one
            return self.interpreter(
                model_content=content,
                num_threads=threads or None,
                experimental_op_resolver_type=getattr(self.resolvers, DELEGATES[delegate]),
                experimental_preserve_all_tensors=keeps_all,
            )


def allocate(interpreter: Any) -> None:
    """Plan the arena and hand over to the delegates. Raises CaptureFailed."""
    with _told("TFLite cannot prepare the model"):
        interpreter.allocate_tensors()


def invoke(interpreter: Any) -> None:
    """Run one step. Raises CaptureFailed."""
    with _told("The model failed while it ran"):
        interpreter.invoke()


def is_handle(detail: Mapping[str, Any]) -> bool:
    """Whether a tensor stands for a variable, a table or a list, by what the interpreter tells of it.

    ``get_tensor`` takes the bytes of a handle for strings, and what it then reads may end the process.
    """
    return np.dtype(detail["dtype"]).kind in "OV"


def tflite_library() -> TfliteLibrary:
    """LiteRT's where it is installed: it is newer, and loads without TensorFlow.

    Raises
    ------
    ModeUnavailable
        If neither is installed.
    """
    try:
        return _litert()
    except ImportError:
        pass
    try:
        return _tensorflow()
    except ImportError as error:
        raise ModeUnavailable(
            "TFLite cannot run in this Python environment",
            f"neither ai-edge-litert nor TensorFlow can be imported ({error})",
            "Install one of them (pip install ai-edge-litert).",
        ) from error


def _litert() -> TfliteLibrary:
    from importlib.metadata import version

    from ai_edge_litert import interpreter, schema_py_generated

    name = f"LiteRT {version('ai-edge-litert')}"
    return TfliteLibrary(
        name, interpreter.Interpreter, interpreter.OpResolverType, schema_py_generated
    )


def _tensorflow() -> TfliteLibrary:
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated

    name = f"TFLite of TensorFlow {tf.__version__}"
    resolvers = tf.lite.experimental.OpResolverType
    return TfliteLibrary(name, tf.lite.Interpreter, resolvers, schema_py_generated)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise _failure(what, str(error)) from error


def _failure(what: str, text: str) -> CaptureFailed:
    """The interpreter's errors as sentences; the original text is kept as detail."""
    if _FLEX in text:
        return CaptureFailed(
            what,
            "it uses TensorFlow operators (flex), which this interpreter has none of",
            "Convert the model with TFLite's own operators only, or profile the TensorFlow model.",
            text,
        )
    if custom := _CUSTOM.search(text):
        return CaptureFailed(
            what,
            f"it uses the custom operator {custom['name']}, which this interpreter does not have",
            "Convert the model with TFLite's own operators only.",
            text,
        )
    if built_in := _BUILT_IN.search(text):
        return CaptureFailed(
            what,
            f"it uses {built_in['name']} in version {built_in['version']}, which is newer than "
            "this interpreter",
            "Install a newer ai-edge-litert, or convert the model with an older converter.",
            text,
        )
    if _EMPTY_TABLE in text:
        return CaptureFailed(
            what,
            "its lookup tables are empty: what fills them in TensorFlow was not converted",
            "Profile it in TensorFlow instead.",
            text,
        )
    if _UNSET_VARIABLE in text:
        return CaptureFailed(
            what,
            "it reads a variable that nothing has set: what gives its variables their first values "
            "was not converted",
            "Convert it again from a SavedModel or together with the object that holds the variables, "
            "or profile it in TensorFlow.",
            text,
        )
    text = _RUN_TOGETHER.sub("; ", text)
    lines = [_PLACE.sub("", line).strip() for line in text.splitlines() if line.strip()]
    return CaptureFailed(what, lines[0] if lines else "it gave no reason", "", text)
