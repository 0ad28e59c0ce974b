import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

os.environ.setdefault(
    "TWINSCOPE_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "compiled")
)

from profilers import compiled
from profilers.captures import read_capture
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from profilers.request import PEAKS_FILE

Capture = Callable[..., Profile]

ROOT = Path(__file__).parent.parent


def build_models(script: str, folder: Path) -> Path:
    """Make the model files of one framework in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.models.{script}", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


@pytest.fixture(scope="session")
def torch_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cnn, block and control in every PyTorch format."""
    return build_models("build_torch", tmp_path_factory.mktemp("torch_files"))


@pytest.fixture(scope="session")
def tf_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cnn, block and control in every TensorFlow and Keras format."""
    return build_models("build_tf", tmp_path_factory.mktemp("tf_files"))


@pytest.fixture(scope="session")
def more_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with fused.keras, multi.keras, lstm.keras, gated.keras and masked.keras."""
    return build_models("build_keras_more", tmp_path_factory.mktemp("keras_more"))


@pytest.fixture(scope="session")
def unconvertible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with SavedModels whose operators some compilers and formats lack."""
    return build_models("build_unconvertible", tmp_path_factory.mktemp("unconvertible"))


@pytest.fixture(scope="session")
def onnx_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cnn, block and control as ONNX."""
    return build_models("build_onnx", tmp_path_factory.mktemp("onnx_files"))


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
def capture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capture]:
    """Runs a trusted model file in a real worker: ``capture(path, mode, steps=3)``.

    The same call gives the same profile, so that tests share captures.
    """
    from app.capturing import request_for

    launcher = Launcher()
    profiles: dict[tuple[object, ...], Profile] = {}

    def run(path: Path, mode: str, **changes: Any) -> Profile:
        key = (path, mode, repr(sorted(changes.items())))
        if key not in profiles:
            model = open_path(path)
            assert isinstance(model, ModelFile)
            request = replace(request_for(model, mode), trusted=True, steps=5, warmup=2, **changes)
            folder = tmp_path_factory.mktemp("capture")
            launcher.capture(request, folder)
            profiles[key] = read_capture(folder)
        return profiles[key]

    yield run
    launcher.close()
