"""The phases of a run that PyTorch's modes share, from the model's file to the trace."""

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from profilers.captures.pytorch.files import SIZES_FILE, TRACE_FILE, TRAINING
from profilers.errors import CaptureFailed
from profilers.parameter_statistics import write_statistics
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.kept_results import keep_results
from profilers.runtimes.measure import Reporter, measured_steps, timed_steps
from profilers.runtimes.old_objects import old_objects_spared
from profilers.runtimes.pytorch.code_generator import lacking_compiler
from profilers.runtimes.pytorch.device import (
    device_named,
    machine_facts,
    profiled_activities,
)
from profilers.runtimes.pytorch.errors import (
    first_line,
    lacks_registration,
    needs_registration,
    unregistered_operator,
)
from profilers.runtimes.pytorch.imports import import_first
from profilers.runtimes.pytorch.options import AUTOCAST, IMPORTS, chosen
from profilers.runtimes.pytorch.outputs import tensors_in
from profilers.runtimes.pytorch.session import LoadedModel, Session
from profilers.runtimes.pytorch.steps import unmarked
from profilers.runtimes.pytorch.sweep import sweep
from profilers.runtimes.pytorch.weights import weights_of

Loader = Callable[[RunRequest, Any], LoadedModel]
Phase = Callable[[Session], None]
Build = Callable[[LoadedModel, Session], LoadedModel]


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


def built_by(build: Build) -> Phase:
    """A phase that makes another model of the one that was loaded, timed as compiling."""

    def phase(session: Session) -> None:
        session.report.progress("compile", 0.0)
        begin = time.perf_counter_ns()
        model = build(session.model, session)
        session.record.compile_ns += time.perf_counter_ns() - begin
        session.take(model)

    return phase


def for_each_size(build: Build) -> Build:
    """The same build, done again for every other size of a sweep: what it makes is specialised."""

    def specialised(loaded: LoadedModel, session: Session) -> LoadedModel:
        return replace(build(loaded, session), rebuilt=partial(build, loaded))

    return specialised


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
        session.record.measured_ns = measured_steps(step, session.request.steps, session.report)


def keep(session: Session) -> None:
    """The model's results, where they are asked for."""
    keep_results(session.request, session.folder, lambda: _results(session))


def _results(session: Session) -> list[Any]:
    """Arrays of one call, half precisions widened: numpy has no bfloat16."""
    import torch

    with torch.no_grad():
        found = tensors_in(session.in_precision(session.model.call)(*session.inputs))
    tensors = [each.detach() for each in found]
    return [(each.double() if each.is_floating_point() else each).cpu().numpy() for each in tensors]


def profile(session: Session) -> None:
    """The same steps again under the profiler, which leaves the trace as `TRACE_FILE`.

    One step before them leaves the sizes of operators' inputs in `SIZES_FILE`: to record them costs
    about as much again as all the rest, and in the other steps it would count as the operators' own
    time. It is also the first that makes ranges, whose own first call is not the model's.
    """
    from torch.profiler import record_function

    session.report.progress("profile: the sizes of inputs", 0.0)
    session.record.started_unix_ns = time.time_ns()
    step = session.step(session.model.profiled_call, record_function)
    steps = session.request.steps
    with session.work.around(), session.model.marking():
        with _profiler(session, record_shapes=True) as sizes, _step_range(0):
            step()
        with _profiler(session, profile_memory=True) as trace:
            durations = timed_steps(step, steps, session.report, "profile", _step_range)
            session.report.progress("profile: PyTorch writes the trace", 0.0)
    session.record.profiled_ns = durations
    sizes.export_chrome_trace(str(session.folder / SIZES_FILE))
    trace.export_chrome_trace(str(session.folder / TRACE_FILE))
    session.model.look_at(lambda: sizes.profiler.kineto_results.events())


@contextmanager
def _profiler(session: Session, **recorded: Any) -> Iterator[Any]:
    """PyTorch's own, which watches while it lasts."""
    from torch.profiler import profile as torch_profile

    profiler = torch_profile(activities=profiled_activities(session.device), **recorded)
    profiler.start()
    try:
        yield profiler
    finally:
        profiler.stop()


def write(session: Session) -> None:
    """The authored graph and what is known of the weights."""
    session.report.progress("write: the graph", 0.0)
    told = session.work.told()
    if told:
        session.record.extra[TRAINING] = told
    with old_objects_spared():
        session.model.write_graph(session.inputs, session.folder, session.record)
        session.report.progress("write: figures of the weights", 0.0)
        write_statistics(session.folder, weights_of(session.model.owner))


