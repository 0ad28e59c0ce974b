"""Two models measured in turns, in real workers."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from app.capturing import request_for
from profilers.errors import Cancelled, ModeUnavailable, TwinscopeError
from profilers.interleaving import FEWEST_ROUNDS, measure_in_turns
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest
from profilers.worker_process import Progress


@pytest.fixture
def launcher(models_written: None) -> Iterator[Launcher]:
    """Measuring in turns ends its workers by itself; other tests keep theirs warm."""
    before = set(psutil.Process().children(recursive=True))
    launcher = Launcher()
    yield launcher
    left = set(psutil.Process().children(recursive=True)) - before
    launcher.close()
    assert not left


def request_of(path: Path) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(request_for(model), steps=3, warmup=2)


def test_each_round_has_a_turn_of_either_and_the_workers_end(
    launcher: Launcher, onnx_files: Path
) -> None:
    block, cnn = (request_of(onnx_files / f"{name}.onnx") for name in ("block", "cnn"))
    events: list[Progress] = []
    rounds = measure_in_turns(
        launcher, block, cnn, 4, lambda event: isinstance(event, Progress) and events.append(event)
    )
    assert rounds.a_ns.shape == rounds.b_ns.shape == (4,)
    assert (rounds.a_ns > 0).all()
    assert (rounds.b_ns > 0).all()
    assert all(0 <= share <= 1 for share in rounds.waited)
    told = [each.fraction for each in events if each.stage.startswith("turns")]
    assert told[0] < 0.25 < 0.5 <= told[2] <= told[3] < told[-1] == 1


def test_no_round_begins_after_the_time_for_them_but_the_fewest(
    launcher: Launcher, onnx_files: Path
) -> None:
    block = request_of(onnx_files / "block.onnx")
    rounds = measure_in_turns(launcher, block, block, 60, within_s=0.0)
    assert rounds.a_ns.shape == (FEWEST_ROUNDS,)


def test_a_model_that_cannot_run_is_told_and_leaves_nothing_behind(
    launcher: Launcher, onnx_files: Path
) -> None:
    good = request_of(onnx_files / "cnn.onnx")
    bad = replace(good, model_path=str(onnx_files / "gone.onnx"))
    with pytest.raises(TwinscopeError):
        measure_in_turns(launcher, good, bad, 2)


@pytest.mark.parametrize("mode", ["tf-multiworker", "torch-distributed"])
def test_modes_over_several_processes_say_that_they_take_no_turns(
    launcher: Launcher, onnx_files: Path, mode: str
) -> None:
    request = request_of(onnx_files / "cnn.onnx")
    events: list[object] = []
    with pytest.raises(ModeUnavailable, match="cannot be measured in turns"):
        measure_in_turns(launcher, request, replace(request, mode=mode), 2, events.append)
    assert events == []  # before anything ran


def test_it_can_be_cancelled_between_turns(launcher: Launcher, onnx_files: Path) -> None:
    request = request_of(onnx_files / "cnn.onnx")
    cancelled = threading.Event()

    def stop(event: object) -> None:
        if isinstance(event, Progress) and event.stage == "turns":
            cancelled.set()

    with pytest.raises(Cancelled):
        measure_in_turns(launcher, request, request, 50, stop, cancelled)
