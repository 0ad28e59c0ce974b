import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

os.environ.setdefault(
    "TWINSCOPE_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "compiled")
)

from app.capturing import request_for
from profilers import compiled
from profilers.captures import read_capture
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.request import PEAKS_FILE, InputSpec, RunRequest
from profilers.runtimes import mode_named

Capture = Callable[..., Profile]
CaptureFolder = Callable[..., Path]

ROOT = Path(__file__).parent.parent
PATIENCE_MS = 60_000
MODEL_SCRIPTS = {  # by the fixture whose folder they write: a module of tests.models and its words
    "torch_files": "build_torch",
    "tf_files": "build_tf",
    "more_files": "build_keras_more",
    "unconvertible": "build_unconvertible",
    "onnx_files": "build_onnx",
    "odd_files": "build_tflite",
    "misbehaving": "build_misbehaving",
    "torch_more": "build_torch_more",
    "packages": "build_packages",
    "torch_kinds": "build_torch_kinds decoder variable_lstm experts",
}


class PatientBot(QtBot):
    """Waits as long as a busy machine may take; whoever waits goes on as soon as it is there."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = 0) -> None:
        super().waitUntil(callback, timeout=max(timeout, PATIENCE_MS))

    def waitSignal(self, signal: Any, *, timeout: int = 0, **more: Any) -> Any:
        return super().waitSignal(signal, timeout=max(timeout, PATIENCE_MS), **more)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


def build_models(command: str, folder: Path) -> Path:
    """Make the model files of one framework in a process of its own."""
    script, *words = command.split()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.models.{script}", str(folder), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


class ModelFolders:
    """Folders of `MODEL_SCRIPTS`, each written once, one after the other, off the tests' thread."""

    def __init__(self, pool: ThreadPoolExecutor, temporary: pytest.TempPathFactory) -> None:
        self._pool = pool
        self._temporary = temporary
        self._writing: dict[str, Future[Path]] = {}

    def begin(self, name: str) -> Future[Path]:
        if name not in self._writing:
            folder = self._temporary.mktemp(name)
            self._writing[name] = self._pool.submit(build_models, MODEL_SCRIPTS[name], folder)
        return self._writing[name]

    def __getitem__(self, name: str) -> Path:
        return self.begin(name).result()

    def wait(self) -> None:
        """Until nothing is being written."""
        wait(self._writing.values())


@pytest.fixture(scope="session", autouse=True)
def model_folders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ModelFolders]:
    """What the tests at hand are known to need is written while the first of them run."""
    needed = [name for item in request.session.items for name in getattr(item, "fixturenames", ())]
    with ThreadPoolExecutor(1) as pool:
        folders = ModelFolders(pool, tmp_path_factory)
        for name in needed:
            if name in MODEL_SCRIPTS:
                folders.begin(name)
        yield folders
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def models_written(model_folders: ModelFolders) -> None:
    """For tests that watch which processes there are: wait until no model file is being written."""
    model_folders.wait()


@pytest.fixture(scope="session")
def torch_files(model_folders: ModelFolders) -> Path:
    """Folder with cnn, block and control in every PyTorch format."""
    return model_folders["torch_files"]


@pytest.fixture(scope="session")
def tf_files(model_folders: ModelFolders) -> Path:
    """Folder with cnn, block and control in every TensorFlow and Keras format."""
    return model_folders["tf_files"]


@pytest.fixture(scope="session")
def more_files(model_folders: ModelFolders) -> Path:
    """Folder with fused.keras, multi.keras, lstm.keras, gated.keras and masked.keras."""
    return model_folders["more_files"]


@pytest.fixture(scope="session")
def unconvertible(model_folders: ModelFolders) -> Path:
    """Folder with SavedModels whose operators some compilers and formats lack."""
    return model_folders["unconvertible"]


@pytest.fixture(scope="session")
def onnx_files(model_folders: ModelFolders) -> Path:
    """Folder with cnn, block and control as ONNX."""
    return model_folders["onnx_files"]


@pytest.fixture(scope="session", autouse=True)
def peaks_measured_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this machine reaches is measured once for all tests that ask, whatever home they have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PEAKS_FILE, str(tmp_path_factory.mktemp("peaks") / "peaks.json"))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real GPU traces kept beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real GPU traces (../shared/data) are not here")
    return folder


@pytest.fixture(scope="session")
def loops() -> ModuleType:
    """The compiled loops; the first run on a machine compiles them."""
    found = compiled.compile_now()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """Its warm workers serve all tests, so that each framework is imported once."""
    launcher = Launcher()
    yield launcher
    launcher.close()


def _with_defaults(request: RunRequest) -> RunRequest:
    """What an option that is left out stands for, written down."""
    mode = mode_named(request.mode)
    defaults = {option.id: option.default for option in mode.options} if mode else {}
    return replace(request, options=defaults | request.options)


@pytest.fixture(scope="session")
def capture_folder(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> CaptureFolder:
    """Runs a trusted model file in a real worker: ``capture_folder(path, mode, steps=3)``.

    The same request gives the same folder, so that tests share captures; they only read it.
    """
    folders: dict[str, Path] = {}
    model_at = cache(open_path)

    def run(path: Path, mode: str, **changes: Any) -> Path:
        model = model_at(path)
        assert isinstance(model, ModelFile)
        request = replace(request_for(model, mode), trusted=True, steps=5, warmup=2, **changes)
        if not (model.needs_trust or model.needs_code):  # it loads nothing from there
            request = replace(request, source_folder="")
        key = json.dumps(_with_defaults(request).to_json(), sort_keys=True)
        if key not in folders:
            folder = tmp_path_factory.mktemp("capture")
            try:
                launcher.capture(request, folder)
            except TwinscopeError as error:
                error.add_note(error.detail)  # a failure that comes seldom has to tell why at once
                raise
            folders[key] = folder
        return folders[key]

    return run


@pytest.fixture(scope="session")
def capture(capture_folder: CaptureFolder) -> Capture:
    """The profile of a folder of `capture_folder`, read once."""
    profiles: dict[Path, Profile] = {}

    def run(path: Path, mode: str, **changes: Any) -> Profile:
        folder = capture_folder(path, mode, **changes)
        if folder not in profiles:
            profiles[folder] = read_capture(folder)
        return profiles[folder]

    return run


@pytest.fixture(scope="session")
def rotary(capture: Capture) -> Callable[[str, str], Profile]:
    """``rotary("torch-compile", "training")``: a block with rotary embeddings, one step of it."""
    inputs = (
        InputSpec("x", "float32", (2, 16, 32)),
        InputSpec("position", "int64", (2, 16), low=0, high=64),
    )

    def captured(mode: str, run: str) -> Profile:
        path = ROOT / "tests" / "models" / "awkward.py"
        return capture(path, mode, signature="Rotary", inputs=inputs, options={"run": run})

    return captured
