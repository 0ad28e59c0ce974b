"""TorchScript's fusion groups and folded batch norms: members, slices, stage; and what stays as it was."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from profilers.analysis.fusion_times import group_times
from profilers.profile import Profile
from profilers.request import InputSpec
from tests.conftest import ROOT, Capture
from tests.profilers.captures.linked import assert_linked

MODELS = ROOT / "tests" / "models"
IMAGE = (InputSpec("x", "float32", (1, 3, 32, 32)),)
ROWS = (InputSpec("x", "float32", (8, 64)),)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> Path:
    monkeypatch_module.syspath_prepend(str(MODELS))
    import torch_zoo

    folder = tmp_path_factory.mktemp("script_fusion")
    for name, model in (("gated", torch_zoo.Gated()), ("cnn", torch_zoo.Cnn())):
        torch.jit.script(model.eval()).save(str(folder / f"{name}.ts.pt"))
    return folder


@pytest.fixture(scope="module")
def monkeypatch_module() -> object:
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    sys.modules.pop("torch_zoo", None)


def groups_of(profile: Profile) -> list[tuple[str, list[str]]]:
    """Kind and names of the members of each group."""
    fusion, strings, nodes = profile.fusion, profile.strings, profile.authored.nodes
    return [
        (
            strings[int(fusion.groups.kind[row])],
            [
                strings[int(nodes.name[node])]
                for node in fusion.members.node[fusion.members.group == row].tolist()
            ],
        )
        for row in range(len(fusion.groups))
    ]


def test_elementwise_operators_become_one_kernel(capture: Capture, files: Path) -> None:
    profile = capture(files / "gated.ts.pt", "torchscript", inputs=ROWS, options={"fuser": "nnc"})
    assert_linked(profile)
    ((kind, members),) = groups_of(profile)
    assert kind == "NNC"
    assert set(members) == {"sigmoid", "tanh", "mul", "neg", "add", "mul_1", "add_1"}
    (time,) = group_times(profile)
    assert time > 0
    assert [graph.stage for graph in profile.graphs] == ["authored", "executed"]
    stage, group = profile.graphs[1], int(profile.fusion.groups.node[0])
    made_of = stage.origins.authored[stage.origins.node == group]
    names = profile.authored.nodes.name
    assert {profile.strings[int(names[row])] for row in made_of} == set(members)
    sources = stage.edges.source[stage.edges.target == group].tolist()
    operators = [profile.strings[int(stage.nodes.operator[row])] for row in sources]
    assert sorted(operators) == ["aten::linear", "aten::linear", "input"]
    told = [item.message for item in profile.diagnostics]
    assert any("LLVM" in text for text in told) != torch._C._llvm_enabled()


@pytest.mark.parametrize("optimise", ["freeze", "inference"])
def test_batch_norms_are_folded_into_convolutions(
    capture: Capture, files: Path, optimise: str
) -> None:
    path = files / "cnn.ts.pt"
    profile = capture(path, "torchscript", inputs=IMAGE, options={"optimise": optimise})
    assert_linked(profile)
    assert groups_of(profile) == [
        ("folded batch norm", ["conv2d", "batch_norm"]),
        ("folded batch norm", ["conv2d_1", "batch_norm_1"]),
    ]
    executed = profile.graphs[1].nodes.operator.tolist()
    assert not any("batch_norm" in profile.strings[row] for row in executed)
    is_seen = group_times(profile) > 0  # oneDNN's own kernels leave no trace
    assert is_seen.all() if optimise == "freeze" else not is_seen.any()


def test_nothing_is_fused_unless_it_is_asked_for(capture: Capture, files: Path) -> None:
    """Also after a run in the same worker that turned the fuser on."""
    capture(files / "gated.ts.pt", "torchscript", inputs=ROWS, options={"fuser": "nnc"})
    profile = capture(files / "gated.ts.pt", "torchscript", inputs=ROWS)
    assert groups_of(profile) == []
    assert len(profile.graphs) == 1
    assert np.all(profile.trace.slices.group < 0)


def test_what_autocast_casts_belongs_to_the_operator_that_takes_it(
    capture: Capture, files: Path
) -> None:
    options = {"autocast": "bfloat16"}
    profile = capture(files / "cnn.ts.pt", "torchscript", inputs=IMAGE, options=options)
    assert_linked(profile)
    slices, strings = profile.trace.slices, profile.strings
    casts = [
        int(slices.node[row])
        for row in np.flatnonzero(slices.step == 0).tolist()
        if "_autocast_to_reduced" in strings[int(slices.name[row])]
    ]
    nodes = profile.authored.nodes
    operators = {strings[int(nodes.operator[node])] for node in casts}
    assert -1 not in casts
    assert operators == {"aten::conv2d", "aten::linear"}
