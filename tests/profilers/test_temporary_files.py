"""Temporary files of workers and programs go, even where these are killed."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from app.capturing import request_for
from profilers.captures import read_capture
from profilers.errors import Cancelled
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest
from profilers.scratch import Scratch
from profilers.worker_process import Log, Progress
from tests.conftest import ModelFolders

_HOLDS = (
    "from profilers.scratch import Scratch\n"
    "scratch = Scratch()\n"
    "print(scratch.folder, flush=True)\n"
    "input()\n"
)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def launcher(temporary: Path) -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def packages(model_folders: ModelFolders) -> Path:
    return model_folders["packages"]


class _Holding(NamedTuple):
    program: subprocess.Popen[str]
    folder: Path


@contextmanager
def _holding(temporary: Path) -> Iterator[_Holding]:
    """A program that has a folder for temporary files until it is told to end."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        folder = Path(program.stdout.readline().strip())
        assert folder.parent == temporary
        yield _Holding(program, folder)
        program.kill()


def _request(path: Path, mode: str) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(request_for(model, mode), trusted=True, steps=2)


def _names(folder: Path, pattern: str) -> set[str]:
    return {path.name for path in folder.rglob(pattern)}


def test_an_unpacked_package_goes_with_a_worker_that_is_killed(
    launcher: Launcher, temporary: Path, packages: Path, tmp_path: Path
) -> None:
    unpacked: set[str] = set()
    cancelled = threading.Event()

    def stop(event: Progress | Log) -> None:
        if isinstance(event, Progress) and event.stage == "measure":
            unpacked.update(_names(temporary, "aotinductor_*"))
            cancelled.set()

    request = replace(_request(packages / "package.pt2", "torch-aoti"), steps=100_000)
    with pytest.raises(Cancelled):
        launcher.capture(request, tmp_path, stop, cancelled)
    assert unpacked
    assert not _names(temporary, "aotinductor_*")


def test_code_that_tensorflow_generates_goes_with_its_worker(
    launcher: Launcher, temporary: Path, tf_files: Path, tmp_path: Path
) -> None:
    launcher.capture(_request(tf_files / "cnn.keras", "tflite"), tmp_path)
    assert _names(temporary, "__autograph_generated_file*")
    launcher.close()
    assert not list(temporary.glob("twinscope-*"))


def test_what_a_killed_program_left_is_swept_and_a_living_one_keeps_its_own(
    temporary: Path,
) -> None:
    with ExitStack() as stack:
        killed, living = (stack.enter_context(_holding(temporary)) for _ in range(2))
        killed.program.kill()
        killed.program.wait()
        an_hour_ago = time.time() - 3600
        for each in (killed, living):
            os.utime(each.folder, (an_hour_ago, an_hour_ago))
        scratch = Scratch()
        made = scratch.folder
        assert set(temporary.glob("twinscope-*")) == {living.folder, made}
        scratch.close()
        assert set(temporary.glob("twinscope-*")) == {living.folder}


def test_workers_run_where_no_links_can_be_made(
    launcher: Launcher,
    temporary: Path,
    onnx_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)  # as Windows refuses it to most accounts
    capture = tmp_path / "capture"
    capture.mkdir()
    launcher.capture(_request(onnx_files / "cnn.onnx", "onnxruntime"), capture)
    (package,) = temporary.glob("twinscope-run-*/profilers")
    assert (package / "worker.py").is_file()
    assert not package.is_symlink()
    assert len(read_capture(capture).trace.slices)
    launcher.close()
    assert not package.exists()
