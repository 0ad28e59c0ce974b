"""Runs an ONNX model in ONNX Runtime and leaves its profile and optimised graph."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from profilers.activations import is_wanted
from profilers.captures.ort.files import (
    MODEL_FILE,
    OPTIMISED_FILE,
    PROFILE_FILE,
    PROVIDERS_FILE,
)
from profilers.errors import CaptureFailed, first_line
from profilers.graphs.onnx_strip import strip_file
from profilers.inputs import Array, make_inputs, refitted
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, measured_steps, timed_steps
from profilers.runtimes.ort.activations import write_activations
from profilers.runtimes.ort.device_trace import device_watched
from profilers.runtimes.ort.errors import load_failure, run_failure
from profilers.runtimes.ort.feed import feed_of, run_fed
from profilers.runtimes.ort.providers import (
    CPU,
    RECORD_ASSIGNMENT,
    Provider,
    assignment,
    name_of,
    providers_for,
    short_name,
)
from profilers.runtimes.sweep import SizedRun, measure_sweep

LEVELS = {
    "disabled": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
_ONLY_FATAL = 4
_PREFIX = "profile"
_WEIGHTS = "optimised.weights"
_COMPILED = "contains compiled nodes"  # what a provider compiled cannot be written down
_DTYPES = {"float": "float32", "double": "float64"}


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture an ONNX file on the inputs of the request.

    Raises
    ------
    CaptureFailed
        If ONNX Runtime refuses the model or its inputs, or a node raises.
    """
    return run_with(request, None, folder, report)


def run_with(
    request: RunRequest, arrays: Mapping[str, Array] | None, folder: Path, report: Reporter
) -> RunRecord:
    """Measure in one session, profile in a second one, both of `request.options["level"]`.

    `arrays` are the inputs where they are already made. Raises as `run` does.
    """
    level = str(request.options["level"])
    record, inputs = _measure(request, level, arrays, folder, report)
    _profile(record, level, inputs, folder, report)
    report.progress("write", 0.0)
    (folder / MODEL_FILE).write_bytes(strip_file(Path(request.model_path)))
    if is_wanted(request.options):
        _write_activations(record, level, inputs, folder)
    _sweep(record, level, inputs, report)
    return record


def _write_activations(
    record: RunRecord, level: str, inputs: Mapping[str, Array], folder: Path
) -> None:
    import onnxruntime

    path = Path(record.request.model_path)
    options = _options(record.request, level)
    providers = ["CPUExecutionProvider"]

    def session_of(model: bytes) -> Any:
        return onnxruntime.InferenceSession(model, options, providers=providers)

    try:
        write_activations(path.read_bytes(), inputs, session_of, folder)
    except (
        Exception
    ) as error:  # weights beside the file, or an operator that will not be looked into
        record.warn(f"The activations of {path.name} were not kept: {first_line(error)}")


def _sweep(record: RunRecord, level: str, own: Mapping[str, Array], report: Reporter) -> None:
    if not record.request.sweep:
        return
    session = _session(record.request, _options(record.request, level))

    def sized(inputs: tuple[InputSpec, ...], part: Reporter) -> SizedRun:
        return _sized(session, refitted(own, inputs))

    measure_sweep(record, report, sized)


def sized_run(request: RunRequest, arrays: Mapping[str, Array]) -> SizedRun:
    """A step of the request's model on these inputs. Raises as `run` does."""
    return _sized(_session(request, _options(request, str(request.options["level"]))), arrays)


def _sized(session: Any, arrays: Mapping[str, Array]) -> SizedRun:
    fed = feed_of(arrays)
    return SizedRun(lambda: _call(session, fed))


def results_of(request: RunRequest, arrays: Mapping[str, Array]) -> list[Array]:
    """What the model makes of these inputs. Raises as `run` does."""
    session = _session(request, _options(request, str(request.options["level"])))
    return [np.asarray(result) for result in session.run(None, dict(arrays))]


def _measure(
    request: RunRequest,
    level: str,
    arrays: Mapping[str, Array] | None,
    folder: Path,
    report: Reporter,
) -> tuple[RunRecord, dict[str, Array]]:
    """The honest latency, from a session without the profiler; and the inputs that it was given."""
    import onnxruntime

    report.progress("load", 0.0)
    begin = time.perf_counter_ns()
    session = _session(request, _options(request, level))
    load_ns = time.perf_counter_ns() - begin
    request = _with_inputs(request, session)
    inputs = make_inputs(request) if arrays is None else dict(arrays)
    record = RunRecord(
        replace(request, inputs=_as_used(request, inputs)),
        "onnxruntime",
        f"ONNX Runtime {onnxruntime.__version__}",
        facts=_facts(session, request, level),
        load_ns=load_ns,
    )

    fed = feed_of(inputs)

    def step() -> None:
        _call(session, fed)

    record.warmup_ns = timed_steps(step, request.warmup, report, "warm-up")
    record.measured_ns = measured_steps(step, request.steps, report)
    keep_results(request, folder, lambda: session.run(None, inputs))
    return record, inputs


