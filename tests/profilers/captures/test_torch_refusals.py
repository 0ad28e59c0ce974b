"""PyTorch files that need what is not here: operators of their own, a GPU."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from profilers.analysis.coverage import link_coverage
from profilers.errors import TwinscopeError
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture

MODELS = ROOT / "tests" / "models"
INPUTS = (InputSpec("x", "float32", (2, 4)),)
OPERATORS = """
import torch

@torch.library.custom_op("own_operators::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x

@twice.register_fake
def _(x):
    return torch.empty_like(x)
"""
BUILD = """
import sys, torch
sys.path.insert(0, sys.argv[1])
import own_operators

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.own_operators.twice(self.linear(x))

model = Model().eval()
torch.export.save(torch.export.export(model, (torch.randn(2, 4),)), sys.argv[1] + "/own.pt2")
torch.jit.trace(model, torch.randn(2, 4)).save(sys.argv[1] + "/own.ts.pt")
"""
FILES = [("own.pt2", "torch-export"), ("own.ts.pt", "torchscript")]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models with an operator that a Python file beside them registers."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_operators.py").write_text(OPERATORS)
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(folder)]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


@pytest.mark.parametrize(("file", "mode"), FILES)
def test_an_operator_that_nothing_registers_is_named(
    capture: Capture, own: Path, file: str, mode: str
) -> None:
    with pytest.raises(TwinscopeError, match="own_operators::twice") as raised:
        capture(own / file, mode, inputs=INPUTS)
    assert "Import first" in raised.value.remedy


@pytest.mark.parametrize(
    "mode",
    [
        "torch-eager",
        "torch-compile",
        "torch-export",
        "torchscript",
        "torch-aoti",
        "torch-onnxruntime",
        "torch-distributed",
    ],
)
def test_a_module_whose_operator_nothing_registers_is_told_so_in_every_mode(
    capture: Capture, tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\n\n\nclass Net(torch.nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(4, 4)\n\n"
        "    def forward(self, x):\n"
        "        return torch.ops.own_operators.twice(super().forward(x))\n"
    )
    with pytest.raises(TwinscopeError, match="own_operators::twice, which nothing") as raised:
        capture(path, mode, inputs=INPUTS, signature="Net")
    assert raised.value.remedy.startswith("Name the Python module")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("torch.linalg.svdvals(y)", "No ONNX function found for .*_linalg_svd"),
        ("torch.view_as_real(kept(y))", "No ONNX function found for aten.mul.* complex"),
    ],
)
def test_what_torch_onnx_refuses_is_told_by_its_cause(
    capture: Capture, tmp_path: Path, body: str, reason: str
) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\n\n\ndef kept(y):\n"
        "    found = torch.zeros(2, 4, dtype=torch.complex64)\n"
        "    found[:, :2] = y[:, :2] * 1j\n    return found\n\n\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(4, 4)\n\n"
        f"    def forward(self, x):\n        y = super().forward(x)\n        return {body}\n"
    )
    with pytest.raises(
        TwinscopeError, match=f"torch.onnx cannot write this model: .*{reason}"
    ) as told:
        capture(path, "torch-onnxruntime", inputs=INPUTS, signature="Net")
    assert "\x1b" not in str(told.value)
    assert "PyTorch eager" in told.value.remedy


def test_onnxruntime_without_kernels_of_bfloat16_says_what_to_make_of_the_weights(
    capture: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\n\n\nclass Net(torch.nn.Conv2d):\n"
        "    def __init__(self):\n        super().__init__(3, 4, 3, dtype=torch.bfloat16)\n\n\n"
        "def half():\n    return Net().half()\n"
    )
    inputs = (InputSpec("input", "bfloat16", (1, 3, 8, 8)),)
    with pytest.raises(TwinscopeError, match="takes no bfloat16") as told:
        capture(path, "torch-onnxruntime", inputs=inputs, signature="Net")
    assert "module.half()" in told.value.remedy
    inputs = (InputSpec("input", "float16", (1, 3, 8, 8)),)
    assert capture(path, "torch-onnxruntime", inputs=inputs, signature="half").steps


@pytest.mark.parametrize(("file", "mode"), FILES)
def test_it_runs_once_its_operators_are_imported(
    capture: Capture, own: Path, file: str, mode: str
) -> None:
    profile = capture(
        own / file,
        mode,
        inputs=INPUTS,
        source_folder=str(own),
        options={"imports": str(own / "own_operators.py")},
    )
    assert link_coverage(profile).operator_time == 1.0
    names = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert any("own_operators" in name for name in names)


def test_what_cannot_be_imported_first_is_told(capture: Capture, own: Path) -> None:
    with pytest.raises(TwinscopeError, match="Cannot import no_such_module"):
        capture(
            own / "own.pt2", "torch-export", inputs=INPUTS, options={"imports": "no_such_module"}
        )


def on_cuda(source: Path, target: Path, member: str, here: bytes, there: bytes) -> Path:
    """The file as a machine with a GPU would have written it."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as changed:
        for name in whole.namelist():
            data = whole.read(name)
            if name.endswith(member):
                assert here in data
                data = data.replace(here, there)
            changed.writestr(name, data)
    return target


def test_a_module_of_a_gpu_is_loaded_here_and_told(
    capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    text = (b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")  # a string of a pickle
    path = on_cuda(torch_files / "cnn.pt", tmp_path / "gpu.pt", "data.pkl", *text)
    profile = capture(path, "torch-eager", source_folder=str(MODELS))
    assert any("gpu.pt was saved on cuda:0" in each.message for each in profile.diagnostics)
    assert link_coverage(profile).operator_time == 1.0


def test_a_program_of_a_gpu_says_where_it_can_run(
    capture: Capture, torch_files: Path, tmp_path: Path
) -> None:
    device = (b'"type": "cpu", "index": null', b'"type": "cuda", "index": 0')
    path = on_cuda(torch_files / "cnn.pt2", tmp_path / "gpu.pt2", "models/model.json", *device)
    with pytest.raises(TwinscopeError, match="exported on a CUDA device") as raised:
        capture(path, "torch-export")
    assert "move_to_device_pass" in raised.value.remedy
