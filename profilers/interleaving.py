"""Two models measured in turns, each in a warm process of its own: what slows one slows the other."""

import math
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from profilers.analysis.comparison.figures import Rounds
from profilers.analysis.comparison.stopping import (
    MOST_ROUNDS,
    is_look,
    is_narrow,
    rounds_needed,
    width,
)
from profilers.errors import ModeUnavailable
from profilers.launcher import Launcher
from profilers.profile.table import Float64
from profilers.request import RunRequest
from profilers.runtimes import mode_named
from profilers.worker_process import OnEvent, Progress, WorkerProcess

FEWEST_ROUNDS = 6  # however long they take; of fewer nobody can tell a thing
MOST_S = 120.0  # after which no round begins but the fewest
_BLOCK_S = 0.15  # that a side's turn lasts at least
_LEAST_STEPS, _MOST_STEPS = 3, 500  # in a turn
_SETTLING = (
    0.34  # share of a turn's steps before those that count: the other's threads come to rest
)


def measure_in_turns(
    launcher: Launcher,
    a: RunRequest,
    b: RunRequest,
    most_rounds: int = MOST_ROUNDS,
    on_event: OnEvent = lambda event: None,
    cancelled: threading.Event | None = None,
    within_s: float = MOST_S,
) -> Rounds:
    """Load and warm up both, then measure blocks of steps of A, B, B, A, A, B, ...; waits for them.

    Each round gives the median step of a block of either side. Rounds go on until the ratio of both
    is known well enough, see `stopping`, but not beyond `most_rounds`, nor beyond `within_s` seconds
    where `FEWEST_ROUNDS` are done. Raises as `check_turns` and `Launcher.capture` do.
    """
    check_turns(a, b)
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
        medians, waited = np.empty((2, most_rounds)), np.zeros((2, most_rounds))
        number, state = 0, _State(most_rounds, within_s)
        while number < most_rounds and not state.is_enough(medians[:, :number]):
            on_event(state.progress(number))
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                taken, waited[which, number] = workers[which].measure(
                    counts[which], requests[which], stop
                )
                medians[which, number] = np.median(taken[math.ceil(_SETTLING * len(taken)) :])
            number += 1
    on_event(Progress("turns", 1.0))
    shares = waited[:, :number].mean(axis=1).tolist()
    return Rounds(medians[0, :number], medians[1, :number], (shares[0], shares[1]))


def check_turns(*requests: RunRequest) -> None:
    """Before anything runs.

    Raises
    ------
    ModeUnavailable
        If one of the modes cannot be measured in turns.
    """
    for request in requests:
        mode = mode_named(request.mode)
        if mode is not None and not mode.takes_turns:
            raise ModeUnavailable(
                f"{mode.title} cannot be measured in turns",
                "turns need one process that holds the model and runs its steps when told",
                "Compare the two captures as they are, or choose another mode.",
            )


class _State:
    """How long it goes on, and what is told of that."""

    def __init__(self, most_rounds: int, within_s: float) -> None:
        self._most, self._within_s = most_rounds, within_s
        self._begun_s = time.monotonic()
        self._width, self._needed, self._told = math.inf, float(most_rounds), 0.0

    def is_enough(self, medians: Float64) -> bool:
        number = medians.shape[1]
        if is_look(number):
            self._width = width(medians[0], medians[1])
            self._needed = min(rounds_needed(number, self._width), self._most)
        if is_narrow(self._width):
            return True
        return number >= FEWEST_ROUNDS and time.monotonic() > self._begun_s + self._within_s

    def progress(self, number: int) -> Progress:
        """What is done of the rounds that are needed, or of the time; never less than before."""
        spent = (time.monotonic() - self._begun_s) / self._within_s if self._within_s > 0 else 0.0
        self._told = max(self._told, min(max(number / self._needed, spent), 1.0))
        sure = "" if math.isinf(self._width) else f": ±{50 * self._width:.1f} %"
        return Progress(f"turns{sure}", self._told)


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
    step_s = float(np.median(worker.measure(_LEAST_STEPS, request, stop)[0])) / 1e9
    wanted = math.ceil(_BLOCK_S / max(step_s, 1e-9) / (1 - _SETTLING))
    return min(max(wanted, _LEAST_STEPS), _MOST_STEPS)
