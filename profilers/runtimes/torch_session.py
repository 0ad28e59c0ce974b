"""What the PyTorch run modes share: inputs, the phases of a run, the profiler."""

import os
import platform
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from profilers.captures.torch_files import TRACE_FILE
from profilers.errors import CaptureFailed, ModeUnavailable
from profilers.parameter_statistics import write_statistics
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter, timed_steps
from profilers.runtimes.torch_inputs import given_inputs
from profilers.runtimes.torch_weights import weights_of

_INTERPRETER_FAILED = "The following operation failed in the TorchScript interpreter"
WORKER_ENVIRONMENT = {"KINETO_LOG_LEVEL": "99"}  # else each start and stop prints a line


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run.

    Parameters
    ----------
    call : callable
        Takes the input tensors in order; the plain model, for the honest latency.
    profiled_call : callable
        The same with ranges that tell the model's nodes or modules.
    write_graph : callable
        Takes the inputs, the capture folder and the record; leaves the authored graph.
    marking : callable
        A context in which `profiled_call` has its ranges.
    owner : module, optional
        What holds the weights, where that is not `call` itself.
    settle_inputs : callable
        Takes the request and the device; gives the request with the inputs as they are used, and
        their tensors in the order that `call` takes them.
    notes : tuple of (str, str)
        What to know about how the model was made: message and remedy.
    """

    call: Callable[..., Any]
    profiled_call: Callable[..., Any]
    write_graph: Callable[[Sequence[Any], Path, RunRecord], None]
    marking: Callable[[], AbstractContextManager[Any]] = nullcontext
    owner: Any = None
    settle_inputs: Callable[[RunRequest, Any], tuple[RunRequest, list[Any]]] = given_inputs
    notes: tuple[tuple[str, str], ...] = ()


def run_model(
    request: RunRequest,
    folder: Path,
    report: Reporter,
    load: Callable[[RunRequest, Any], LoadedModel],
) -> RunRecord:
    """Load, run and profile a model; the trace and the graph are left in `folder`.

    Raises
    ------
    TwinscopeError
        If the file cannot be loaded, needs trust, or does not take the inputs.
    """
    import torch

    record = RunRecord(request, "torch", f"PyTorch {torch.__version__}")
    device = _device(request.device)
    if request.threads:
        torch.set_num_threads(request.threads)
    torch.manual_seed(request.seed)
    report.progress("load", 0.0)
    begin = time.perf_counter_ns()
    model = load(request, device)
    record.load_ns = time.perf_counter_ns() - begin
    record.facts = _facts(request)
    for message, remedy in model.notes:
        record.warn(message, remedy)
    record.request, inputs = model.settle_inputs(request, device)
    with torch.inference_mode():
        _measure(model, inputs, record, report)
        _profile(model, inputs, record, folder, report)
    report.progress("write", 0.0)
    model.write_graph(inputs, folder, record)
    write_statistics(folder, weights_of(model.owner or model.call))
    return record


def _measure(
    model: LoadedModel, inputs: Sequence[Any], record: RunRecord, report: Reporter
) -> None:
    request = record.request
    step = _step(model.call, inputs, request.device)
    report.progress("warm-up", 0.0)
    try:
        first = timed_steps(step, 1, report, "warm-up")
    except Exception as error:  # the model runs code of its own
        raise CaptureFailed(
            "The model failed on its first step",
            f"{type(error).__name__}: {first_line(error)}",
            "Check the inputs' shapes, types and ranges; the details hold the traceback.",
            traceback.format_exc(),
        ) from error
    record.warmup_ns = first + timed_steps(step, request.warmup - 1, report, "warm-up")
    record.measured_ns = timed_steps(step, request.steps, report, "measure")


def _profile(
    model: LoadedModel,
    inputs: Sequence[Any],
    record: RunRecord,
    folder: Path,
    report: Reporter,
) -> None:
    """Run the profiled steps and leave the trace as `TRACE_FILE`."""
    from torch.profiler import ProfilerActivity, profile, record_function

    request = record.request
    activities = [ProfilerActivity.CPU]
    if request.device.startswith("cuda"):
        activities.append(ProfilerActivity.CUDA)

    def step_range(number: int) -> AbstractContextManager[Any]:
        mark: AbstractContextManager[Any] = record_function(f"ProfilerStep#{number}")
        return mark

    step = _step(model.profiled_call, inputs, request.device)
    with model.marking():
        step()  # the ranges' own first call is not the model's
        profiler = profile(activities=activities, record_shapes=True, profile_memory=True)
        record.started_unix_ns = time.time_ns()
        profiler.start()
        try:
            record.profiled_ns = timed_steps(step, request.steps, report, "profile", step_range)
        finally:
            profiler.stop()
    profiler.export_chrome_trace(str(folder / TRACE_FILE))


def _step(call: Callable[..., Any], inputs: Sequence[Any], device: str) -> Callable[[], None]:
    """One step that returns only when its result is there."""
    import torch

    if not device.startswith("cuda"):
        return lambda: _drop(call(*inputs))

    def synchronised() -> None:
        call(*inputs)
        torch.cuda.synchronize(device)

    return synchronised


def _drop(result: Any) -> None:
    """The result dies inside the step, so that its memory belongs to the step."""


def _device(name: str) -> Any:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModeUnavailable(f"There is no device {name!r}", first_line(error)) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModeUnavailable(
            f"PyTorch cannot run on {name}",
            f"it sees {torch.cuda.device_count()} CUDA devices",
            "Choose the device cpu, or install a CUDA build of PyTorch.",
        )
    return device


def first_line(error: BaseException) -> str:
    """The telling line of an exception's text, for a sentence."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if lines[0].startswith(_INTERPRETER_FAILED):  # the reason stands below the interpreter's stack
        return lines[-1].removeprefix("RuntimeError: ").rstrip(".")
    return lines[0].rstrip(".")


def _facts(request: RunRequest) -> dict[str, str]:
    import torch

    facts = {
        "PyTorch": torch.__version__,
        "Python": platform.python_version(),
        "System": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Processor": platform.processor() or platform.machine(),
        "Device": request.device,
        "Threads": f"{torch.get_num_threads()} of {os.cpu_count()}",
        "oneDNN": "on" if torch.backends.mkldnn.enabled else "off",
    }
    if request.device.startswith("cuda"):
        facts["GPU"] = torch.cuda.get_device_name(request.device)
        facts["CUDA"] = str(torch.version.cuda)
    return facts
