"""Captures on a GPU, packed as the fixtures in tests/data/gpu: ``build_gpu_captures OUT [NAME...]``.

Each NAME.zip is a capture folder as a worker leaves it; allocator.pickle is a CUDA memory snapshot of
a few training steps. Paths of the machine are left out. The tests that read them need no GPU. Keras
models are run where Keras and JAX are installed.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from app.capturing import request_for
from profilers.errors import TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from tests.models.build_torch_kinds import KINDS

sys.path.insert(0, str(Path(__file__).parent))
import torch_zoo

MODELS = Path(__file__).parent

CAPTURES: dict[str, tuple[str, str, dict[str, str]]] = {
    "cnn_training": ("cnn.pt", "torch-eager", {"run": "training", "optimiser": "Adam"}),
    "cnn_compiled": ("cnn.pt", "torch-compile", {}),
    "block_cuda_graph": ("block.pt", "torch-compile", {"compile_mode": "reduce-overhead"}),
    "experts_half": ("experts.pt", "torch-eager", {"autocast": "bfloat16"}),
    "encoder_jax": ("encoder.keras", "keras-jax", {}),
    "encoder_jax_training": ("encoder.keras", "keras-jax", {"run": "training"}),
    "depthwise_keras_torch": ("depthwise.keras", "keras-torch", {}),
    "cnn_onnxruntime": ("cnn.pt", "torch-onnxruntime", {}),  # where ONNX Runtime is built for CUDA
    "cnn_aoti": ("cnn.pt", "torch-aoti", {}),
}


def main(out: Path, wanted: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        torch.manual_seed(0)
        torch.save(torch_zoo.Cnn().eval(), folder / "cnn.pt")
        torch.save(torch_zoo.Block().eval(), folder / "block.pt")
        torch.save(KINDS["experts"][0]().eval(), folder / "experts.pt")
        if find_spec("keras") and find_spec("jax"):
            _keras_models(folder)
        launcher = Launcher()
        try:
            for name in wanted or CAPTURES:
                model, mode, options = CAPTURES[name]
                _capture(launcher, folder, out / f"{name}.zip", model, mode, options)
        finally:
            launcher.close()
    if not wanted:
        _allocator_snapshot(out / "allocator.pickle")


def _capture(
    launcher: Launcher, folder: Path, out: Path, name: str, mode: str, options: dict[str, str]
) -> None:
    if not (folder / name).exists():
        print(f"{out.stem}: needs Keras and JAX")
        return
    model = open_path(folder / name)
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), device="cuda:0",
        steps=2, warmup=2, options=options,
    )  # fmt: skip
    if (folder / name).stem in KINDS:
        request = replace(request, inputs=KINDS[(folder / name).stem][1])
    with tempfile.TemporaryDirectory() as place:
        capture = Path(place)
        try:
            launcher.capture(request, capture)
        except TwinscopeError as error:
            print(f"{out.stem}: {error}\n{error.detail[-2000:]}")
            return
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for file in sorted(capture.iterdir()):
                content = file.read_bytes()
                for path, plain in _paths(folder):
                    # A binary file tells how long its texts are.
                    new = (
                        plain
                        if file.suffix == ".json"
                        else plain.rjust(len(path), "/")[-len(path) :]
                    )
                    content = content.replace(path.encode(), new.encode())
                packed.writestr(file.name, content)
        print(f"{out.stem}: {out.stat().st_size:,} bytes")


def _keras_models(folder: Path) -> None:
    """Written by a process of its own, whose Keras has the backend that a GPU machine has."""
    code = (
        "import keras, matching_keras; from keras import layers\n"
        "matching_keras.encoder(depth=2).save('encoder.keras')\n"
        "keras.Sequential([keras.Input((16, 16, 3)), layers.Conv2D(16, 3, padding='same'),"
        " layers.ReLU(), layers.DepthwiseConv2D(3, padding='same'), layers.BatchNormalization(),"
        " layers.ReLU(6.0), layers.Conv2D(8, 1)]).save('depthwise.keras')"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "PYTHONPATH": str(MODELS)}
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)


def _allocator_snapshot(out: Path) -> None:
    model = torch_zoo.Cnn().cuda()
    optimiser = torch.optim.Adam(model.parameters())
    torch.cuda.memory._record_memory_history(max_entries=2000)
    for _ in range(3):
        loss = model(torch.randn(8, 3, 32, 32, device="cuda")).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    with contextlib.suppress(torch.cuda.OutOfMemoryError):
        torch.empty(2**45, dtype=torch.uint8, device="cuda")
    torch.cuda.memory._dump_snapshot(str(out))
    torch.cuda.memory._record_memory_history(enabled=None)
    snapshot = _plain(pickle.loads(out.read_bytes()))  # our own file of a moment ago
    out.write_bytes(pickle.dumps(snapshot, protocol=4))
    print(f"{out.stem}: {out.stat().st_size:,} bytes")


def _plain(value: Any) -> Any:
    """The same without paths of this machine."""
    if isinstance(value, str):
        for path, plain in _paths(Path(tempfile.gettempdir())):
            value = value.replace(path, plain)
        return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value


def _paths(temporary: Path) -> list[tuple[str, str]]:
    """What stands in for this machine's folders, the longest first."""
    known = {
        str(Path(torch.__file__).parents[1]): "site-packages",
        str(MODELS): "tests/models",
        str(MODELS.parents[1]): "twinscope",
        str(temporary): "/tmp",
        str(Path.home()): "~",
        sys.prefix: "python",
    }
    return sorted(known.items(), key=lambda each: -len(each[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
