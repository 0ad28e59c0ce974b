"""Runs an nn.Module or an exported program through torch.compile, with Inductor."""

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profilers.errors import CaptureFailed
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.backward_provenance import (
    backward_told,
    body_naming_pass,
    name_in_bodies,
    naming_pass,
)
from profilers.runtimes.pytorch.captured_scalars import NOTE, CapturedScalars
from profilers.runtimes.pytorch.code_generator import lacking_compiler, require_code_generator
from profilers.runtimes.pytorch.compile_log import CompileLog, ModelNames
from profilers.runtimes.pytorch.compile_progress import reported_phases
from profilers.runtimes.pytorch.decomposed_loops import loops_followed
from profilers.runtimes.pytorch.eager import load_module
from profilers.runtimes.pytorch.errors import first_line
from profilers.runtimes.pytorch.executed import events_of_one_run
from profilers.runtimes.pytorch.export import load_program_model
from profilers.runtimes.pytorch.options import (
    COMPILE_MODE,
    SHAPES,
    WEIGHTS,
    chosen,
)
from profilers.runtimes.pytorch.programs import is_program
from profilers.runtimes.pytorch.running import compile_by_running, run_model
from profilers.runtimes.pytorch.session import (
    PRELOADED,
    WORKER_ENVIRONMENT,
    LoadedModel,
    Session,
    not_looked_at,
)
from profilers.runtimes.pytorch.traced_nodes import tell_bodies_apart, traced_nodes
from profilers.runtimes.pytorch.unfinished_libraries import remove_unfinished

__all__ = ["PRELOADED", "WORKER_ENVIRONMENT", "run"]

_MOST_SIZES = 128  # else the compiler gives up after a few and runs operator by operator
_DYNAMIC = {"auto": None, "static": False, "dynamic": True}
_SAID_BY_COMPILER = re.compile(
    r"C\+\+ compile error.*?^Output:\n.*?^(.*\berror: .*?)$", re.S | re.M
)
_MET = re.compile(r"""got \w+\(["'](.*?)["'],?\)$""", re.MULTILINE)


def run(request: RunRequest, folder: Path, report: Reporter) -> RunRecord:
    """Capture a compiled model. Where the compiler fails, the model runs operator by operator.

    Raises
    ------
    TrustRequired
        If nobody agreed to loading the pickle.
    ModeUnavailable
        If Inductor lacks the C++ compiler or Triton that it generates code for.
    TwinscopeError
        If it cannot be loaded or does not take the inputs.
    """
    import torch

    is_exported = is_program(Path(request.model_path))
    load = load_program_model if is_exported else load_module
    require_code_generator(request)
    remove_unfinished()
    torch._dynamo.reset()
    log = CompileLog()
    fallback, scalars = _Fallback(request.device), CapturedScalars()
    with (
        scalars, _weights_taken(request), backward_told(), log.listening(), reported_phases(report),
        loops_followed(name_in_bodies),
    ):  # fmt: skip
        record = run_model(
            request,
            folder,
            report,
            lambda wanted, device: _compiled(load(wanted, device), wanted, log, fallback, scalars),
            lambda session: _compile_or_give_up(session, fallback),
        )
    _tell_mode(record)
    if fallback.reason:
        record.warn(
            f"torch.compile cannot compile this model ({fallback.reason}), so it ran operator by "
            "operator.",
            fallback.remedy,
        )
        report.log(fallback.detail)
        log.write_failure(folder, fallback.reason, fallback.text)
    else:
        if scalars.is_on:
            record.note(NOTE)
        record.facts = {**record.facts, **log.facts}
        log.write(folder)
    return record


@dataclass
class _Fallback:
    """Why the compiler gave up; no reason while it did not."""

    device: str
    reason: str = ""
    text: str = ""  # of the error
    detail: str = ""  # with the traceback
    remedy: str = (
        "The list of fusion breaks names the place; run it as PyTorch eager, or change what the "
        "compiler names."
    )

    def take(self, error: BaseException) -> None:
        self.reason, self.text = _telling(error), str(error)
        self.detail = "".join(traceback.format_exception(error))
        lack = lacking_compiler(error, self.device)
        if lack:
            self.reason, self.remedy = lack.why, lack.remedy


