"""Two models measured in turns, each in a warm process of its own: what slows one slows the other."""

import math
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from profilers.analysis.comparison.figures import Rounds
from profilers.launcher import Launcher, OnEvent, Progress, WorkerProcess
from profilers.request import RunRequest

ROUNDS = 16
_BLOCK_S = 0.15  # that a side's turn lasts at least
_LEAST_STEPS, _MOST_STEPS = 3, 500  # in a turn
_SETTLING = (
    0.34  # share of a turn's steps before those that count: the other's threads come to rest
)


def measure_in_turns(
    launcher: Launcher,
    a: RunRequest,
    b: RunRequest,
    rounds: int = ROUNDS,
    on_event: OnEvent = lambda event: None,
    cancelled: threading.Event | None = None,
) -> Rounds:
    """Load and warm up both, then measure blocks of steps of A, B, B, A, A, B, ...; blocks.

    Each round gives the median step of a block of either side. Raises as `Launcher.capture` does.
    """
    stop = cancelled or threading.Event()
    requests = a, b
    with ExitStack() as held:
        workers = [
            held.enter_context(_held(launcher, request, on_event, stop)) for request in requests
        ]
        counts = [
            _steps_per_turn(worker, request, stop)
            for worker, request in zip(workers, requests, strict=True)
        ]
        medians = np.empty((2, rounds))
        for number in range(rounds):
            on_event(Progress("turns", number / rounds))
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                taken = workers[which].measure(counts[which], requests[which], stop)
                medians[which, number] = np.median(taken[math.ceil(_SETTLING * len(taken)) :])
    on_event(Progress("turns", 1.0))
    return Rounds(medians[0], medians[1])


@contextmanager
def _held(
    launcher: Launcher, request: RunRequest, on_event: OnEvent, stop: threading.Event
) -> Iterator[WorkerProcess]:
    """A process that has the model loaded and warmed up."""
    worker = launcher.extra_worker(request)
    try:
        with tempfile.TemporaryDirectory(prefix="twinscope-turns-") as folder:
            worker.hold(request, Path(folder), on_event, stop)
            yield worker
    finally:
        worker.kill()


def _steps_per_turn(worker: WorkerProcess, request: RunRequest, stop: threading.Event) -> int:
    step_s = float(np.median(worker.measure(_LEAST_STEPS, request, stop))) / 1e9
    wanted = math.ceil(_BLOCK_S / max(step_s, 1e-9) / (1 - _SETTLING))
    return min(max(wanted, _LEAST_STEPS), _MOST_STEPS)
