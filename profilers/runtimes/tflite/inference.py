"""Runs a TFLite model, or a TensorFlow model converted to it, in the TFLite interpreter."""

import json
import logging
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.captures.tflite.files import MODEL_FILE, RUN_FILE
from profilers.errors import ModeUnavailable
from profilers.parameter_statistics import write_statistics
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, measured_steps, timed_steps
from profilers.runtimes.result_gap import tell_gap
from profilers.runtimes.tf.session import WORKER_ENVIRONMENT
from profilers.runtimes.tflite.isolated import times_alone
from profilers.runtimes.tflite.library import TfliteLibrary, invoke, tflite_library
from profilers.runtimes.tflite.model import actual_shapes, packed, stripped, weights_of
from profilers.runtimes.tflite.session import Session, open_session, whole_run
from profilers.runtimes.tflite.sweep import sweep
from profilers.units import format_bytes

__all__ = ["WORKER_ENVIRONMENT", "run"]

logger = logging.getLogger(__name__)

_DELEGATE = "DELEGATE"


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
    session = open_session(request, library)
    record = RunRecord(
        replace(request, inputs=session.inputs),
        "tflite",
        library.name,
        facts=_facts(request, library, session),
        load_ns=time.perf_counter_ns() - begin - session.converting_ns,
        compile_ns=session.converting_ns,
        artefact_bytes=len(session.content),
    )
    _run(record, session, library, folder, report)
    return record


def _run(
    record: RunRecord, session: Session, library: TfliteLibrary, folder: Path, report: Reporter
) -> None:
    request, interpreter = record.request, session.interpreter
    starts: list[int] = []

    @contextmanager
    def noted(number: int) -> Iterator[None]:
        starts.append(time.perf_counter_ns())
        yield

    def step() -> None:
        invoke(interpreter)

    record.warmup_ns = timed_steps(step, 1, report, "warm-up")
    first = session.results()  # later ones may come of a state that these calls change
    record.warmup_ns += timed_steps(step, max(request.warmup, 1) - 1, report, "warm-up")
    record.measured_ns = measured_steps(step, request.steps, report)
    record.started_unix_ns = time.time_ns()
    record.profiled_ns = timed_steps(step, request.steps, report, "profile", noted)
    keep_results(request, folder, session.results)
    _compare(record, session, first, library)
    sweep(record, session, library, report)
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


def _look_inside(
    request: RunRequest, session: Session, library: TfliteLibrary, report: Reporter
) -> tuple[Any, Any]:
    """The unpacked model with the shapes of this run, and how long its operators take alone."""
    whole = whole_run(request, library, session)
    model = library.schema.ModelT.InitFromPackedBuf(session.content, 0)
    actual_shapes(model, whole)
    delegate = str(request.options["delegate"])
    return model, times_alone(library, model, whole, delegate, request.threads, report)


def _places(operator: dict[str, Any]) -> dict[str, list[int]]:
    return {key: [int(each) for each in operator[key]] for key in ("inputs", "outputs")}


def _compare(
    record: RunRecord, session: Session, found: Sequence[NDArray[Any]], library: TfliteLibrary
) -> None:
    """Tell how far the converted model is off, and where that begins."""
    source = session.source
    if source is None:
        return
    from profilers.runtimes.tflite.first_difference import first_difference

    def why() -> str:
        try:
            return first_difference(source, whole_run(record.request, library, session))
        except Exception:  # whatever it meets in a model, it must not cost the capture
            logger.exception("looking for the first difference failed")
            return ""

    for note in source.model.notes:
        record.note(note)
    tell_gap(record, source.results, found, "TFLite", "TensorFlow", why)


def _facts(request: RunRequest, library: TfliteLibrary, session: Session) -> dict[str, str]:
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