def _profile(
    record: RunRecord, level: str, inputs: Mapping[str, Array], folder: Path, report: Reporter
) -> None:
    """Run the steps again in a session that profiles; its first run is not counted as a step."""
    request = record.request
    providers = providers_for(request)
    session, is_compiled = _profiled_session(request, level, providers, folder)
    fed = feed_of(inputs)
    _call(session, fed)
    record.started_unix_ns = session.get_profiling_start_time_ns()
    with device_watched(record, providers, folder) as mark:

        def step() -> None:
            with mark():
                _call(session, fed)

        record.profiled_ns = timed_steps(step, request.steps, report, "profile")
    Path(session.end_profiling()).rename(folder / PROFILE_FILE)
    record.extra["unprofiled_runs"] = 1
    if len(providers) > 1:
        _tell_providers(record, session, is_compiled, folder)
    if is_compiled:
        # Providers that compile are given the graph after the basic rewrites.
        options = _options(request, "disabled" if level == "disabled" else "basic")
        _keep_optimised(options, folder)
        _session(request, options, [CPU])
        record.warn(
            "The optimised graph is the one that the provider was given: what it compiled cannot "
            "be written down."
        )
    optimised = folder / OPTIMISED_FILE
    (folder / _WEIGHTS).unlink(missing_ok=True)
    optimised.write_bytes(strip_file(optimised))


def _profiled_session(
    request: RunRequest, level: str, providers: list[Provider], folder: Path
) -> tuple[Any, bool]:
    """A session with the profiler, and whether a provider compiled parts of the model.

    If none did, its optimised graph is left in the folder.
    """
    options = _profiling_options(request, level, folder)
    _keep_optimised(options, folder)
    try:
        return _session(request, options, providers), False
    except CaptureFailed as error:
        if _COMPILED not in error.detail:
            raise
    for begun in folder.glob(f"{_PREFIX}*.json"):
        begun.unlink()
    return _session(request, _profiling_options(request, level, folder), providers), True


def _profiling_options(request: RunRequest, level: str, folder: Path) -> Any:
    options = _options(request, level)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / _PREFIX)
    # With a memory pattern each run takes one block, and no node's share of it is told.
    options.enable_mem_pattern = False
    options.add_session_config_entry(RECORD_ASSIGNMENT, "1")
    return options


def _keep_optimised(options: Any, folder: Path) -> None:
    options.optimized_model_filepath = str(folder / OPTIMISED_FILE)
    external = "session.optimized_model_external_initializers"
    options.add_session_config_entry(f"{external}_file_name", _WEIGHTS)
    options.add_session_config_entry(f"{external}_min_size_in_bytes", "1024")


def _tell_providers(record: RunRecord, session: Any, is_compiled: bool, folder: Path) -> None:
    """Leave what each provider took, and say how much that is."""
    used = session.get_providers()
    parts = assignment(session)
    told = {"asked": [n for n in used if n != CPU], "is_compiled": is_compiled, "parts": parts}
    (folder / PROVIDERS_FILE).write_text(json.dumps(told))
    counts: dict[str, int] = {}
    for part in parts:
        counts[part["provider"]] = counts.get(part["provider"], 0) + len(part["nodes"])
    if counts:
        record.facts["Nodes by provider"] = ", ".join(
            f"{short_name(name)} {count}" for name, count in counts.items()
        )
    for provider in providers_for(record.request):
        name = name_of(provider)
        if name not in used:
            record.warn(
                f"ONNX Runtime could not start {short_name(name)}, so the others ran its nodes.",
                "Check that its libraries and drivers are installed.",
            )


def _options(request: RunRequest, level: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[level])
    options.intra_op_num_threads = request.threads
    options.log_severity_level = _ONLY_FATAL  # errors are raised as well
    return options


def _session(request: RunRequest, options: Any, providers: list[Provider] | None = None) -> Any:
    """With the request's own providers unless others are given."""
    import onnxruntime

    wanted = providers or providers_for(request)
    try:
        return onnxruntime.InferenceSession(request.model_path, options, providers=wanted)
    except Exception as error:  # ONNX Runtime's errors share no base class but this
        raise load_failure(error, Path(request.model_path).name) from error


def _call(session: Any, inputs: Mapping[str, Any]) -> None:
    """`inputs` as `feed_of` gives them."""
    try:
        run_fed(session, inputs)
    except Exception as error:
        raise run_failure(error, _signature(session)) from error


def _with_inputs(request: RunRequest, session: Any) -> RunRequest:
    """The request with the model's own inputs where it names none; dynamic sizes become 1."""
    if request.inputs or request.inputs_file:
        return request
    specs = tuple(
        InputSpec(value.name, _dtype(value.type), tuple(value.shape)).with_sizes()
        for value in session.get_inputs()
    )
    return replace(request, inputs=specs)


def _as_used(request: RunRequest, inputs: Mapping[str, Array]) -> tuple[InputSpec, ...]:
    """The inputs with the shapes and dtypes of the arrays, which may come from a file."""
    asked = {spec.name: spec for spec in request.inputs}
    return tuple(
        replace(
            asked.get(name, InputSpec(name, "", ())),
            dtype="string" if array.dtype == object else str(array.dtype),
            shape=array.shape,
        )
        for name, array in inputs.items()
    )


def _dtype(type_text: str) -> str:
    """numpy name of ``tensor(float)``."""
    name = type_text.removeprefix("tensor(").removesuffix(")")
    return _DTYPES.get(name, name)


def _signature(session: Any) -> str:
    return ", ".join(
        f"{value.name}={_sizes(value.shape)}:{_dtype(value.type)}" for value in session.get_inputs()
    )


def _sizes(shape: Sequence[Any]) -> str:
    """ONNX Runtime gives no sizes both of a scalar and of a tensor of unknown rank."""
    return ",".join(str(size or "?") for size in shape) or "scalar or any shape"


def _facts(session: Any, request: RunRequest, level: str) -> dict[str, str]:
    import onnxruntime

    return {
        "ONNX Runtime": onnxruntime.__version__,
        "Optimisation level": level,
        "Execution providers": ", ".join(session.get_providers()),
        "Threads": str(request.threads or os.cpu_count() or 1),
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
    }
