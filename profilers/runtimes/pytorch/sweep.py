"""Steps of a PyTorch model for other sizes of its inputs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from profilers.request import InputSpec
from profilers.runtimes.pytorch.inputs import input_tensors
from profilers.runtimes.pytorch.session import Session
from profilers.runtimes.pytorch.steps import unmarked
from profilers.runtimes.sweep import SizedRun, measure_sweep


def sweep(session: Session) -> None:
    """Measure the sizes that the request asks for."""
    if not session.request.sweep:
        return
    with session.model.sweeping():
        measure_sweep(session.record, session.report, lambda inputs: sized_run(session, inputs))


def sized_run(session: Session, inputs: tuple[InputSpec, ...]) -> SizedRun:
    """The session's step for other inputs."""
    request = replace(session.request, inputs=inputs, inputs_file="")
    record = replace(session.record, facts={})  # what is told of these sizes is no fact of the run
    part = replace(session, request=request, record=record)
    part.inputs = input_tensors(request, session.device)
    part.take(session.model)
    step = part.step(session.model.call, unmarked)

    def inside() -> None:
        with part.work.around():
            step()

    return SizedRun(inside, lambda: _peak_bytes(inside, part))


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
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
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
