"""Runs an nn.Module, operator by operator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

from profilers.activations import is_wanted
from profilers.captures.pytorch.files import MODULE_MARK
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.activations import write_activations
from profilers.runtimes.pytorch.branch_ranges import branch_ranges
from profilers.runtimes.pytorch.executed import Executed
from profilers.runtimes.pytorch.exported_graph import write_exported_graph
from profilers.runtimes.pytorch.lean_export import to_be_looked_at
from profilers.runtimes.pytorch.module_inputs import module_inputs
from profilers.runtimes.pytorch.profiled_graph import (
    makes_nested,
    runs_nested_tensors,
    write_profiled_graph,
)
from profilers.runtimes.pytorch.programs import exported, refusal
from profilers.runtimes.pytorch.recorded_graph import write_recorded_graph
from profilers.runtimes.pytorch.running import run_model
from profilers.runtimes.pytorch.session import PRELOADED, WORKER_ENVIRONMENT, LoadedModel
from profilers.runtimes.pytorch.sources import load_source

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a module in eager mode. Loading it runs the code that its pickle or file names.

    Raises
    ------
    TrustRequired
        If nobody agreed to that.
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    return run_model(request, folder, report, load_module)


def load_module(request: RunRequest, device: Any) -> LoadedModel:
    """The module that the request names, with ranges of its modules."""
    import torch

    source = load_source(request, device)
    model = source.module
    executed = Executed()

    def write_graph(inputs: Sequence[Any], folder: Path, record: RunRecord) -> None:
        write_module_graph(model, inputs, folder, record, executed)
        if is_wanted(request.options):
            names = [spec.name for spec in record.request.inputs]
            write_activations(model, inputs, names, folder)

    fast_mark = torch._C._profiler._RecordFunctionFast
    return LoadedModel(
        model,
        model,
        write_graph,
        model,
        lambda: module_ranges(model, fast_mark),
        settle_inputs=partial(module_inputs, source),
        notes=source.notes,
        look_at=executed.take,
    )


@contextmanager
def module_ranges(model: Any, mark: Callable[[str], Any]) -> Iterator[None]:
    """While it lasts, each call of a module is a range with the module's path, and so is each branch.

    `mark` makes a range of a name. Forward hooks would do the same, but PyTorch leaves its fused
    paths where a module has hooks.
    """
    wrapped = []
    for path, module in model.named_modules():
        if _can_be_wrapped(module):
            wrapped.append((module, module.__dict__.get("forward")))
            module.forward = _ranged(module.forward, f"{MODULE_MARK}{path}", mark)
    try:
        with branch_ranges(mark):
            yield
    finally:
        for module, own in wrapped:
            del module.forward
            if own is not None:
                module.forward = own


def _ranged(forward: Callable[..., Any], name: str, mark: Callable[[str], Any]) -> Any:
    from torch.compiler import is_compiling

    @wraps(forward)
    def inside_range(*arguments: Any, **named: Any) -> Any:
        if is_compiling():  # loops over tensors compile their bodies, which can hold no range
            return forward(*arguments, **named)
        with mark(name):
            return forward(*arguments, **named)

    return inside_range


def _can_be_wrapped(module: Any) -> bool:
    import torch

    return not isinstance(module, torch.jit.ScriptModule)


def write_module_graph(
    model: Any,
    inputs: Sequence[Any],
    folder: Path,
    record: RunRecord,
    executed: Executed | None = None,
) -> None:
    """The graph by torch.export, and a recording of one run where that may be another one.

    The recording counts where the model's Python decides what is run, so that it cannot be exported,
    and where eager mode takes a fused path that the export does not show. There is none where the
    operators that were `executed` show that neither is so.
    """
    try:
        with to_be_looked_at():
            program = exported(model, inputs)
        write_exported_graph(program, dict, folder)
    except Exception as error:  # the model's own code runs under the tracer
        record_instead(error, model, inputs, folder, record, executed)
        return
    _tell_classes(model, record)
    if executed is None or not executed.follows(program):
        _record_run(model, inputs, folder, record, executed)


def record_instead(
    error: Exception,
    model: Any,
    inputs: Sequence[Any],
    folder: Path,
    record: RunRecord,
    executed: Executed | None = None,
) -> None:
    """The graph by a recording of one run, since torch.export gives none, and why it does not."""
    record.warn(
        "torch.export cannot hold this model, so its graph is what one run executed: branches and "
        f"loops appear as they went for these inputs. The reason: {refusal(error).why}."
    )
    record_alone(model, inputs, folder, record, executed)


def record_alone(
    model: Any,
    inputs: Sequence[Any],
    folder: Path,
    record: RunRecord,
    executed: Executed | None = None,
) -> None:
    """The graph by a recording of one run."""
    _tell_classes(model, record)
    _record_run(model, inputs, folder, record, executed)


def _tell_classes(model: Any, record: RunRecord) -> None:
    record.extra["module_classes"] = {
        path: type(module).__name__ for path, module in model.named_modules()
    }


def _record_run(
    model: Any,
    inputs: Sequence[Any],
    folder: Path,
    record: RunRecord,
    executed: Executed | None,
) -> None:
    import torch

    ran = executed.names if executed else frozenset()
    is_nested = any(map(makes_nested, ran)) if ran else runs_nested_tensors(model, inputs)
    write = write_profiled_graph if is_nested else write_recorded_graph

    names = [spec.name for spec in record.request.inputs]
    mark = torch.profiler.record_function  # execution traces leave the fast ranges out
    weights = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    record.extra["known_tensors"] = write(
        model, weights, inputs, names, lambda: module_ranges(model, mark), folder
    )
