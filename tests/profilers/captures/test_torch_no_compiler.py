"""Modes that build native code, in a worker that finds no compiler."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.capturing import request_for
from profilers.captures import read_capture
from profilers.errors import CaptureFailed, ModeUnavailable
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import InputSpec, RunRequest


@pytest.fixture(scope="module")
def compilerless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Its workers find nothing on their path but a compiler that does not start."""
    folder = tmp_path_factory.mktemp("programs")
    broken = folder / "broken-g++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    launcher = Launcher()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder))
        patch.delenv("CXX", raising=False)
        yield launcher
    launcher.close()


def request(path: Path, mode: str) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(request_for(model, mode), trusted=True, steps=2, warmup=1)


@pytest.mark.parametrize(
    ("mode", "title"), [("torch-compile", "compiled"), ("torch-aoti", "ahead of time")]
)
def test_the_mode_and_the_package_are_named(
    compilerless: Launcher, torch_files: Path, tmp_path: Path, mode: str, title: str
) -> None:
    with pytest.raises(ModeUnavailable, match=r"no C\+\+ compiler.*g\+\+ is not found") as raised:
        compilerless.capture(request(torch_files / "cnn.pt2", mode), tmp_path)
    assert title in raised.value.what
    assert "g++" in raised.value.remedy


def test_other_modes_run_all_the_same(
    compilerless: Launcher, torch_files: Path, tmp_path: Path
) -> None:
    compilerless.capture(request(torch_files / "cnn.pt2", "torch-export"), tmp_path)
    assert len(read_capture(tmp_path).steps) == 2


def test_a_compiler_that_does_not_start_is_named(
    torch_files: Path, tmp_path: Path, compilerless: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "broken-g++")
    other = Launcher()
    with pytest.raises(ModeUnavailable, match=r"broken-g\+\+ \(named by.*CXX\) does not start"):
        other.capture(request(torch_files / "cnn.pt2", "torch-aoti"), tmp_path)
    other.close()


def test_a_model_that_has_parts_compiled_itself_is_told_so_too(
    compilerless: Launcher, tmp_path: Path
) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "import torch\n\n\nclass Own(torch.nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(4, 4)\n\n"
        "    @torch.compile\n    def forward(self, x):\n        return super().forward(x).relu()\n"
    )
    inputs = (InputSpec("x", "float32", (2, 4)),)
    asked = replace(request(path, "torch-eager"), signature="Own", inputs=inputs)
    with pytest.raises(CaptureFailed, match=r"no C\+\+ compiler.*g\+\+ is not found") as raised:
        compilerless.capture(asked, tmp_path)
    assert "g++" in raised.value.remedy