def _step_range(number: int) -> AbstractContextManager[Any]:
    from torch.profiler import record_function

    mark: AbstractContextManager[Any] = record_function(f"ProfilerStep#{number}")
    return mark


def _first_steps(session: Session, stage: str, count: int) -> list[int]:
    """Steps that may fail, since none has run yet."""
    session.report.progress(stage, 0.0)
    try:
        return _run_on(session, stage, count)
    except Exception as error:  # the model runs code of its own
        raise _failed(error, session.request) from error


def _run_on(session: Session, stage: str, count: int) -> list[int]:
    """Steps that run again in another way where one is known to help."""
    step = session.step(session.model.call, unmarked)
    try:
        with session.work.around():
            return timed_steps(step, count, session.report, stage)
    except RuntimeError as error:
        if not (session.leaves_inference_mode(error) or session.leaves_fused_encoders(error)):
            raise
    return _run_on(session, stage, count)


_STRAY = (
    "The model makes or holds a tensor on another device: let it use the device of its input, or "
    "run it on the CPU."
)
_REMEDIES = (
    (
        "Expected to have finished reduction",
        "The steps leave different weights out: choose yes for Unused weights.",
    ),
    (
        "doesn't work unless it is captured completely",
        "torch.cond, scan and loops as operators compile their bodies, which may hold nothing that "
        "PyTorch cannot trace, such as layers that FSDP gathers: choose ddp for Strategy.",
    ),
    (
        "shared with a parameter already managed by another FSDP group",
        "FSDP cannot gather a weight that modules share by themselves: choose ddp for Strategy.",
    ),
    (
        "uniform original parameter dtype",
        "FSDP gathers weights of one module together, which must be of one type: choose ddp for "
        "Strategy, or give them one type.",
    ),
    (
        "backward through the graph a second time",
        "The model keeps tensors of one step for the next, such as a cache or a hidden state: detach "
        "them in the model, or run its inference.",
    ),
    (
        "does not support sparse gradients",
        "The model's embeddings give sparse gradients: choose SGD for Optimiser, which takes them.",
    ),
    (
        "does not support backward on CPU",
        "Run its inference, or train it on a GPU.",
    ),
    (
        "<backward op>",  # where TorchScript's interpreter was
        "TorchScript's own rule for the derivative of an operator fails: train the module in PyTorch "
        "eager.",
    ),
    (
        "functions with out=... arguments don't support automatic differentiation",
        "The model writes into a tensor under torch.no_grad(), which no trace keeps: train the module "
        "in PyTorch eager.",
    ),
    (
        "grad_weight must be contiguous",  # of the convolution that PyTorch falls back to
        "PyTorch cannot differentiate one of the model's convolutions for a single sample: give "
        "inputs with a batch of 2 or more.",
    ),
    ("on the same device", _STRAY),
    ("is not on the expected device", _STRAY),
    (
        "Mismatch between ints consumed",  # by what calls operators that AOTInductor has no C++ for
        "The package cannot call one of the model's operators: run it as PyTorch compiled or exported "
        "program.",
    ),
)

_OTHER_PRECISION = (
    "same dtype",
    "same scalar type",
    "expected scalar type",
    "mixed dtype",
    "should be the same",
    "not implemented for 'Half'",
    "not implemented for 'BFloat16'",
)


def _remedy(error: Exception, is_lower: bool) -> str:
    if is_lower and any(sign in str(error) for sign in _OTHER_PRECISION):
        return "An operator of the model does not go with autocast: choose off for Autocast."
    told = (remedy for sign, remedy in _REMEDIES if sign in str(error))
    return next(told, "Check the inputs' shapes, types and ranges; the details hold the traceback.")


def _failed(error: Exception, request: RunRequest) -> CaptureFailed:
    operator = unregistered_operator(error)
    lack = lacking_compiler(error, request.device)  # of what the model itself has compiled
    if operator:
        why, remedy = lacks_registration(operator), needs_registration(operator)
    elif lack:
        why, remedy = lack.why, lack.remedy
    else:
        why = f"{type(error).__name__}: {first_line(error)}"
        remedy = _remedy(error, chosen(request.options, AUTOCAST) != "off")
    return CaptureFailed("The model failed on its first step", why, remedy, traceback.format_exc())
