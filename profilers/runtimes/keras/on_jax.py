"""Runs a .keras or .h5 model on JAX, compiled by XLA: inference or a training step."""

import os
import platform
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.activations import is_wanted
from profilers.captures.jax.files import TRACE_FILE
from profilers.errors import CaptureFailed, ModeUnavailable, TwinscopeError, first_line
from profilers.parameter_statistics import stride_of, write_statistics
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.keras.activations import write_activations
from profilers.runtimes.keras.inputs import bound_arrays
from profilers.runtimes.keras.jax_program import JaxProgram, inference_of
from profilers.runtimes.keras.jax_training import training_of
from profilers.runtimes.keras.model import forget_models, layer_classes, load_keras, packed
from profilers.runtimes.keras.own_step import brings, told
from profilers.runtimes.measure import Reporter, measured_steps, timed_steps
from profilers.runtimes.sweep import SizedRun, measure_sweep
from profilers.runtimes.tf.options import is_training

# Else JAX takes three quarters of a GPU's memory for itself, which other workers may need.
WORKER_ENVIRONMENT = {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
_NO_SUCH_PRODUCT = "is not supported by dot_general"  # attention in half precision on processors
_IN_FULL = "Save the model in float32, or run it on TensorFlow."


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture the model's inference function or its training step.

    Raises
    ------
    TrustRequired
        If the file holds Python code (a Lambda layer) and `request.trusted` is not set.
    ModeUnavailable
        If JAX has no such device.
    TwinscopeError
        If it cannot be loaded, trained or does not take the inputs.
    """
    import jax
    import keras

    record = RunRecord(request, "jax", f"Keras {keras.__version__} on JAX {jax.__version__}")
    _set_threads(request.threads, record)
    with jax.default_device(_device(request.device)):
        report.progress("load", 0.0)
        begin = time.perf_counter_ns()
        program, inputs = _load(request)
        record.load_ns = time.perf_counter_ns() - begin
        record.request = replace(request, inputs=inputs)
        if is_training(request.options) and brings(program.model, "train_step"):
            record.warn(told(program.model))
        record.facts = _facts(request)
        _run(program, record, folder, report)
        measure_sweep(record, report, partial(_sized, record.request))
        if is_wanted(request.options) and not is_training(request.options):
            _write_activations(program, folder)
    return record


def _load(request: RunRequest) -> tuple[JaxProgram, tuple[InputSpec, ...]]:
    """The traced step, and what its inputs are."""
    import jax

    forget_models()
    model = load_keras(request)
    arrays, inputs = bound_arrays(model, request)
    if any(spec.dtype == "string" for spec in inputs):
        raise TwinscopeError(
            f"JAX cannot run {Path(request.model_path).name}",
            "it takes text, which JAX has no type for",
            "Run it on TensorFlow.",
        )
    given = [jax.numpy.asarray(each, jax.dtypes.canonicalize_dtype(each.dtype)) for each in arrays]
    names = [spec.name for spec in inputs]
    if is_training(request.options):
        program = training_of(model, given, names, request)
    else:
        program = inference_of(model, given, names)
    program.trace()
    return program, inputs


def _sized(request: RunRequest, inputs: tuple[InputSpec, ...], report: Reporter) -> SizedRun:
    """The model traced again for inputs of other sizes."""
    report.progress("JAX traces the model", 0.0)
    program, _ = _load(replace(request, inputs=inputs, inputs_file=""))
    return SizedRun(program.step)


def _run(program: JaxProgram, record: RunRecord, folder: Path, report: Reporter) -> None:
    request = record.request
    program.write(folder, dict(layer_classes(program.model)))
    report.progress("warm-up", 0.0)
    begin = time.perf_counter_ns()
    try:
        program.step()
    except Exception as error:  # whatever XLA or the model's callbacks raise
        why = first_line(error)
        remedy = _IN_FULL if _NO_SUCH_PRODUCT in why else ""
        details = traceback.format_exc()
        raise CaptureFailed("The model failed while running", why, remedy, details) from error
    record.compile_ns = time.perf_counter_ns() - begin
    record.warmup_ns = timed_steps(program.step, request.warmup - 1, report, "warm-up")
    record.measured_ns = measured_steps(program.step, request.steps, report)
    keep_results(request, folder, lambda: [np.asarray(each) for each in program.step()])
    _profile(program.step, record, folder, report)
    write_statistics(folder, _weights(program))


def _profile(step: Callable[[], Any], record: RunRecord, folder: Path, report: Reporter) -> None:
    """Run the profiled steps and leave the trace as `TRACE_FILE`."""
    import jax

    def step_range(number: int) -> AbstractContextManager[Any]:
        mark: AbstractContextManager[Any] = jax.profiler.StepTraceAnnotation(
            "step", step_num=number
        )
        return mark

    log = folder / "profiler_log"
    stop: Callable[[], None] = jax.profiler.stop_trace
    options = jax.profiler.ProfileOptions()
    options.host_tracer_level, options.python_tracer_level = 2, 0
    record.started_unix_ns = time.time_ns()
    jax.profiler.start_trace(str(log), profiler_options=options)
    try:
        record.profiled_ns = timed_steps(step, record.request.steps, report, "profile", step_range)
    finally:
        stop()
    traces = list(log.rglob("*.xplane.pb"))
    if not traces:
        raise CaptureFailed("The capture failed", "JAX's profiler wrote no trace")
    shutil.move(traces[0], folder / TRACE_FILE)
    shutil.rmtree(log)


def _weights(
    program: JaxProgram,
) -> Iterator[tuple[str, Callable[[], tuple[NDArray[Any], int]]]]:
    for name, value in zip(program.weight_names, program.state, strict=True):
        yield name, partial(_values, value)


def _values(array: Any) -> tuple[NDArray[Any], int]:
    """Of a large weight only those values that are looked at leave the device."""
    flat = array.reshape(-1)
    seen = np.asarray(flat[:: stride_of(flat.size)])
    is_plain = seen.dtype.kind in "biuf"
    return (seen if is_plain else seen.astype(np.float32)), int(flat.size)


def _write_activations(program: JaxProgram, folder: Path) -> None:
    def call(*given: Any) -> Any:
        return program.model(packed(program.model, program.names, given), training=False)

    write_activations(program.model, call, program.given, program.names, folder)


def _set_threads(threads: int, record: RunRecord) -> None:
    """XLA reads the number once, when its first program is compiled."""
    wanted = str(threads or os.cpu_count())
    used = os.environ.setdefault("NPROC", wanted)
    if used != wanted:
        record.warn(
            "The number of threads was not changed: JAX had already started its threads.",
            "Close and reopen the program, then run with this number first.",
        )


def _device(name: str) -> Any:
    """JAX's device of "cpu" or "cuda:N"."""
    import jax

    kind, _, number = name.partition(":")
    try:
        found = jax.devices(kind)
    except RuntimeError:
        found = []
    if int(number or 0) >= len(found):
        raise ModeUnavailable(
            f"JAX cannot run on {name}",
            f"it sees {', '.join(map(str, jax.devices()))}",
            "Choose the device cpu, or install a build of JAX for the device.",
        )
    return found[int(number or 0)]


def _facts(request: RunRequest) -> dict[str, str]:
    import jax
    import keras
    from jaxlib.version import __version__ as jaxlib_version

    device = _device(request.device)
    is_gpu = device.platform == "gpu"
    return {
        "JAX": jax.__version__,
        "jaxlib": jaxlib_version,
        "Keras": keras.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
        "Device": request.device,
        **({"GPU": str(device.device_kind)} if is_gpu else {}),
        "Threads": os.environ.get("NPROC", ""),
    }
