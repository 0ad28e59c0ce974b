"""Scripted and traced modules that train: TorchScript's own backward is tied to what it derives from."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from profilers.analysis.backward import backward_groups, in_backward
from profilers.analysis.coverage import link_coverage
from profilers.errors import TwinscopeError
from profilers.profile import MemoryCategory, Profile
from profilers.profile.references import broken_references
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture

MODELS = ROOT / "tests" / "models"
INPUTS = (InputSpec("x", "float32", (4, 16)),)
BUILD = """
import sys, torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide, self.gate = nn.Linear(16, 32), nn.Linear(16, 32)
        self.norm, self.drop, self.out = nn.LayerNorm(32), nn.Dropout(0.1), nn.Linear(32, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gated = torch.tanh(self.norm(self.wide(x))) * torch.sigmoid(self.gate(x))
        return x + self.drop(self.out(gated))

net = Net()
torch.jit.script(net).save(sys.argv[1] + "/scripted.pt")
net.eval()
torch.jit.trace(net, torch.randn(4, 16)).save(sys.argv[1] + "/traced.pt")
torch.jit.freeze(torch.jit.script(net)).save(sys.argv[1] + "/frozen.pt")
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One network scripted, traced in inference mode, and frozen."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "build.py").write_text(BUILD)  # torch.jit.script reads the source
    command = [sys.executable, "-W", "ignore", str(folder / "build.py"), str(folder)]
    subprocess.run(command, check=True, cwd=ROOT)
    return folder


def trained(capture: Capture, path: Path, **options: str) -> Profile:
    profile = capture(path, "torchscript", inputs=INPUTS, options={"run": "training", **options})
    assert broken_references(profile) == []
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95
    assert coverage.fused_kernel_time is None or coverage.fused_kernel_time >= 0.95
    return profile


def nodes_of(profile: Profile, name: str) -> set[str]:
    """Names of the nodes of all slices of that name."""
    slices, nodes, strings = profile.trace.slices, profile.authored.nodes, profile.strings
    rows = np.unique(slices.node[slices.name == strings.find(name)])
    return {strings[row] for row in nodes.name[rows[rows >= 0]].tolist()}


def test_each_derivative_is_tied_to_its_operator(capture: Capture, scripts: Path) -> None:
    profile = trained(capture, scripts / "scripted.pt")
    assert nodes_of(profile, "aten::native_layer_norm") == {"layer_norm"}
    assert nodes_of(profile, "aten::native_layer_norm_backward") == {"layer_norm"}
    assert nodes_of(profile, "aten::native_dropout_backward") == {"dropout"}
    linear = {"linear", "linear_1", "linear_2"}
    assert nodes_of(profile, "aten::linear") == linear
    slices, strings = profile.trace.slices, profile.strings
    evaluated = [
        row
        for row in range(len(slices))
        if strings[int(slices.name[row])] == "aten::mm"
        and slices.node[row] >= 0
        and slices.step[row] == 1
    ]
    names = profile.authored.nodes.name
    order = [strings[int(names[slices.node[row]])] for row in evaluated]
    assert set(order) == linear  # autograd runs them in the opposite order
    assert order.index("linear_2") < order.index("linear_1") < order.index("linear")


def test_its_gradients_are_those_of_the_weights(capture: Capture, scripts: Path) -> None:
    profile = trained(capture, scripts / "scripted.pt")
    blocks, strings = profile.memory.allocations, profile.strings
    gradients = blocks.take(np.flatnonzero(blocks.category == MemoryCategory.GRADIENT))
    weights = profile.authored.parameters.name[gradients.parameter[gradients.parameter >= 0]]
    assert {"wide.weight", "gate.weight", "out.weight"} <= {strings[row] for row in weights}


def test_fusion_groups_within_a_differentiable_graph_are_seen(
    capture: Capture, scripts: Path
) -> None:
    profile = trained(capture, scripts / "scripted.pt", fuser="nnc")
    groups, members, strings = profile.fusion.groups, profile.fusion.members, profile.strings
    assert "fused_tanh_sigmoid_mul" in {strings[row] for row in groups.name.tolist()}
    nodes = profile.authored.nodes
    fused = {strings[row] for row in nodes.name[members.node].tolist()}
    assert {"tanh", "sigmoid", "mul"} <= fused


def test_kernels_of_the_backward_are_groups_of_what_they_differentiate(
    capture: Capture, scripts: Path
) -> None:
    profile = trained(capture, scripts / "scripted.pt", fuser="nnc")
    slices, strings, groups = profile.trace.slices, profile.strings, profile.fusion.groups
    is_kernel = np.array([text.startswith("fused_") for text in strings], np.bool_)
    kernels = np.flatnonzero(is_kernel[slices.name] & in_backward(profile) & (slices.step >= 0))
    assert len(kernels) >= len(profile.steps)
    assert backward_groups(profile)[slices.group[kernels]].all()
    assert (groups.name[slices.group[kernels]] == slices.name[kernels]).all()
    members, nodes = profile.fusion.members, profile.authored.nodes
    fused = {
        strings[row]
        for group in np.unique(slices.group[kernels]).tolist()
        for row in nodes.name[members.node[members.group == group]].tolist()
    }
    assert {"tanh", "sigmoid"} <= fused
    assert not fused & {"linear", "linear_1", "linear_2", "layer_norm", "dropout"}
    stage = profile.graphs[int(groups.stage[slices.group[kernels[0]]])]
    assert len(stage.nodes) == backward_groups(profile).sum()


@pytest.mark.parametrize("how", ["freeze", "inference"])
def test_what_optimising_takes_apart_belongs_to_the_operator_that_it_was(
    capture: Capture, scripts: Path, how: str
) -> None:
    """Such as a linear layer that became a product and a sum, each with a weight of its own."""
    profile = capture(
        scripts / "traced.pt", "torchscript", inputs=INPUTS, options={"optimise": how}
    )
    coverage = link_coverage(profile)
    assert (coverage.operator_time or 0.0) >= 0.95
    assert (coverage.peak_bytes or 0.0) >= 0.95
    assert profile.graphs[1].stage == "executed"
    linear = {"linear", "linear_1", "linear_2"}
    assert nodes_of(profile, "aten::mm") | nodes_of(profile, "aten::addmm") == linear
    assert nodes_of(profile, "aten::tanh") == {"tanh"}
    assert nodes_of(profile, "aten::layer_norm") == {"layer_norm"}


def test_a_trace_in_inference_mode_says_what_does_not_train(
    capture: Capture, scripts: Path
) -> None:
    profile = trained(capture, scripts / "traced.pt")
    (told,) = [each for each in profile.diagnostics if "inference mode" in each.message]
    assert "dropout stay" in told.message
    assert "model.train()" in told.remedy


def test_a_module_is_traced_in_training_mode(capture: Capture, torch_files: Path) -> None:
    profile = capture(
        torch_files / "cnn.pt",
        "torchscript",
        source_folder=str(MODELS),
        options={"run": "training"},
    )
    assert (link_coverage(profile).operator_time or 0.0) >= 0.95
    assert not [each for each in profile.diagnostics if "inference mode" in each.message]


@pytest.mark.parametrize(
    ("file", "options", "reason"),
    [
        ("frozen.pt", {}, "frozen.pt holds no parameters: torch.jit.freeze"),
        ("scripted.pt", {"optimise": "freeze"}, "Optimise is freeze"),
    ],
)
def test_frozen_weights_are_not_trained(
    capture: Capture, scripts: Path, file: str, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(TwinscopeError, match=reason) as raised:
        trained(capture, scripts / file, **options)
    assert "inference" in raised.value.remedy


@pytest.mark.parametrize("mode", ["torchscript", "torch-export", "torch-onnxruntime"])
def test_of_results_of_an_unknown_class_the_tensors_are_followed(
    capture: Capture, tmp_path: Path, mode: str
) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass Found:\n    scores: object\n    parts: dict\n\n\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(16, 4)\n\n"
        "    def forward(self, x):\n        found = super().forward(x)\n"
        "        return Found(found.tanh(), {'raw': [found, None], 'count': 3})\n"
    )
    profile = capture(path, mode, inputs=INPUTS, signature="Net")
    assert link_coverage(profile).operator_time == 1.0
    operators = {profile.strings[row] for row in profile.authored.nodes.operator.tolist()}
    assert any("tanh" in name.lower() for name in operators)
    assert not any("cannot" in each.message for each in profile.diagnostics)
