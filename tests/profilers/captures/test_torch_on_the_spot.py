"""PyTorch models exported, traced, packaged and converted to ONNX on the spot, and what refuses it."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.coverage import link_coverage
from profilers.analysis.sweep import sweep_rows
from profilers.errors import CaptureFailed, TrustRequired, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import NodeKind, Profile, SliceKind, TimingPhase
from profilers.request import InputSpec, RunRequest
from profilers.runtimes import mode_named
from tests.conftest import ROOT, Capture, ModelFolders
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models"
PACKED = """import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class Packed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 4, batch_first=True)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]


def example_inputs():
    return torch.ones(3, 5, 4), torch.tensor([5, 2, 3])
"""


def is_linked(profile: Profile) -> None:
    assert_linked(profile)
    assert len(profile.steps) == 5


def compile_ns(profile: Profile) -> list[int]:
    return profile.timings.duration_ns[profile.timings.phase == TimingPhase.COMPILE].tolist()


@pytest.mark.parametrize(
    ("file", "mode"),
    [
        ("cnn.pt", "torch-export"),
        ("block.pt", "torchscript"),
        ("cnn.pt", "torch-onnxruntime"),
        ("block.pt2", "torch-onnxruntime"),
    ],
)
def test_it_is_linked_and_what_it_took_is_told_apart(
    capture: Capture, torch_files: Path, file: str, mode: str
) -> None:
    profile = capture(torch_files / file, mode, source_folder=str(MODELS))
    is_linked(profile)
    assert profile.environment.mode == mode
    assert profile.environment.model_name == file
    (spent,) = compile_ns(profile)
    assert spent > 0
    assert not profile.diagnostics or mode == "torch-onnxruntime"


def test_a_trace_tells_the_lines_of_the_model_that_its_operators_come_from(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "block.pt", "torchscript", source_folder=str(MODELS))
    nodes = profile.authored.nodes
    operators = nodes.source[nodes.kind == NodeKind.OPERATOR].tolist()
    places = {profile.strings[row].partition(":")[0] for row in operators if row >= 0}
    assert places == {"torch_zoo.py"}


def test_a_file_that_is_exported_already_is_not_compiled(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "cnn.pt2", "torch-export", source_folder=str(MODELS))
    assert compile_ns(profile) == []


@pytest.mark.parametrize(
    ("mode", "lost"),
    [
        ("torch-export", "ran operator by operator"),
        ("torchscript", "Tracing fixed what depends on the data"),
        ("torch-onnxruntime", "branches and loops are fixed"),
    ],
)
def test_decisions_in_python_are_told_with_their_line(
    capture: Capture, torch_files: Path, mode: str, lost: str
) -> None:
    profile = capture(torch_files / "control.pt", mode, source_folder=str(MODELS))
    is_linked(profile)
    (told,) = [each for each in profile.diagnostics if lost in each.message]
    assert told.remedy
    lines = (MODELS / "torch_zoo.py").read_text().splitlines()
    decides = next(at for at, line in enumerate(lines, 1) if "bool(x.sum() > 0)" in line)
    assert f"torch_zoo.py:{decides}" in told.message


@pytest.fixture(scope="module")
def packages(model_folders: ModelFolders) -> Path:
    """A small program, and the packages that AOTInductor makes of it."""
    return model_folders["packages"]


def test_a_package_made_on_the_spot_ties_its_kernels_to_the_program(
    capture: Capture, packages: Path
) -> None:
    profile = capture(packages / "program.pt2", "torch-aoti")
    is_linked(profile)
    assert "on disk" in profile.environment.facts["Package"]
    assert compile_ns(profile)[0] > 0
    groups, members = profile.fusion.groups, profile.fusion.members
    kinds = {profile.strings[row] for row in groups.kind.tolist()}
    assert kinds == {"C++/OpenMP", "extern"}
    names = [profile.strings[row] for row in profile.authored.nodes.name.tolist()]
    fused = [
        {names[node] for node in members.node[members.group == row].tolist()}
        for row in range(len(groups))
    ]
    assert {"gelu", "layer_norm"} in fused
    kernel = fused.index({"gelu", "layer_norm"})
    assert "void  cpp_fused" in profile.strings[groups.source[kernel]]
    slices = profile.trace.slices
    runs = np.flatnonzero((slices.group == kernel) & (slices.kind == SliceKind.OPERATOR))
    assert len(runs) == len(profile.steps)
    stage = profile.graphs[1]
    assert len(stage.edges) >= 1
    assert (stage.edges.source < stage.edges.target).all()


def test_the_next_run_takes_the_package_of_an_earlier_one(capture: Capture, packages: Path) -> None:
    first = capture(packages / "program.pt2", "torch-aoti")
    again = capture(packages / "program.pt2", "torch-aoti", threads=1)
    is_linked(again)
    (note,) = [each for each in again.diagnostics if "earlier run" in each.message]
    assert "not compiled again" in note.message
    assert compile_ns(again)[0] > 0  # what the earlier run took
    assert len(again.fusion.groups) == len(first.fusion.groups)


def test_a_package_is_compiled_for_each_size(capture: Capture, packages: Path) -> None:
    inputs = (InputSpec("input", "float32", (2, 16)),)
    module = packages / "module.pt"
    profile = capture(module, "torch-aoti", inputs=inputs, sweep={"batch": [2, 3]})
    own, other = sweep_rows(profile)
    assert (own["problem"], other["problem"]) == (None, None)
    assert other["per_second"] > 0
    assert other["peak_bytes"] > 0


def test_a_package_shows_its_kernels_weights_and_inputs_without_running(packages: Path) -> None:
    model = open_path(packages / "package.pt2")
    assert isinstance(model, ModelFile)
    assert model.needs_trust
    (spec,) = model.inputs
    assert (spec.dtype, spec.shape) == ("float32", (2, 16))
    graph, strings = model.preview.authored, model.preview.strings
    weights = {strings[row] for row in graph.parameters.name.tolist()}
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} == weights
    operators = [
        row for row in range(len(graph.nodes)) if graph.nodes.kind[row] == NodeKind.OPERATOR
    ]
    assert len(operators) >= 2
    (result,) = np.flatnonzero(graph.nodes.kind == NodeKind.OUTPUT)
    assert graph.edges.source[graph.edges.target == result].tolist() == [operators[-1]]
    used = {strings[graph.parameters.name[row]] for row in graph.parameter_uses.parameter.tolist()}
    assert used == weights


def test_a_package_needs_no_compiler(
    packages: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model, mode = open_path(packages / "package.pt2"), mode_named("torch-aoti")
    assert isinstance(model, ModelFile)
    assert mode
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mode.obstacle(kind="torch-export")
    assert mode.obstacle(kind=model.kind) is None


def test_a_package_runs_and_is_linked_to_its_own_kernels(capture: Capture, packages: Path) -> None:
    profile = capture(packages / "package.pt2", "torch-aoti")
    is_linked(profile)
    assert any("native code" in each.message for each in profile.diagnostics)


def test_a_package_without_marks_says_what_is_lost_and_how_to_get_it(
    capture: Capture, packages: Path
) -> None:
    profile = capture(packages / "unmarked.pt2", "torch-aoti")
    (told,) = [each for each in profile.diagnostics if "without marks" in each.message]
    assert "cpp.enable_kernel_profile" in told.remedy
    nodes = profile.authored.nodes
    generated = [
        row
        for row, operator in enumerate(nodes.operator.tolist())
        if profile.strings[operator].startswith("cpp_")
    ]
    assert f"its {len(generated)} generated kernels" in told.message
    assert not np.isin(generated, profile.trace.slices.node).any()
    marked = capture(packages / "package.pt2", "torch-aoti")
    assert not any("without marks" in each.message for each in marked.diagnostics)


def test_a_package_refuses_inputs_of_another_size(capture: Capture, packages: Path) -> None:
    wrong = (InputSpec("x", "float32", (3, 16)),)
    with pytest.raises(CaptureFailed, match="expected: 2, but got: 3"):
        capture(packages / "package.pt2", "torch-aoti", inputs=wrong)


def test_a_package_needs_trust(launcher: Launcher, packages: Path, tmp_path: Path) -> None:
    request = RunRequest(
        str(packages / "package.pt2"), "torch-aoti", inputs=(InputSpec("x", "float32", (2, 16)),)
    )
    with pytest.raises(TrustRequired, match="native code"):
        launcher.capture(request, tmp_path)


def test_of_a_model_that_decides_by_values_what_one_run_executed_is_packaged(
    capture: Capture, torch_files: Path
) -> None:
    profile = capture(torch_files / "control.pt", "torch-aoti", source_folder=str(MODELS))
    assert_linked(profile)
    (told,) = (each for each in profile.diagnostics if "one run executed" in each.message)
    assert "values of a tensor at torch_zoo.py" in told.message
    graph = profile.authored
    weights = {profile.strings[row] for row in graph.parameters.name.tolist()}
    assert {"first.weight", "repeated.bias"} <= weights


def test_sizes_that_only_a_run_knows_cannot_be_packaged(capture: Capture, tmp_path: Path) -> None:
    path = tmp_path / "packed.py"
    path.write_text(PACKED)
    with pytest.raises(CaptureFailed, match=r"values of a tensor at packed\.py") as raised:
        capture(path, "torch-aoti", inputs=())
    assert "compiled" in raised.value.remedy


def test_a_package_of_a_gpu_is_refused_on_the_cpu(
    capture: Capture, packages: Path, tmp_path: Path
) -> None:
    path = tmp_path / "gpu.pt2"
    key = b'"AOTI_DEVICE_KEY": "'
    with zipfile.ZipFile(packages / "package.pt2") as here, zipfile.ZipFile(path, "w") as there:
        for name in here.namelist():
            there.writestr(name, here.read(name).replace(key + b"cpu", key + b"cuda"))
    with pytest.raises(TwinscopeError, match="compiled for cuda") as raised:
        capture(path, "torch-aoti", inputs=(InputSpec("x", "float32", (2, 16)),))
    assert "again for cpu" in raised.value.remedy


def test_a_damaged_package_is_told(capture: Capture, packages: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pt2"
    with zipfile.ZipFile(packages / "package.pt2") as whole, zipfile.ZipFile(path, "w") as cut:
        for name in whole.namelist():
            data = whole.read(name)
            cut.writestr(name, data[:200] if name.endswith(".so") else data)
    with pytest.raises(TwinscopeError, match=r"cannot load cut\.pt2"):
        capture(path, "torch-aoti", inputs=(InputSpec("x", "float32", (2, 16)),))


def test_a_package_that_libraries_run_alone_is_linked(capture: Capture, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import torch\n\n\ndef make_model():\n    return torch.nn.Linear(16, 16)\n")
    profile = capture(path, "torch-aoti", inputs=(InputSpec("input", "float32", (4, 16)),))
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert len(profile.fusion.groups) == 1
