"""Execution providers: which are asked, and how what one compiled is read back."""

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest
from torch.profiler import ProfilerActivity, supported_activities

from profilers.analysis.coverage import link_coverage
from profilers.captures import read_capture
from profilers.captures.ort.files import CPU, OPTIMISED_FILE, PROFILE_FILE, PROVIDERS_FILE
from profilers.errors import DamagedFile, ModeUnavailable, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import onnx_file
from profilers.profile import Profile
from profilers.profile.references import broken_references
from profilers.request import RunRequest
from profilers.run_record import RunRecord
from profilers.runtimes.ort.device_trace import device_watched
from tests.conftest import Capture

PROVIDER = "OpenVINOExecutionProvider"


@pytest.fixture(scope="module")
def basic(launcher: Launcher, onnx_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a capture with the rewrites that a compiling provider is given."""
    path = onnx_files / "cnn.onnx"
    folder = tmp_path_factory.mktemp("basic")
    inputs = onnx_file.inspect(path).inputs
    options = {"level": "basic"}
    launcher.capture(
        RunRequest(str(path), "onnxruntime", inputs=inputs, steps=2, options=options), folder
    )
    return folder


@pytest.fixture
def compiled(basic: Path, tmp_path: Path) -> Path:
    """The same capture as if a provider had compiled all nodes but the last one.

    ONNX Runtime then has one kernel in their place, named and numbered by the provider.
    """
    folder = tmp_path / "compiled"
    shutil.copytree(basic, folder)
    nodes = onnx.load(folder / OPTIMISED_FILE, load_external_data=False).graph.node
    *taken, last = [{"name": node.name, "operator": node.op_type} for node in nodes]
    parts = [{"provider": PROVIDER, "nodes": taken}]
    parts.append({"provider": "CPUExecutionProvider", "nodes": [last]})
    told = {"asked": [PROVIDER], "is_compiled": True, "parts": parts}
    (folder / PROVIDERS_FILE).write_text(json.dumps(told))
    names = {f"{node['name']}_kernel_time" for node in taken}
    events = json.loads((folder / PROFILE_FILE).read_text())
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["name"] not in names:
            kept.append(event)
        elif kept[-1]["args"].get("provider") == PROVIDER:
            kept[-1]["dur"] = event["ts"] + event["dur"] - kept[-1]["ts"]
        else:
            args = {"op_name": "OpenVINO-EP-subgraph_2", "provider": PROVIDER}
            name = f"{PROVIDER}_OpenVINO-EP-subgraph_2_0_kernel_time"
            kept.append({**event, "name": name, "args": args})
    (folder / PROFILE_FILE).write_text(json.dumps(kept))
    return folder


def named(profile: Profile, rows: Any) -> list[str]:
    return [profile.strings[row] for row in rows]


def test_the_parts_of_a_provider_are_groups_and_its_kernels_link_to_them(compiled: Path) -> None:
    profile = read_capture(compiled)
    assert broken_references(profile) == []
    assert named(profile, profile.fusion.groups.compiler) == ["OpenVINO"]
    members = profile.authored.nodes.operator[profile.fusion.members.node]
    assert {"Conv", "Relu", "ReduceMean"} <= set(named(profile, members))
    coverage = link_coverage(profile)
    assert coverage.operator_time == 1.0
    assert coverage.fused_kernel_time == 1.0


def test_what_the_provider_left_to_the_cpu_fell_back(compiled: Path) -> None:
    profile = read_capture(compiled)
    breaks = profile.fusion.breaks
    fallen = [row for row, kind in enumerate(named(profile, breaks.kind)) if kind == "fallback"]
    operators = profile.authored.nodes.operator[breaks.node[fallen]]
    assert named(profile, operators) == ["Gemm"]
    assert "OpenVINO did not take it" in profile.strings[breaks.reason[fallen[0]]]


def test_a_damaged_assignment_is_told(compiled: Path) -> None:
    (compiled / PROVIDERS_FILE).write_text('{"parts": [{}]}')
    with pytest.raises(DamagedFile, match=PROVIDERS_FILE):
        read_capture(compiled)


def test_all_providers_that_are_here_run_the_model(capture: Capture, onnx_files: Path) -> None:
    profile = capture(onnx_files / "cnn.onnx", "onnxruntime", options={"provider": "auto"})
    assert profile.environment.facts["Execution providers"].endswith("CPUExecutionProvider")
    assert link_coverage(profile).operator_time == 1.0


def test_a_provider_that_is_not_here_is_named(capture: Capture, onnx_files: Path) -> None:
    with pytest.raises(TwinscopeError, match=r"no execution provider 'QNN' here.*it has .*CPU"):
        capture(onnx_files / "cnn.onnx", "onnxruntime", options={"provider": "QNN"})


def test_a_device_without_its_provider_is_refused(capture: Capture, onnx_files: Path) -> None:
    with pytest.raises(ModeUnavailable, match="cannot run on cuda here"):
        capture(onnx_files / "cnn.onnx", "onnxruntime", device="cuda:0")


def test_a_gpu_that_nobody_can_watch_is_told(tmp_path: Path) -> None:
    if ProfilerActivity.CUDA in supported_activities():
        pytest.skip("the PyTorch here can watch GPUs")
    record = RunRecord(RunRequest("m.onnx", "onnxruntime"), "onnxruntime", "ONNX Runtime")
    with device_watched(record, [("CUDAExecutionProvider", {"device_id": "0"}), CPU], tmp_path):
        pass
    assert [each["message"].partition(" (")[0] for each in record.diagnostics] == [
        "The GPU's kernels were not recorded"
    ]
    assert "built without CUDA" in record.diagnostics[0]["message"]
    assert not list(tmp_path.iterdir())


def test_a_run_on_the_processor_is_not_watched(tmp_path: Path) -> None:
    record = RunRecord(RunRequest("m.onnx", "onnxruntime"), "onnxruntime", "ONNX Runtime")
    with device_watched(record, [CPU], tmp_path) as mark, mark():
        pass
    assert not record.diagnostics
    assert not list(tmp_path.iterdir())
