"""Temporary files of workers and programs go, even where these are killed."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from profilers.errors import Cancelled
from profilers.launcher import Launcher
from profilers.request import InputSpec, RunRequest
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

    inputs = (InputSpec("x", "float32", (2, 16)),)
    request = RunRequest(
        str(packages / "package.pt2"), "torch-aoti", inputs=inputs, steps=100_000, trusted=True
    )
    with pytest.raises(Cancelled):
        launcher.capture(request, tmp_path, stop, cancelled)
    assert unpacked
    assert not _names(temporary, "aotinductor_*")


def test_code_that_tensorflow_generates_goes_with_its_worker(
    launcher: Launcher, temporary: Path, tf_files: Path, tmp_path: Path
) -> None:
    inputs = (InputSpec("image", "float32", (1, 32, 32, 3)),)
    request = RunRequest(
        str(tf_files / "cnn.keras"), "tflite", inputs=inputs, steps=2, trusted=True
    )
    launcher.capture(request, tmp_path)
    assert _names(temporary, "__autograph_generated_file*")
    launcher.close()
    assert not list(temporary.iterdir())


def test_what_a_killed_program_left_is_swept_and_a_living_one_keeps_its_own(
    temporary: Path,
) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLDS],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    folders = []
    for program in programs:
        assert program.stdout is not None
        folders.append(Path(program.stdout.readline().strip()))
    killed, living = folders
    programs[0].kill()
    programs[0].communicate()
    an_hour_ago = time.time() - 3600
    for folder in folders:
        assert folder.parent == temporary
        os.utime(folder, (an_hour_ago, an_hour_ago))
    scratch = Scratch()
    assert set(temporary.iterdir()) == {living, scratch.folder}
    scratch.close()
    assert not killed.exists()
    programs[1].communicate("")
