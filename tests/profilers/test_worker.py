"""Real worker processes with models that fail in every way; nothing hangs, nothing is left behind."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from profilers.captures import read_capture
from profilers.errors import Cancelled, CaptureFailed, ModeUnavailable, TwinscopeError
from profilers.launcher import Launcher
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes import RUN_MODES
from profilers.worker_process import Log, Progress
from tests.conftest import ModelFolders

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="module")
def misbehaving(model_folders: ModelFolders) -> Path:
    return model_folders["misbehaving"]


@pytest.fixture(scope="module")
def launcher(models_written: None) -> Iterator[Launcher]:
    """One launcher for the module; at its end no process of ours is left."""
    before = set(psutil.Process().children(recursive=True))
    launcher = Launcher()
    yield launcher
    launcher.close()
    assert not set(psutil.Process().children(recursive=True)) - before


def request(path: Path) -> RunRequest:
    return RunRequest(
        str(path),
        "torch-eager",
        inputs=(InputSpec("x", "float32", (2, 8)),),
        steps=2,
        warmup=1,
        trusted=True,
        source_folder=str(MODELS),
    )


def test_a_model_that_raises_is_told_with_its_own_words_and_the_worker_lives_on(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    with pytest.raises(TwinscopeError) as raised:
        launcher.capture(request(misbehaving / "raises.pt"), tmp_path)
    assert "moon is in the wrong phase" in str(raised.value)
    assert "Traceback" in raised.value.detail
    events: list[Progress | Log] = []
    launcher.capture(request(misbehaving / "prints.pt"), tmp_path, events.append)
    assert read_capture(tmp_path).trace.slices.start_ns.size


def test_what_a_model_prints_cannot_forge_events(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    events: list[Progress | Log] = []
    launcher.capture(request(misbehaving / "prints.pt"), tmp_path, events.append)
    assert (tmp_path / "run.json").is_file()
    assert any(isinstance(event, Log) and "forged" in event.text for event in events)
    assert any(isinstance(event, Progress) and event.stage == "profile" for event in events)


def test_a_second_capture_does_not_pay_the_import_again(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    workers = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        launcher.capture(request(misbehaving / "prints.pt"), folder)
        workers.append(set(psutil.Process().children(recursive=True)))
    assert workers[0] == workers[1]


def test_what_was_imported_ahead_is_told_by_the_first_capture_alone(
    misbehaving: Path, tmp_path: Path
) -> None:
    launcher, taken_ns = Launcher(), []
    try:
        launcher.prepare(request(misbehaving / "prints.pt"))
        for name in ("first", "second"):
            folder = tmp_path / name
            folder.mkdir()
            launcher.capture(request(misbehaving / "prints.pt"), folder)
            taken_ns.append(RunRecord.read(folder).import_ns)
    finally:
        launcher.close()
    assert taken_ns[0] > 10 * taken_ns[1]


def test_a_framework_that_cannot_be_imported_ahead_fails_the_capture(
    misbehaving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_LOGS", "no such log")  # refused by `import torch`
    launcher = Launcher()
    try:
        launcher.prepare(request(misbehaving / "prints.pt"))
        with pytest.raises(CaptureFailed, match="failed in the stage “import”"):
            launcher.capture(request(misbehaving / "prints.pt"), tmp_path)
    finally:
        launcher.close()


def test_a_model_that_loops_for_ever_is_ended(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    with pytest.raises(CaptureFailed, match="no sign of progress for 3 s"):
        launcher.capture(replace(request(misbehaving / "loops.pt"), limit_s=3), tmp_path)


def test_a_model_that_exits_the_process_is_told_with_the_last_log_lines(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    with pytest.raises(CaptureFailed, match="exited by itself with status 7") as raised:
        launcher.capture(request(misbehaving / "exits.pt"), tmp_path)
    assert "about to leave" in raised.value.detail


def test_a_model_that_crashes_is_told_with_its_stage_and_where_python_stood(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    with pytest.raises(CaptureFailed, match="SIGSEGV, in the stage “warm-up”") as raised:
        launcher.capture(request(misbehaving / "crashes.pt"), tmp_path)
    assert "misbehaving.py" in raised.value.detail
    assert "in forward" in raised.value.detail


def test_a_model_that_allocates_without_end_is_ended(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    limited = replace(request(misbehaving / "allocates.pt"), memory_limit_bytes=2 * 2**30)
    with pytest.raises(CaptureFailed, match="ran out of memory"):
        launcher.capture(limited, tmp_path)


def test_cancelling_ends_the_process_at_once(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    cancelled = threading.Event()

    def cancel_in_the_step(event: Progress | Log) -> None:
        if isinstance(event, Progress) and event.stage == "warm-up":
            cancelled.set()

    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Cancelled):
        launcher.capture(request(misbehaving / "loops.pt"), tmp_path, cancel_in_the_step, cancelled)
    assert not set(psutil.Process().children(recursive=True)) - before


def test_a_caller_that_gives_up_while_it_is_told_leaves_no_run_behind(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    def give_up(event: Progress | Log) -> None:
        if isinstance(event, Progress) and event.stage == "warm-up":
            raise Cancelled("The work was cancelled")

    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Cancelled):
        launcher.capture(request(misbehaving / "loops.pt"), tmp_path, give_up)
    assert not set(psutil.Process().children(recursive=True)) - before


@pytest.mark.parametrize("package", ["app", "views"])
def test_a_user_package_named_like_ours_loads(
    launcher: Launcher, misbehaving: Path, tmp_path: Path, package: str
) -> None:
    launcher.capture(
        replace(request(misbehaving / f"user_{package}.pt"), source_folder=""), tmp_path
    )
    profile = read_capture(tmp_path)
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert any("linear" in operator for operator in operators)


def test_an_untrusted_pickle_is_refused_by_the_worker_too(
    launcher: Launcher, misbehaving: Path, tmp_path: Path
) -> None:
    with pytest.raises(TwinscopeError):
        launcher.capture(replace(request(misbehaving / "evil.pt"), trusted=False), tmp_path)
    assert not (misbehaving / "evil_was_here").exists()


def test_an_unknown_mode_is_refused(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(ModeUnavailable, match="no run mode 'torch-magic'"):
        launcher.capture(RunRequest("x.pt", "torch-magic"), tmp_path)


@pytest.mark.parametrize("module", sorted({mode.module for mode in RUN_MODES}))
def test_a_worker_needs_nothing_of_ours_but_numpy(module: str) -> None:
    """A runtime runs in the person's own environment, where only its framework is installed."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, profilers.worker, profilers.runtimes.{module}; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    ours = {"onnx", "google", "msgspec", "psutil", "zstandard", "platformdirs", "numba", "h5py"}
    assert not ours & set(told)
