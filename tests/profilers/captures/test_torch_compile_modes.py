"""torch.compile's modes and training: what compiling took, where it stands, and what backward ran."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.capturing import request_for
from profilers.analysis.coverage import link_coverage
from profilers.analysis.memory.curve import alive_at, memory_curve
from profilers.captures import read_capture
from profilers.captures.pytorch.files import COMPILATION_FILE
from profilers.captures.pytorch.fusion_breaks import fusion_breaks
from profilers.errors import Cancelled
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import MemoryCategory, Profile, StringPool, TimingPhase
from profilers.request import InputSpec, RunRequest
from profilers.runtimes.pytorch.compile_log import CompileLog
from profilers.worker_process import Log, Progress
from tests.conftest import ROOT, Capture
from tests.profilers.captures.linked import assert_linked

BUILD = """
import sys, torch
nn = torch.nn
model = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Dropout(), nn.LayerNorm(24))
torch.save(model, sys.argv[1])
"""
OPTIONS = {"run": "training", "compile_mode": "reduce-overhead", "shapes": "static"}


class Runs:
    """The same model compiled twice, each time by a worker of its own."""

    def __init__(self, folder: Path) -> None:
        path = folder / "model.pt"
        subprocess.run([sys.executable, "-c", BUILD, str(path)], check=True, cwd=ROOT)
        model = open_path(path)
        assert isinstance(model, ModelFile)
        self.request: RunRequest = replace(
            request_for(model, "torch-compile"),
            inputs=(InputSpec("input", "float32", (4, 16)),),
            trusted=True,
            steps=3,
            options=OPTIONS,
        )
        self.stages: list[str] = []
        self.kept = folder / "kept"
        self.profiles = [self.run(folder / name) for name in ("cold", "warm")]

    def run(self, folder: Path) -> Profile:
        folder.mkdir()
        launcher = Launcher()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(self.kept))
                launcher.capture(self.request, folder, self.follow)
        finally:
            launcher.close()
        return read_capture(folder)

    def follow(self, event: Progress | Log) -> None:
        if isinstance(event, Progress):
            self.stages.append(event.stage)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


def test_compiling_is_timed_apart_from_the_steps(runs: Runs) -> None:
    for profile in runs.profiles:
        phases = profile.timings.phase.tolist()
        assert phases.count(TimingPhase.COMPILE) == 1
        compiled = profile.timings.duration_ns[profile.timings.phase == TimingPhase.COMPILE]
        warm_up = profile.timings.duration_ns[profile.timings.phase == TimingPhase.WARMUP]
        assert int(compiled[0]) > 10 * int(warm_up.max())
        assert profile.environment.facts["Compile mode"] == "reduce-overhead, static shapes"


def test_what_was_compiled_is_kept_for_the_next_run(runs: Runs) -> None:
    warm = runs.profiles[1].environment.facts["Compiled graphs"]
    assert "0 from the compile cache" not in warm


@pytest.mark.parametrize("left", [0, 0.5])
def test_a_library_whose_linker_was_killed_is_built_again(
    runs: Runs, tmp_path: Path, left: float
) -> None:
    library = next(runs.kept.rglob("*.main.so"))
    whole = library.stat().st_size
    with library.open("r+b") as file:
        file.truncate(int(left * whole))
    profile = runs.run(tmp_path / "again")
    assert library.stat().st_size == whole
    assert len(profile.fusion.groups) == len(runs.profiles[0].fusion.groups) > 0


def test_the_parts_of_compiling_are_told(runs: Runs) -> None:
    assert "compile: Dynamo traces the model" in runs.stages
    assert runs.stages.index("compile") < runs.stages.index("warm-up")


def test_graphs_without_a_gpu_are_told(runs: Runs) -> None:
    assert any(
        "reduce-overhead" in each.message and "need a GPU" in each.message
        for each in runs.profiles[0].diagnostics
    )


@pytest.mark.parametrize("run", [0, 1], ids=["cold", "warm"])
def test_backward_kernels_are_fused_groups_of_what_they_differentiate(runs: Runs, run: int) -> None:
    profile = runs.profiles[run]
    assert_linked(profile)
    assert link_coverage(profile).fused_kernel_time is not None
    assert [graph.stage for graph in profile.graphs] == [
        "authored", "inductor", "inductor backward",
    ]  # fmt: skip
    made_of = backward_members(profile)
    (generated,) = {name for name in made_of if "gelu_backward" in name}
    assert {"gelu", "layer_norm"} <= made_of[generated]
    (product,) = {name for name in made_of if name.startswith("aten.mm")}
    assert made_of[product] == {"linear"}
    groups = profile.fusion.groups
    sources = groups.source[groups.stage == 2]
    assert any("void" in profile.strings[row] for row in sources.tolist() if row >= 0)


def test_every_generated_kernel_of_a_training_step_is_in_a_group(runs: Runs) -> None:
    for profile in runs.profiles:
        slices = profile.trace.slices
        generated = [
            row
            for row in np.flatnonzero(slices.step >= 0).tolist()
            if profile.strings[slices.name[row]].startswith("graph_")
        ]
        assert generated
        assert (slices.group[generated] >= 0).all()
        assert (slices.node[generated] >= 0).all()
        names = profile.fusion.groups.name[slices.group[generated]]
        for row, name in zip(generated, names.tolist(), strict=True):
            assert profile.strings[slices.name[row]].endswith(profile.strings[name])


def test_every_weight_has_its_gradient_in_each_step(runs: Runs) -> None:
    profile = runs.profiles[0]
    blocks, parameters = profile.memory.allocations, profile.authored.parameters
    gradients = blocks.take(
        np.flatnonzero((blocks.category == MemoryCategory.GRADIENT) & (blocks.parameter >= 0))
    )
    assert np.bincount(gradients.parameter).tolist() == [len(profile.steps)] * len(parameters)
    assert (gradients.bytes == parameters.bytes[gradients.parameter]).all()
    kept = {
        MemoryCategory(category)
        for category in blocks.category[alive_at(profile, *at_peak(profile))].tolist()
    }
    assert {
        MemoryCategory.PARAMETER, MemoryCategory.GRADIENT, MemoryCategory.OPTIMISER_STATE,
        MemoryCategory.INPUT,
    } <= kept  # fmt: skip


def at_peak(profile: Profile) -> tuple[int, int]:
    curve = memory_curve(profile)
    return curve.device, curve.peak_ns


def backward_members(profile: Profile) -> dict[str, set[str]]:
    """Names of the members of each kernel of the backward."""
    fusion, strings, nodes = profile.fusion, profile.strings, profile.authored.nodes
    found: dict[str, set[str]] = {}
    for group, node in zip(
        fusion.members.group.tolist(), fusion.members.node.tolist(), strict=True
    ):
        if profile.graphs[fusion.groups.stage[group]].stage == "inductor backward":
            name = strings[fusion.groups.name[group]]
            found.setdefault(name, set()).add(strings[nodes.name[node]])
    return found


def test_a_compile_can_be_cancelled(runs: Runs, tmp_path: Path) -> None:
    launcher, cancelled = Launcher(), threading.Event()

    def cancel(event: Progress | Log) -> None:
        if isinstance(event, Progress) and event.stage.startswith("compile: "):
            cancelled.set()

    try:
        with pytest.raises(Cancelled):
            launcher.capture(runs.request, tmp_path, cancel, cancelled)
    finally:
        launcher.close()
    assert not (tmp_path / "run.json").exists()


GROWING = """
import torch

