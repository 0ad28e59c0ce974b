"""Steps of a PyTorch model for other sizes of its inputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from profilers.errors import CaptureFailed
from profilers.request import InputSpec
from profilers.runtimes.measure import Reporter
from profilers.runtimes.pytorch.errors import first_line
from profilers.runtimes.pytorch.inputs import laid_out
from profilers.runtimes.pytorch.other_sizes import refitted
from profilers.runtimes.pytorch.session import LoadedModel, Session
from profilers.runtimes.pytorch.steps import unmarked
from profilers.runtimes.pytorch.weights import stored
from profilers.runtimes.sweep import SizedRun, measure_sweep

_GUARD = "Guard failed: "


def sweep(session: Session) -> None:
    """Measure the sizes that the request asks for."""
    if not session.request.sweep:
        return
    with session.model.sweeping():
        measure_sweep(session.record, session.report, partial(sized_run, session))


def sized_run(session: Session, inputs: tuple[InputSpec, ...], report: Reporter) -> SizedRun:
    """The session's step for other inputs."""
    request = replace(session.request, inputs=inputs, inputs_file="")
    # What is told of these sizes is no fact of the run.
    record = replace(session.record, facts={}, diagnostics=[])
    part = replace(session, request=request, record=record, report=report)
    part.inputs = laid_out(refitted(session.inputs, inputs), request)
    part.take(_model_for(part, session))
    step = part.step(part.model.call, unmarked)

    def inside() -> None:
        with part.work.around(), _guards_told():
            step()

    return SizedRun(inside, lambda: _peak_bytes(inside, part))


@contextmanager
def _guards_told() -> Iterator[None]:
    """An exported program's refusal of other sizes, in words."""
    try:
        yield
    except AssertionError as error:
        if not str(error).startswith(_GUARD):
            raise
        raise CaptureFailed(
            "The program does not take this size",
            f"it was exported for {first_line(error).removeprefix(_GUARD)}",
            "Export it with dynamic_shapes, or open the module that it was made of.",
        ) from error


def _model_for(part: Session, session: Session) -> LoadedModel:
    """The session's model, or one that is made anew where it is specialised for its inputs."""
    model = session.model
    if model.rebuilt is None or part.request.inputs == session.request.inputs:
        return model
    made = model.rebuilt(part)
    known = session.record.diagnostics
    known += [each for each in part.record.diagnostics if each["severity"] and each not in known]
    return made


def _peak_bytes(step: Callable[[], None], session: Session) -> int:
    """Bytes that one step holds at its peak, with weights, inputs and the optimiser's state."""
    import torch

    if session.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(session.device)
        step()
        return int(torch.cuda.max_memory_allocated(session.device))
    owner = session.model.owner
    tensors = [*owner.parameters(), *owner.buffers(), *session.inputs]
    state: dict[str, int] = session.work.told().get("optimiser_state_bytes", {})
    return _bytes(tensors) + sum(state.values()) + _allocated_bytes(step)


def _bytes(tensors: list[Any]) -> int:
    parts = [part.untyped_storage() for each in tensors for part in stored(each)]
    storages = {storage.data_ptr(): storage for storage in parts}
    return sum(int(storage.nbytes()) for storage in storages.values())


def _allocated_bytes(step: Callable[[], None]) -> int:
    """The most that one step had allocated at once on the host."""
    import numpy as np
    from torch.profiler import ProfilerActivity, profile

    profiler = profile(activities=[ProfilerActivity.CPU], profile_memory=True)
    profiler.start()
    step()
    profiler.stop()
    results: Any = profiler.profiler
    events = results.kineto_results.events()
    memory = sorted(
        (each.start_ns(), each.nbytes()) for each in events if each.name() == "[memory]"
    )
    return int(max(np.cumsum([size for _, size in memory]).max(initial=0), 0))