def _compile_or_give_up(session: Session, fallback: _Fallback) -> None:
    """The first step; where the compiler of the backward fails, or what was compiled does, it runs
    again without: what fails then is the model's own."""
    try:
        compile_by_running(session)
    except CaptureFailed as error:
        if fallback.reason or error.__cause__ is None:
            raise
        fallback.take(error.__cause__)
        compile_by_running(session)


def _refusals() -> tuple[type[BaseException], ...]:
    """What a compiler raises that cannot go on."""
    import torch
    from torch._dynamo.exc import TorchDynamoException

    return TorchDynamoException, torch._inductor.exc.InductorError


def _compiled(
    eager: LoadedModel,
    request: RunRequest,
    log: CompileLog,
    fallback: _Fallback,
    scalars: CapturedScalars,
) -> LoadedModel:
    import torch

    dynamic = _DYNAMIC[chosen(request.options, SHAPES)]
    inductor = _inductor(request, dynamic)
    names = ModelNames(eager.owner)

    def logged_inductor(module: Any, inputs: Any) -> Any:
        compile_id = str(torch._guards.CompileContext.current_compile_id())
        tell_bodies_apart(module)
        log.add_graph(compile_id, module, inputs, names)
        traced = [each.name for each in traced_nodes(module)]
        inductor.config["post_grad_custom_pre_pass"] = naming_pass(traced)
        return inductor(module, inputs)

    compiled: Callable[..., Any] = torch.compile(
        eager.owner, backend=logged_inductor, dynamic=dynamic
    )

    def call(*inputs: Any) -> Any:
        if not fallback.reason:
            try:
                positional, named = eager.arguments(inputs)
                return compiled(*positional, **named)
            except _refusals() as error:
                if scalars.helps(error):
                    log.begin_again()
                    scalars.begin()
                    return call(*inputs)
                fallback.take(error)
        return eager.call(*inputs)

    def marking() -> AbstractContextManager[Any]:
        return eager.marking() if fallback.reason else nullcontext()

    def write_graph(taken: Sequence[Any], folder: Path, record: RunRecord) -> None:
        with log.deaf():  # operators with branches compile these when they run eagerly, too
            eager.look_at(lambda: events_of_one_run(eager.call, taken), log.operators)
            eager.write_graph(taken, folder, record)

    @contextmanager
    def sweeping() -> Iterator[None]:
        with log.deaf(), torch._dynamo.config.patch(recompile_limit=_MOST_SIZES):
            yield

    return replace(
        eager,
        call=call,
        profiled_call=call,
        write_graph=write_graph,
        marking=marking,
        sweeping=sweeping,
        look_at=not_looked_at,
    )


def _inductor(request: RunRequest, dynamic: bool | None) -> Any:
    """The compiler as torch.compile itself would call it in this mode.

    Kernels appear in the trace and tell what they were made of. The settings are the compiler's own,
    since autograd compiles a backward on a thread that knows no others.
    """
    import torch

    wrapper: Any = torch._TorchCompileInductorWrapper  # has no type hints
    compiler = wrapper(chosen(request.options, COMPILE_MODE), None, dynamic)
    compiler.config |= {
        "trace.provenance_tracking_level": 1,
        "cpp.enable_kernel_profile": True,
        "post_grad_custom_post_pass": body_naming_pass(),
    }
    return compiler


def _tell_mode(record: RunRecord) -> None:
    request = record.request
    mode = chosen(request.options, COMPILE_MODE)
    record.facts["Compile mode"] = f"{mode}, {chosen(request.options, SHAPES)} shapes"
    if mode == "reduce-overhead" and not request.device.startswith("cuda"):
        record.warn(
            "The compile mode reduce-overhead changes nothing here: it replays the kernels as CUDA "
            "graphs, which need a GPU.",
            "Run it on a CUDA device, or choose the compile mode default.",
        )


def _telling(error: BaseException) -> str:
    """What the tracer met in the model or the C++ compiler said, else the error's first line."""
    text = str(error)
    if not isinstance(error, _refusals()):
        return f"what it made of it fails with {type(error).__name__}: {first_line(error)}"
    met = _MET.search(text) or _SAID_BY_COMPILER.search(text)
    return met[1].rstrip(".") if met else first_line(error)


@contextmanager
def _weights_taken(request: RunRequest) -> Iterator[None]:
    """As inputs of a graph or as its constants: Dynamo asks before the compiler does."""
    from torch._inductor import config

    with config.patch(freezing=chosen(request.options, WEIGHTS) == "frozen"):
        yield
