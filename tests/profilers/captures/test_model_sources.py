"""Modules from Python files, from libraries, and from weights with their code, run in real workers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.sweep import sweep_rows
from profilers.captures import read_capture
from profilers.errors import MissingCode, TrustRequired, TwinscopeError
from profilers.launcher import Launcher
from profilers.models.library_names import folder_of
from profilers.profile import Profile
from profilers.request import InputSpec, RunRequest
from profilers.run_record import RESULTS_FILE
from tests.conftest import Capture, CaptureFolder
from tests.profilers.models.torch_archives import edit_archive

ZOO = Path(__file__).parents[2] / "models" / "torch_zoo.py"
SOURCE = """
import torch
from torch import nn
from beside_of_sources import WIDTH


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(WIDTH, WIDTH)

    def forward(self, x, scale=1.0, *, mask=None):
        y = self.inner(x) * scale
        return y if mask is None else y.masked_fill(mask, 0.0)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.head = nn.Linear(4 * 24 * 24, 2)

    def forward(self, picture):
        return self.head(self.body(picture).reshape(picture.shape[0], -1))


class Secret(nn.Module):
    def forward(self, one, other):
        return one[:, 3] + other["key"]


def make_model():
    return Scaled()


def example_inputs():
    return {"x": torch.randn(2, WIDTH), "mask": torch.ones(2, WIDTH, dtype=torch.bool), "scale": 3.0}
"""

BAGS = """
import torch
from torch import nn