class Growing(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += 1
        y = x * self.count
        if y.sum().item() < -1e9:
            return y
        torch._dynamo.graph_break()
        return torch.cumsum(y, 0)
"""


def test_a_function_that_is_compiled_too_often_is_told_with_its_guard(
    capture: Capture, tmp_path: Path
) -> None:
    (tmp_path / "growing.py").write_text(GROWING)
    profile = capture(
        tmp_path / "growing.py",
        "torch-compile",
        inputs=(InputSpec("x", "float32", (4,)),),
        options={"shapes": "static"},
    )
    rows = told_breaks(profile)
    (reason, location) = rows["recompile limit"][0]
    assert "recompile_limit of 8" in reason
    assert "self.count == " in reason
    assert "  #" not in reason
    assert location == "growing.py:10"
    assert [where for _, where in rows["recompile"]].count(location) == 7
    assert [where for _, where in rows["graph break"]] == ["growing.py:12", "growing.py:14"]
    assert "None" not in rows["graph break"][1][0]
    assert [where for _, where in rows["fallback"]] == ["growing.py:15"]
    assert any("into 2 graphs" in each.message for each in profile.diagnostics)


WAVE = """
import torch

class Wave(torch.nn.Module):
    def forward(self, x):
        {}
"""


def test_values_of_other_names_do_not_take_the_record_of_a_kept_compilation(
    capture: Capture, tmp_path: Path
) -> None:
    """The compiler keeps graphs without the names of values, and its record is full of them."""
    bodies = {
        "plain": "return torch.cumsum(torch.sin(x) + 1.5, 0)",
        "named": "wave = torch.sin(x)\n        up = wave + 1.5\n        return torch.cumsum(up, 0)",
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.py").write_text(WAVE.format(body))
        profile = capture(
            tmp_path / f"{name}.py",
            "torch-compile",
            inputs=(InputSpec("x", "float32", (5, 7)),),
        )
        members = profile.fusion.members
        assert np.bincount(members.group).tolist() == [2, 1]
        assert_linked(profile)


def test_a_cuda_graph_that_is_not_taken_is_told_with_its_place(runs: Runs) -> None:
    """In PyTorch's own words, which only a GPU makes it say."""
    utils = pytest.importorskip("torch._inductor.cudagraph_utils")
    trace = '  File "/home/somebody/model.py", line 12, in forward\n    self.cache.add_(x)\n'
    placeholder = utils.PlaceholderInfo("cache", None, [], trace)
    message = utils.get_mutation_stack_trace([placeholder], [0])
    profile, pool = runs.profiles[0], StringPool()
    document = {
        "breaks": [], "recompiles": [], "limits": [], "frames": {}, "cudagraph_skips": [message],
    }  # fmt: skip
    breaks = fusion_breaks(document, (), profile.authored, profile.strings, pool)
    strings = pool.table()
    assert [strings[kind] for kind in breaks.kind.tolist()] == ["cudagraph skip"]
    assert "mutated inputs (1 instances)" in strings[breaks.reason[0]]
    assert "File" not in strings[breaks.reason[0]]
    assert strings[breaks.location[0]] == "model.py:12"


def test_a_skip_is_read_as_pytorch_logs_it(runs: Runs, tmp_path: Path) -> None:
    """The reason of two devices, by way of PyTorch's own logger; without a GPU it logs none."""
    torch = pytest.importorskip("torch")
    utils = pytest.importorskip("torch._inductor.cudagraph_utils")
    log, graph = CompileLog(), torch.fx.Graph()
    devices = {torch.device("cuda", at): graph.placeholder(f"x{at}") for at in range(2)}
    reason = utils.check_multiple_devices_or_any_cpu_nodes(devices)
    with log.listening():  # as torch._inductor.output_code tells what lowering found
        utils.log_cudagraph_skip_and_bump_counter(f"skipping cudagraphs due to {reason}")
    log.write(tmp_path)
    document = json.loads((tmp_path / COMPILATION_FILE).read_text())
    pool, profile = StringPool(), runs.profiles[0]
    breaks = fusion_breaks(document, (), profile.authored, profile.strings, pool)
    (told,) = [pool.table()[row] for row in breaks.reason.tolist()]
    assert "CUDA graph: multiple devices: device(type='cuda', index=0)" in told
    begin = "The compile mode reduce-overhead changes nothing"
    assert any(each.message.startswith(begin) for each in profile.diagnostics)


def told_breaks(profile: Profile) -> dict[str, list[tuple[str, str]]]:
    """Reason and location by kind."""
    breaks, strings = profile.fusion.breaks, profile.strings
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, reason, location in zip(
        breaks.kind.tolist(), breaks.reason.tolist(), breaks.location.tolist(), strict=True
    ):
        found.setdefault(strings[kind], []).append((strings[reason], strings[location]))
    return found
