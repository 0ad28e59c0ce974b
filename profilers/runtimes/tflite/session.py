"""A TFLite model in its interpreter, its inputs set: a file's own, or one converted on the spot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from profilers.errors import ModeUnavailable
from profilers.installing import install_command
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.tflite.inputs import bind_inputs, order_of
from profilers.runtimes.tflite.library import TfliteLibrary, allocate, invoke
from profilers.runtimes.tflite.results import result_names, results_of
from profilers.runtimes.tflite.signatures import signature_first

if TYPE_CHECKING:
    from profilers.runtimes.tf.sources import Source

_MAGIC = b"TFL3"


@dataclass(frozen=True)
class Session:
    """`source` is what it was converted from, None for a file that is TFLite's own.

    Tracing the model and converting it took `converting_ns`.
    """

    content: bytes
    interpreter: Any
    arrays: Sequence[NDArray[Any]]
    inputs: tuple[InputSpec, ...]
    source: "Source | None" = None
    converting_ns: int = 0

    @property
    def result_names(self) -> list[str]:
        return [] if self.source is None else result_names(self.source.function)

    def results(self) -> list[NDArray[Any]]:
        """Of the last call, in the order of the model that it was converted from."""
        return results_of(self.interpreter, self.result_names)


def open_session(request: RunRequest, library: TfliteLibrary) -> Session:
    """The model of a request, ready to be invoked.

    Raises
    ------
    TwinscopeError
        If it cannot be loaded, converted or planned, needs trust, or does not take the inputs.
    """
    path = Path(request.model_path)
    if is_tflite(path):
        content = signature_first(path.read_bytes(), request, library.schema)
        interpreter = interpreter_of(request, library, content)
        arrays, inputs = bind_inputs(request, interpreter)
        session = Session(content, interpreter, arrays, inputs)
    else:
        _require_tensorflow(path.name)
        from profilers.runtimes.tf.sources import load_source
        from profilers.runtimes.tflite.convert import convert

        source = load_source(request)
        begin = time.perf_counter_ns()
        content = convert(source, str(request.options["quantisation"]), request)
        converting_ns = source.model.tracing_ns + time.perf_counter_ns() - begin
        interpreter = interpreter_of(request, library, content)
        session = Session(content, interpreter, source.arrays, source.inputs, source, converting_ns)
    feed(session.interpreter, session)
    return session


def interpreter_of(request: RunRequest, library: TfliteLibrary, content: bytes) -> Any:
    return library.open(content, str(request.options["delegate"]), request.threads)


def feed(interpreter: Any, session: Session) -> None:
    """Resize what is dynamic, plan the arena, and set the inputs. Raises CaptureFailed."""
    details = interpreter.get_input_details()
    order = order_of(details, session.inputs)
    for detail, number in zip(details, order, strict=True):
        shape = session.arrays[number].shape
        if tuple(detail["shape"]) != shape:
            interpreter.resize_tensor_input(detail["index"], shape)
    allocate(interpreter)
    for detail, number in zip(details, order, strict=True):
        interpreter.set_tensor(detail["index"], session.arrays[number])


def whole_run(request: RunRequest, library: TfliteLibrary, session: Session) -> Any:
    """An interpreter that has run the model without a delegate and kept every tensor."""
    whole = library.open(session.content, "none", request.threads, keeps_all=True)
    feed(whole, session)
    invoke(whole)
    return whole


def is_tflite(path: Path) -> bool:
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(8)[4:] == _MAGIC


def _require_tensorflow(name: str) -> None:
    if find_spec("tensorflow") is None:
        raise ModeUnavailable(
            f"{name} cannot be converted in this Python environment",
            "TensorFlow is not installed, and only .tflite files run without it",
            f"Install it ({install_command(['tensorflow'])}).",
        )