class Bags(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.bags = nn.Linear(8, 4), nn.EmbeddingBag(10, 4)

    def forward(self, dense, ids, offsets):
        return self.linear(dense) + self.bags(ids, offsets).sum(0)


def example_inputs():
    return torch.randn(6, 8), torch.arange(9), torch.tensor([0, 2, 5])
"""

HELD = """
import torch


class Holder:
    def __init__(self, tensor):
        self.tensor = tensor


class Takes(torch.nn.Module):
    def forward(self, x):
        return x.tensor + 1


def example_inputs():
    return Holder(torch.ones(2))
"""

NESTED = """
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Batch:
    x: torch.Tensor
    of: dict
    width: int = 16


class Passes(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.words = nn.Linear(8, 16), nn.Embedding(10, 16)
        self.register_buffer("neighbours", torch.eye(4).to_sparse_coo().coalesce())

    def forward(self, batch, states, scale=1.0):
        y = self.linear(batch.x) + self.words(batch.of["word"]) + states[1] * scale
        return {"mixed": [torch.sparse.mm(self.neighbours, y), None], "count": 3}


def make_model():
    return Passes()


def example_inputs():
    batch = Batch(torch.randn(4, 8), {"word": torch.arange(4)})
    return {"batch": batch, "states": (None, torch.ones(16)), "scale": 2.0}
"""


EDGES = """import torch


class Edges(torch.nn.Module):
    def forward(self, x, edges):
        return x[edges[0]] - x[edges[1]]


def example_inputs():
    return torch.randn(8, 4), torch.tensor([[0, 7, 3], [1, 2, 6]])
"""

LAZY = """def __getattr__(name):
    try:
        import torchvision
    except Exception as error:
        raise ModuleNotFoundError(f"Could not import module '{name}'.") from error
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    (folder / "model.py").write_text(SOURCE)
    (folder / "plain.py").write_text(SOURCE.partition("def make_model")[0])
    (folder / "nested.py").write_text(NESTED)
    (folder / "bags.py").write_text(BAGS)
    (folder / "edges.py").write_text(EDGES)
    (folder / "beside_of_sources.py").write_text("WIDTH = 8\n")
    (folder / "fails.py").write_text("import torch\n\n\ndef make_model():\n    return 1 / 0\n")
    (folder / "lacks.py").write_text("import not_installed_here\n\n\ndef make_model():\n    pass\n")
    return folder


def operators(profile: Profile) -> set[str]:
    return {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}


def failure(path: Path, launcher: Launcher, folder: Path, **changes: Any) -> TwinscopeError:
    request = replace(RunRequest(str(path), "torch-eager", steps=1, trusted=True), **changes)
    with pytest.raises(TwinscopeError) as raised:
        launcher.capture(request, folder)
    return raised.value


def test_a_file_runs_with_the_inputs_that_it_gives(capture: Capture, folder: Path) -> None:
    profile = capture(folder / "model.py", "torch-eager")
    inputs = profile.environment.request["inputs"]
    assert [(each["name"], each["shape"]) for each in inputs] == [("x", (2, 8)), ("mask", (2, 8))]
    assert any("masked_fill" in name for name in operators(profile))
    assert any("mul" in name for name in operators(profile))
    assert not profile.diagnostics


@pytest.mark.parametrize("mode", ["torch-eager", "torchscript"])
def test_tensors_within_arguments_are_inputs_and_weights_may_be_sparse(
    capture: Capture, folder: Path, mode: str
) -> None:
    profile = capture(folder / "nested.py", mode)
    inputs = profile.environment.request["inputs"]
    assert [each["name"] for each in inputs] == ["batch_x", "batch_of_word", "states_1"]
    assert link_coverage(profile).operator_time == 1.0
    assert any("_sparse_mm" in name for name in operators(profile))
    specs = [InputSpec(**each) for each in inputs]
    specs[1] = replace(specs[1], low=10, high=11)  # there are ten words
    with pytest.raises(TwinscopeError, match="index out of range"):
        capture(folder / "nested.py", mode, inputs=tuple(specs))


def test_other_sizes_keep_the_values_that_the_file_gives(capture: Capture, folder: Path) -> None:
    profile = capture(folder / "bags.py", "torch-eager", sweep={"batch": [2, 12]})
    assert [row["problem"] for row in sweep_rows(profile)] == [None, None]


def test_indices_of_what_a_smaller_size_cuts_off_are_told(capture: Capture, folder: Path) -> None:
    profile = capture(folder / "edges.py", "torch-eager", sweep={"batch": [4, 16]})
    fewer, more = (row["problem"] for row in sweep_rows(profile))
    assert "indices of what was cut off" in fewer
    assert more is None


def test_another_mode_computes_the_same_of_weights_made_at_random(
    capture_folder: CaptureFolder, folder: Path
) -> None:
    found = []
    for mode in ("torch-eager", "torch-onnxruntime"):
        captured = capture_folder(folder / "bags.py", mode, keep_results=True)
        with np.load(captured / RESULTS_FILE) as results:
            found.append(results["0"])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_inputs_in_a_class_of_its_own_are_told(launcher: Launcher, tmp_path: Path) -> None:
    path = tmp_path / "held.py"
    path.write_text(HELD)
    error = failure(path, launcher, tmp_path)
    assert "x is a Holder" in error.why
    assert "data classes" in error.remedy


def test_another_entry_runs_on_the_guess_that_fits(capture: Capture, folder: Path) -> None:
    profile = capture(folder / "plain.py", "torch-eager", signature="Classifier")
    (picture,) = profile.environment.request["inputs"]
    assert (picture["name"], tuple(picture["shape"])) == ("picture", (1, 3, 48, 48))
    assert any("conv2d" in name for name in operators(profile))


def test_inputs_that_nobody_knows_are_asked_for_by_name(
    launcher: Launcher, folder: Path, tmp_path: Path
) -> None:
    error = failure(folder / "plain.py", launcher, tmp_path, signature="Secret")
    assert "one, other" in error.why
    assert "NAME=SHAPE" in error.remedy


def test_nothing_runs_without_trust(launcher: Launcher, folder: Path, tmp_path: Path) -> None:
    error = failure(folder / "model.py", launcher, tmp_path, trusted=False)
    assert isinstance(error, TrustRequired)


def test_failing_code_is_told_by_line_and_missing_code_by_name(
    launcher: Launcher, folder: Path, tmp_path: Path
) -> None:
    error = failure(folder / "fails.py", launcher, tmp_path)
    assert "line 5: ZeroDivisionError" in error.why
    error = failure(folder / "lacks.py", launcher, tmp_path)
    assert isinstance(error, MissingCode)
    assert "'not_installed_here'" in error.why
    error = failure(folder / "model.py", launcher, tmp_path, signature="nothing")
    assert "offers no nothing" in error.what


def test_a_pickle_without_its_classes_names_them_and_runs_with_their_folder(
    launcher: Launcher, torch_files: Path, tmp_path: Path
) -> None:
    def renamed(name: str, content: bytes) -> bytes:
        return content.replace(b"torch_zoo\n", b"lost_zoo\n")

    path = edit_archive(torch_files / "cnn.pt", tmp_path / "cnn.pt", renamed)
    error = failure(path, launcher, tmp_path)
    assert isinstance(error, MissingCode)
    assert "lost_zoo.Cnn" in error.why
    assert "lost_zoo.py" in error.remedy
    home = tmp_path / "home"
    home.mkdir()
    (home / "lost_zoo.py").write_text(ZOO.read_text())
    request = RunRequest(
        str(path),
        "torch-eager",
        inputs=(InputSpec("x", "float32", (1, 3, 32, 32)),),
        steps=1,
        trusted=True,
        source_folder=str(home),
    )
    launcher.capture(request, tmp_path)


def test_a_folder_that_does_not_bring_the_classes_is_named(
    launcher: Launcher, torch_files: Path, tmp_path: Path
) -> None:
    def renamed(module: bytes) -> Callable[[str, bytes], bytes]:
        return lambda name, content: content.replace(b"torch_zoo\n", module + b"\n")

    home = tmp_path / "home"
    home.mkdir()
    path = edit_archive(torch_files / "cnn.pt", tmp_path / "cnn.pt", renamed(b"emptied_zoo"))
    error = failure(path, launcher, tmp_path, source_folder=str(home))
    assert isinstance(error, MissingCode)
    assert f"the source folder {home} does not hold it" in error.why
    (home / "emptied_zoo.py").write_text("")
    error = failure(path, launcher, tmp_path, source_folder=str(home))
    assert isinstance(error, MissingCode)
    assert f"{home / 'emptied_zoo.py'} has no Cnn; the source folder {home} does not" in error.why
    script = edit_archive(torch_files / "cnn.pt", tmp_path / "script.pt", renamed(b"__main__"))
    error = failure(script, launcher, tmp_path, source_folder=str(home))
    assert isinstance(error, MissingCode)
    assert "its class Cnn was defined in the script that saved it" in error.why


def test_a_library_that_another_one_breaks_names_the_other(tmp_path: Path) -> None:
    """Packages of these names that fail as those do which were built for another PyTorch."""
    for name, source in (
        ("timm", "import torchvision\n"),
        ("torchvision", "import torch\n\ntorch.library.Library('torchvision', 'NONE')\n"),
        ("transformers", LAZY),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(source)
    other = Launcher()
    for library, name in (("timm", "resnet18"), ("transformers", "BertModel")):
        told = failure(Path(f"{library}:{name}"), other, tmp_path, source_folder=str(tmp_path))
        assert f"{library} cannot be imported: it needs torchvision, which fails" in str(told)
        assert "build of torchvision" in told.remedy
    other.close()


@pytest.mark.parametrize("name", ["cnn_state.pt", "cnn.safetensors"])
def test_weights_run_with_the_code_of_their_model(
    capture: Capture, torch_files: Path, name: str
) -> None:
    profile = capture(torch_files / name, "torch-eager", code=f"{ZOO}:Cnn")
    whole = capture(torch_files / "cnn.pt", "torch-eager")
    assert operators(profile) == operators(whole)
    assert not profile.diagnostics
    rows = range(len(whole.authored.parameters))
    statistics = [
        {
            each.strings[each.authored.parameters.name[row]]: each.authored.parameter_statistics.text(row)
            for row in rows
        }
        for each in (profile, whole)
    ]  # fmt: skip
    assert statistics[0] == statistics[1]  # these are the weights of the file


def test_weights_that_do_not_fit_are_told(
    launcher: Launcher, torch_files: Path, folder: Path, tmp_path: Path
) -> None:
    code = tmp_path / "wider.py"
    code.write_text(
        "from torch import nn\n"
        "class Wider(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16))\n"
        "        self.extra = nn.Linear(2, 2)\n"
        "    def forward(self, x):\n"
        "        return self.stem(x)\n"
        "def other():\n    return nn.Linear(2, 2)\n"
    )
    path = torch_files / "cnn_state.pt"
    error = failure(path, launcher, tmp_path, code=f"{code}:other")
    assert "do not fit" in error.what
    inputs = (InputSpec("x", "float32", (1, 3, 8, 8)),)
    launcher.capture(
        RunRequest(
            str(path), "torch-eager", inputs=inputs, steps=1, trusted=True, code=f"{code}:Wider"
        ),
        tmp_path,
    )
    told = (tmp_path / "run.json").read_text()
    assert "2 weights of the model are not in the file" in told
    assert "extra.weight" in told
    assert "weights of the file are not in the model" in told


@pytest.mark.parametrize(
    "name",
    [
        "torchvision:resnet18",
        "timm:resnet18",
        "transformers:prajjwal1/bert-tiny",
        "transformers:clip",
        "transformers:whisper",
    ],
)
def test_libraries_make_models_by_name(capture: Capture, name: str) -> None:
    library = name.partition(":")[0]
    if folder_of(library) is None:
        pytest.skip(f"{library} is not installed here")
    profile = capture(Path(name), "torch-eager")
    assert len(profile.authored.nodes) > 10
    assert profile.environment.model_name == name.rpartition("/")[2]


def test_inputs_are_guessed_on_the_device_that_the_model_is_on(
    launcher: Launcher, folder: Path, tmp_path: Path
) -> None:
    if not pytest.importorskip("torch").cuda.is_available():
        pytest.skip("no GPU is here")
    model = f"{folder / 'plain.py'}:Classifier"
    launcher.capture(
        RunRequest(model, "torch-eager", steps=1, trusted=True, device="cuda:0"), tmp_path
    )
    assert read_capture(tmp_path).environment.device == "cuda:0"
