"""Runs a TFLite model, or a TensorFlow model converted to it, in the TFLite interpreter."""

import json
import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profilers.captures.tflite.files import MODEL_FILE, RUN_FILE
from profilers.errors import ModeUnavailable
from profilers.inputs import make_inputs
from profilers.parameter_statistics import write_statistics
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, timed_steps
from profilers.runtimes.result_gap import tell_gap
from profilers.runtimes.sweep import SizedRun, measure_sweep
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT
from profilers.runtimes.tflite.inputs import bind_inputs, order_of
from profilers.runtimes.tflite.isolated import packed, times_alone
from profilers.runtimes.tflite.library import (
    TfliteLibrary,
    allocate,
    invoke,
    tflite_library,
)
from profilers.runtimes.tflite.model import actual_shapes, stripped, weights_of
from profilers.runtimes.tflite.results import result_names, results_of
from profilers.units import format_bytes

if TYPE_CHECKING:
    from profilers.runtimes.tf.sources import Source

__all__ = ["WORKER_ENVIRONMENT", "run"]

logger = logging.getLogger(__name__)

_MAGIC = b"TFL3"
_DELEGATE = "DELEGATE"


@dataclass
class _Session:
    """A model in its interpreter, inputs set."""

    content: bytes
    interpreter: Any
    arrays: Sequence[NDArray[Any]]
    inputs: tuple[InputSpec, ...]
    source: "Source | None" = None  # what it was converted from

    @property
    def result_names(self) -> list[str]:
        return [] if self.source is None else result_names(self.source.function)


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Measure and profile with ``options["delegate"]``; then time each operator alone.

    Raises
    ------
    CaptureFailed
        If TFLite lacks an operator of the model, or the model fails.
    TwinscopeError
        If the model cannot be loaded, needs trust, or does not take the inputs.
    """
    if request.device != "cpu":
        raise ModeUnavailable(
            f"TFLite cannot run on {request.device} here",
            "this mode knows the CPU only",
            "Choose the device cpu.",
        )
    library = tflite_library()
    report.progress("load", 0.0)
    begin = time.perf_counter_ns()
    session = _open(request, library)
    record = RunRecord(
        replace(request, inputs=session.inputs),
        "tflite",
        library.name,
        facts=_facts(request, library, session),
        load_ns=time.perf_counter_ns() - begin,
        artefact_bytes=len(session.content),
    )
    _run(record, session, library, folder, report)
    return record


def _open(request: RunRequest, library: TfliteLibrary) -> _Session:
    path = Path(request.model_path)
    if _is_tflite(path):
        content = path.read_bytes()
        interpreter = _interpreter(request, library, content)
        arrays, inputs = bind_inputs(request, interpreter)
        session = _Session(content, interpreter, arrays, inputs)
    else:
        _require_tensorflow(path.name)
        from profilers.runtimes.tf.sources import load_source
        from profilers.runtimes.tflite.convert import convert

        source = load_source(request)
        content = convert(source, str(request.options["quantisation"]), path.name)
        interpreter = _interpreter(request, library, content)
        session = _Session(content, interpreter, source.arrays, source.inputs, source)
    _feed(session.interpreter, session)
    return session


def _require_tensorflow(name: str) -> None:
    if find_spec("tensorflow") is None:
        raise ModeUnavailable(
            f"{name} cannot be converted in this Python environment",
            "TensorFlow is not installed, and only .tflite files run without it",
            "Install it (pip install 'twinscope[frameworks]').",
        )


def _is_tflite(path: Path) -> bool:
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(8)[4:] == _MAGIC


def _interpreter(request: RunRequest, library: TfliteLibrary, content: bytes) -> Any:
    return library.open(content, str(request.options["delegate"]), request.threads)


def _feed(interpreter: Any, session: _Session) -> None:
    """Resize what is dynamic, plan the arena, and set the inputs."""
    details = interpreter.get_input_details()
    order = order_of(details, session.inputs)
    for detail, number in zip(details, order, strict=True):
        shape = session.arrays[number].shape
        if tuple(detail["shape"]) != shape:
            interpreter.resize_tensor_input(detail["index"], shape)
    allocate(interpreter)
    for detail, number in zip(details, order, strict=True):
        interpreter.set_tensor(detail["index"], session.arrays[number])


def _run(
    record: RunRecord, session: _Session, library: TfliteLibrary, folder: Path, report: Reporter
) -> None:
    request, interpreter = record.request, session.interpreter
    starts: list[int] = []

    @contextmanager
    def noted(number: int) -> Iterator[None]:
        starts.append(time.perf_counter_ns())
        yield

    def step() -> None:
        invoke(interpreter)

    record.warmup_ns = timed_steps(step, max(request.warmup, 1), report, "warm-up")
    record.measured_ns = timed_steps(step, request.steps, report, "measure")
    record.started_unix_ns = time.time_ns()
    record.profiled_ns = timed_steps(step, request.steps, report, "profile", noted)
    keep_results(request, folder, lambda: _results(session))
    _compare(record, session, library)
    _sweep(record, session, library, report)
    operators = interpreter._get_ops_details()
    model, alone = _look_inside(request, session, library, report)
    report.progress("write", 0.0)
    write_statistics(folder, weights_of(model))
    (folder / MODEL_FILE).write_bytes(packed(stripped(model, library.schema)))
    told = {
        "delegate": "XNNPACK" if request.options["delegate"] == "xnnpack" else "",
        "step_starts_ns": starts,
        "operators": [_places(each) for each in operators if each["op_name"] != _DELEGATE],
        "partitions": [_places(each) for each in operators if each["op_name"] == _DELEGATE],
        "alone": [asdict(each) for each in alone],
    }
    (folder / RUN_FILE).write_text(json.dumps(told))


def _sweep(record: RunRecord, session: _Session, library: TfliteLibrary, report: Reporter) -> None:
    def sized(inputs: tuple[InputSpec, ...]) -> SizedRun:
        arrays = make_inputs(replace(record.request, inputs=inputs, inputs_file=""))
        interpreter = _interpreter(record.request, library, session.content)
        _feed(interpreter, replace(session, arrays=list(arrays.values()), inputs=inputs))
        return SizedRun(lambda: invoke(interpreter))

    if record.request.sweep:
        measure_sweep(record, report, sized)


def _look_inside(
    request: RunRequest, session: _Session, library: TfliteLibrary, report: Reporter
) -> tuple[Any, Any]:
    """The unpacked model with the shapes of this run, and how long its operators take alone."""
    whole = _whole(request, session, library)
    model = library.schema.ModelT.InitFromPackedBuf(session.content, 0)
    actual_shapes(model, whole)
    delegate = str(request.options["delegate"])
    return model, times_alone(library, model, whole, delegate, request.threads, report)


def _whole(request: RunRequest, session: _Session, library: TfliteLibrary) -> Any:
    """An interpreter that has run the model without a delegate and kept every tensor."""
    whole = library.open(session.content, "none", request.threads, keeps_all=True)
    _feed(whole, session)
    invoke(whole)
    return whole


def _places(operator: dict[str, Any]) -> dict[str, list[int]]:
    return {key: [int(each) for each in operator[key]] for key in ("inputs", "outputs")}


def _compare(record: RunRecord, session: _Session, library: TfliteLibrary) -> None:
    """Tell how far the converted model is off, and where that begins."""
    source = session.source
    if source is None:
        return
    from profilers.runtimes.tflite.first_difference import first_difference

    def why() -> str:
        try:
            return first_difference(source, _whole(record.request, session, library))
        except Exception:  # whatever it meets in a model, it must not cost the capture
            logger.exception("looking for the first difference failed")
            return ""

    found = _results(session)
    tell_gap(record, source.results, found, "TFLite", "TensorFlow", why)


def _results(session: _Session) -> list[NDArray[Any]]:
    return results_of(session.interpreter, session.result_names)


def _facts(request: RunRequest, library: TfliteLibrary, session: _Session) -> dict[str, str]:
    path = Path(request.model_path)
    facts = {
        "TFLite": library.name,
        "Delegate": {"xnnpack": "XNNPACK", "none": "none", "reference": "none, reference kernels"}[
            str(request.options["delegate"])
        ],
        "Threads": str(request.threads or "TFLite's default"),
        "Size of the file": format_bytes(_bytes_of(path)),
    }
    if session.source is not None:
        facts["Quantisation"] = str(request.options["quantisation"])
        facts["Size as TFLite"] = format_bytes(len(session.content))
    return {
        **facts,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
        "Cores": str(os.cpu_count() or 1),
    }


def _bytes_of(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
