"""Captures on a GPU, packed as the fixtures in tests/data/gpu: ``build_gpu_captures OUT``.

Each NAME.zip is a capture folder as a worker leaves it; allocator.pickle is a CUDA memory snapshot of
a few training steps. Paths of the machine are left out. The tests that read them need no GPU.
"""

import contextlib
import pickle
import sys
import tempfile
import zipfile
from dataclasses import replace
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
    "cnn_training": ("cnn", "torch-eager", {"run": "training", "optimiser": "Adam"}),
    "cnn_compiled": ("cnn", "torch-compile", {}),
    "block_cuda_graph": ("block", "torch-compile", {"compile_mode": "reduce-overhead"}),
    "experts_half": ("experts", "torch-eager", {"autocast": "bfloat16"}),
}


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        torch.manual_seed(0)
        torch.save(torch_zoo.Cnn().eval(), folder / "cnn.pt")
        torch.save(torch_zoo.Block().eval(), folder / "block.pt")
        torch.save(KINDS["experts"][0]().eval(), folder / "experts.pt")
        launcher = Launcher()
        try:
            for name, (model, mode, options) in CAPTURES.items():
                _capture(launcher, folder, out / f"{name}.zip", model, mode, options)
        finally:
            launcher.close()
    _allocator_snapshot(out / "allocator.pickle")


def _capture(
    launcher: Launcher, folder: Path, out: Path, name: str, mode: str, options: dict[str, str]
) -> None:
    model = open_path(folder / f"{name}.pt")
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, mode), trusted=True, source_folder=str(MODELS), device="cuda:0",
        steps=2, warmup=2, options=options,
    )  # fmt: skip
    if name in KINDS:
        request = replace(request, inputs=KINDS[name][1])
    with tempfile.TemporaryDirectory() as place:
        capture = Path(place)
        try:
            launcher.capture(request, capture)
        except TwinscopeError as error:
            print(f"{out.stem}: {error}\n{error.detail[-2000:]}")
            return
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for file in sorted(capture.iterdir()):
                text = file.read_text(errors="surrogateescape")
                for path, plain in _paths(folder):
                    text = text.replace(path, plain)
                packed.writestr(file.name, text.encode(errors="surrogateescape"))
        print(f"{out.stem}: {out.stat().st_size:,} bytes")


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
    main(Path(sys.argv[1]))
