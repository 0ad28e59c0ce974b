"""What the PyTorch run modes share: the phases of a run, and the session that they work on."""

import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import TRACE_FILE, TRAINING
from profilers.errors import CaptureFailed
from profilers.parameter_statistics import write_statistics
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, timed_steps
from profilers.runtimes.pytorch.device import (
    device_named,
    machine_facts,
    profiled_activities,
    waited_for,
)
from profilers.runtimes.pytorch.errors import (
    first_line,
    lacks_registration,
    needs_registration,
    unregistered_operator,
)
from profilers.runtimes.pytorch.imports import import_first
from profilers.runtimes.pytorch.inputs import given_inputs, weights_channels_last
from profilers.runtimes.pytorch.options import AUTOCAST, IMPORTS, MEMORY_FORMAT, chosen
from profilers.runtimes.pytorch.steps import Forward, Ranges, Work, unmarked, work_of
from profilers.runtimes.pytorch.sweep import sweep
from profilers.runtimes.pytorch.weights import weights_of

WORKER_ENVIRONMENT = {"KINETO_LOG_LEVEL": "99"}  # else each start and stop prints a line
PRELOADED = ("torch._inductor.config", "torch.export._trace")  # by the profiler and the graph, 2 s


def _positional(inputs: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    return tuple(inputs), {}


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
    owner : torch.nn.Module
        What holds the weights.
    marking : callable
        A context in which `profiled_call` has its ranges.
    arguments : callable
        The positional and named arguments that `owner` takes, from the inputs in order.
    settle_inputs : callable
        Takes the request and the device; gives the request with the inputs as they are used, and
        their tensors in the order that `call` takes them.
    sweeping : callable
        A context around steps of other sizes than the run's.
    notes : tuple of (str, str)
        What to know about how the model was made: message and remedy.
    """

    call: Callable[..., Any]
    profiled_call: Callable[..., Any]
    write_graph: Callable[[Sequence[Any], Path, RunRecord], None]
    owner: Any
    marking: Callable[[], AbstractContextManager[Any]] = nullcontext
    arguments: Callable[[Sequence[Any]], tuple[Any, dict[str, Any]]] = _positional
    settle_inputs: Callable[[RunRequest, Any], tuple[RunRequest, list[Any]]] = given_inputs
    sweeping: Callable[[], AbstractContextManager[Any]] = nullcontext
    notes: tuple[tuple[str, str], ...] = ()


@dataclass
class Session:
    """One run: what was asked, what is there by now, and what is to be told of it."""

    request: RunRequest
    folder: Path
    report: Reporter
    record: RunRecord
    device: Any
    inputs: list[Any] = field(default_factory=list)
    _model: LoadedModel | None = None
    _work: Work | None = None

    @property
    def model(self) -> LoadedModel:
        assert self._model is not None  # `load` comes first
        return self._model

    @property
    def work(self) -> Work:
        assert self._work is not None
        return self._work

    def take(self, model: LoadedModel) -> None:
        """From here on this model runs, laid out and put to work as the options say."""
        self._model = model
        self._lay_out(model.owner)
        self._work = work_of(self.request.options, model.owner, self.inputs)
        precision = chosen(self.request.options, AUTOCAST)
        lower = {} if precision == "off" else {"Autocast": precision}
        self.record.facts = {**self.record.facts, **self._work.facts, **lower}

    def step(self, call: Forward, ranges: Ranges) -> Callable[[], None]:
        """One step that returns only when its result is there."""
        return waited_for(self.work.step(self.in_precision(call), ranges), self.device)

    def in_precision(self, call: Forward) -> Forward:
        """The call under the autocast that was asked for."""
        import torch

        precision = chosen(self.request.options, AUTOCAST)
        if precision == "off":
            return call
        dtype, kind = getattr(torch, precision), self.device.type

        def lower(*inputs: Any) -> Any:
            with torch.autocast(kind, dtype=dtype):
                return call(*inputs)

        return lower

    def _lay_out(self, owner: Any) -> None:
        if chosen(self.request.options, MEMORY_FORMAT) != "channels-last":
            return
        count = weights_channels_last(owner)
        self.record.facts["Memory format"] = f"channels-last, weights of {count} convolutions"


Loader = Callable[[RunRequest, Any], LoadedModel]
Phase = Callable[[Session], None]


def run_model(
    request: RunRequest, folder: Path, report: Reporter, load: Loader, *preparations: Phase
) -> RunRecord:
    """Load, run and profile a model; the trace and the graph are left in `folder`.

    Parameters
    ----------
    load : callable
        Takes the request and the torch.device.
    preparations : callables
        Phases between loading and the first step, such as compiling.

    Raises
    ------
    TwinscopeError
        If the file cannot be loaded, needs trust, or does not take the inputs.
    """
    session = opened(request, folder, report)
    load_model(session, load)
    for phase in (*preparations, warm_up, measure, keep, profile, write, sweep):
        phase(session)
    return session.record


def opened(request: RunRequest, folder: Path, report: Reporter) -> Session:
    """A session on the request's device, with no model and no inputs yet."""
    import torch

    record = RunRecord(request, "torch", f"PyTorch {torch.__version__}")
    device = device_named(request.device)
    if request.threads:
        torch.set_num_threads(request.threads)
    torch.manual_seed(request.seed)
    import_first(chosen(request.options, IMPORTS), request.source_folder)
    record.facts = machine_facts(request)
    return Session(request, folder, report, record, device)


def load_model(session: Session, load: Loader) -> None:
    """The model from its file, and its inputs."""
    session.report.progress("load", 0.0)
    begin = time.perf_counter_ns()
    model = load(session.request, session.device)
    session.record.load_ns = time.perf_counter_ns() - begin
    for message, remedy in model.notes:
        session.record.warn(message, remedy)
    session.request, session.inputs = model.settle_inputs(session.request, session.device)
    session.record.request = session.request
    session.take(model)


def built_by(build: Callable[[LoadedModel, Session], LoadedModel]) -> Phase:
    """A phase that makes another model of the one that was loaded, timed as compiling."""

    def phase(session: Session) -> None:
        session.report.progress("compile", 0.0)
        begin = time.perf_counter_ns()
        model = build(session.model, session)
        session.record.compile_ns += time.perf_counter_ns() - begin
        session.take(model)

    return phase


def compile_by_running(session: Session) -> None:
    """The first step of a model that is compiled when it is called."""
    session.record.compile_ns += sum(_first_steps(session, "compile", 1))


def first_step(session: Session) -> None:
    """One step that is not counted at all, to see what the model does."""
    _first_steps(session, "load", 1)


def warm_up(session: Session) -> None:
    """Steps that are not counted; at least one."""
    session.record.warmup_ns = _first_steps(session, "warm-up", max(session.request.warmup, 1))


def measure(session: Session) -> None:
    """The honest latency: without profiler and ranges."""
    step = session.step(session.model.call, unmarked)
    with session.work.around():
        session.record.measured_ns = timed_steps(
            step, session.request.steps, session.report, "measure"
        )


def keep(session: Session) -> None:
    """The model's results, where they are asked for."""
    keep_results(session.request, session.folder, lambda: _results(session))


def _results(session: Session) -> list[Any]:
    """Arrays of one call, half precisions widened: numpy has no bfloat16."""
    import torch
    from torch.utils._pytree import tree_leaves

    with torch.inference_mode():
        found = tree_leaves(session.in_precision(session.model.call)(*session.inputs))
    tensors = [each.detach() for each in found if isinstance(each, torch.Tensor)]
    return [(each.double() if each.is_floating_point() else each).cpu().numpy() for each in tensors]


def profile(session: Session) -> None:
    """The same steps again under the profiler, which leaves the trace as `TRACE_FILE`."""
    from torch.profiler import profile as torch_profile
    from torch.profiler import record_function

    record, model = session.record, session.model
    step = session.step(model.profiled_call, record_function)
    with session.work.around(), model.marking():
        step()  # the ranges' own first call is not the model's
        profiler = torch_profile(
            activities=profiled_activities(session.device), record_shapes=True, profile_memory=True
        )
        record.started_unix_ns = time.time_ns()
        profiler.start()
        try:
            record.profiled_ns = timed_steps(
                step, session.request.steps, session.report, "profile", _step_range
            )
        finally:
            profiler.stop()
    profiler.export_chrome_trace(str(session.folder / TRACE_FILE))


def write(session: Session) -> None:
    """The authored graph and what is known of the weights."""
    session.report.progress("write", 0.0)
    told = session.work.told()
    if told:
        session.record.extra[TRAINING] = told
    session.model.write_graph(session.inputs, session.folder, session.record)
    write_statistics(session.folder, weights_of(session.model.owner))


def _step_range(number: int) -> AbstractContextManager[Any]:
    from torch.profiler import record_function

    mark: AbstractContextManager[Any] = record_function(f"ProfilerStep#{number}")
    return mark


def _first_steps(session: Session, stage: str, count: int) -> list[int]:
    """Steps that may fail, since none has run yet."""
    step = session.step(session.model.call, unmarked)
    session.report.progress(stage, 0.0)
    try:
        with session.work.around():
            return timed_steps(step, count, session.report, stage)
    except Exception as error:  # the model runs code of its own
        raise _failed(error) from error


_REMEDIES = (
    (
        "Expected to have finished reduction",
        "The steps leave different weights out: choose yes for Unused weights.",
    ),
    (
        "backward through the graph a second time",
        "The model keeps tensors of one step for the next, such as a cache or a hidden state: detach "
        "them in the model, or run its inference.",
    ),
    (
        "Expected all tensors to be on the same device",
        "The model makes or holds a tensor on another device: let it use the device of its input, or "
        "run it on the CPU.",
    ),
)


def _remedy(error: Exception) -> str:
    told = (remedy for sign, remedy in _REMEDIES if sign in str(error))
    return next(told, "Check the inputs' shapes, types and ranges; the details hold the traceback.")


def _failed(error: Exception) -> CaptureFailed:
    operator = unregistered_operator(error)
    if operator:
        return CaptureFailed(
            "The model failed on its first step",
            lacks_registration(operator),
            needs_registration(operator),
            traceback.format_exc(),
        )
    return CaptureFailed(
        "The model failed on its first step",
        f"{type(error).__name__}: {first_line(error)}",
        _remedy(error),
        traceback.format_exc(),
    )
