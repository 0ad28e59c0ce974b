"""What processors reach: measured by each framework, kept, and told with the captures that asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.autosave import Autosave
from app.capturing import captured, request_for
from profilers import snapshot
from profilers.analysis.advice import findings
from profilers.analysis.peaks import peak_of
from profilers.analysis.roof_points import kernel_points, layer_points, operator_points
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import MachinePeaks, Profile
from profilers.request import PEAKS_FILE
from profilers.runtimes.machine_peaks import machine_peaks, processor_name

MODELS = Path(__file__).parents[1] / "models"


@pytest.fixture(scope="module")
def peaks_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peaks") / "peaks.json"


@pytest.fixture(scope="module")
def cpu_run(
    peaks_file: Path, torch_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Profile:
    """A capture as the window and the command line make it."""
    model = open_path(torch_files / "cnn.pt")
    assert isinstance(model, ModelFile)
    request = replace(
        request_for(model, "torch-eager"), trusted=True, source_folder=str(MODELS), threads=1
    )
    launcher, autosave = Launcher(), Autosave(tmp_path_factory.mktemp("kept"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PEAKS_FILE, str(peaks_file))
        try:
            return captured(launcher, request, autosave)[0]
        finally:
            launcher.close()
            autosave.close()


def test_a_capture_tells_what_its_processors_reach(cpu_run: Profile, peaks_file: Path) -> None:
    peaks = cpu_run.environment.peaks
    assert peaks.are_known
    assert (peaks.threads, peaks.measured_by) == (1, "torch")
    assert peaks.processor == processor_name()
    assert datetime.fromisoformat(peaks.measured_on) <= datetime.now(UTC)
    assert 1e9 < peaks.float32 < 1e13
    assert 1e8 < peaks.bandwidth < 1e12
    (kept,) = json.loads(peaks_file.read_text()).values()
    assert MachinePeaks.from_json(kept) == peaks


def test_the_peaks_travel_in_the_snapshot(cpu_run: Profile, tmp_path: Path) -> None:
    snapshot.write(cpu_run, tmp_path / "run.twin")
    assert snapshot.read(tmp_path / "run.twin").environment.peaks == cpu_run.environment.peaks


def test_operators_layers_and_kernels_of_a_cpu_run_add_up_below_a_measured_roof(
    cpu_run: Profile,
) -> None:
    peak = peak_of(cpu_run)
    assert peak is not None
    assert peak.is_measured
    assert "measured on the machine of the run, 1 thread, by torch on 20" in peak.source
    operators = operator_points(cpu_run, peak)
    flops = cpu_run.authored.nodes.flops
    assert operators.flops.sum() == flops[flops > 0].sum()
    assert any("conv2d" in title for title in operators.titles)
    for points in (layer_points(cpu_run, peak), kernel_points(cpu_run, peak)):
        for column in ("flops", "bytes", "time_ns", "least_ns"):
            assert getattr(points, column).sum() == pytest.approx(getattr(operators, column).sum())
    # 32 x 32 pixels of float32, 3 channels in and 16 out
    first = operators.titles.index("conv2d")
    parameters = int(cpu_run.authored.nodes.parameter_bytes[operators.nodes[first][0]])
    assert operators.bytes[first] == (3 + 16) * 32 * 32 * 4 + parameters


def test_what_is_far_below_the_measured_roof_is_a_finding_with_its_evidence(
    cpu_run: Profile,
) -> None:
    """Tiny operators on one image: the calls take longer than the arithmetic."""
    found = next(each for each in findings(cpu_run) if each.id == "far-from-roof")
    peak = peak_of(cpu_run)
    assert peak is not None
    assert "measured on the machine of the run" in found.what
    assert 0 < found.share <= 1
    assert found.nodes
    points = operator_points(cpu_run, peak)
    assert found.cost_ns <= float((points.time_ns - points.least_ns).sum()) * (1 + 1e-9)
    nodes = cpu_run.trace.slices.node[list(found.slices)]
    assert len(found.slices) == len(set(found.slices))
    assert set(nodes[nodes >= 0].tolist()) <= set(found.nodes)


def test_a_roof_is_measured_once_and_again_where_others_had_the_processors(
    peaks_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "peaks.json"
    monkeypatch.setenv(PEAKS_FILE, str(own))
    long_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    best = MachinePeaks(processor_name(), 9e15, 1.0, 1, "onnxruntime", long_ago, 0.0)

    def keep(peaks: MachinePeaks) -> None:
        text = json.dumps({f"{peaks.processor} | 1 | onnxruntime": peaks.__dict__})
        own.write_text(text)

    keep(best)
    assert machine_peaks("onnxruntime", 1) == best
    keep(replace(best, waited=0.5))
    again = machine_peaks("onnxruntime", 1)
    assert again.float32 == best.float32  # the highest that was ever seen
    assert again.bandwidth > best.bandwidth
    assert again.measured_on > long_ago
    assert machine_peaks("another framework", 1) == again
    assert not machine_peaks("another framework", 64).are_known
    own.write_text("[1, 2")
    assert machine_peaks("onnxruntime", 1).are_known
