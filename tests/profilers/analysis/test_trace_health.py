"""Every finding on a small trace that has the fault, and silence on one that nearly has it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profilers import snapshot
from profilers.analysis.trace_health import health
from profilers.analysis.trace_health.overlaps import crossing_slices
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import (
    Profile,
    Severity,
    SliceKind,
    StringPool,
    TrackKind,
)
from profilers.traces.trace_builder import TraceBuilder
from tests.conftest import Capture
from tests.profilers.analysis.made_traces import MS, STEP_NS, US, Run, S, found, on_one_track, says
from tests.sample import sample_profile

MODELS = Path(__file__).parents[2] / "models"


def opened(path: Path) -> Profile:
    profile = open_path(path)
    assert isinstance(profile, Profile)
    return profile


def test_a_trace_without_fault_says_nothing() -> None:
    assert health(Run().profile()) == ()


def test_a_profile_without_slices_says_nothing() -> None:
    assert health(Profile("inspected")) == ()


# Overlaps


def test_partial_overlaps_are_counted_and_the_tiny_ones_told_apart() -> None:
    run = Run()
    for start_ns, overlap_ns in ((100 * MS, 500), (110 * MS, 2 * US), (120 * MS, 1 * US)):
        run.kernel(start_ns)
        run.kernel(start_ns + 30 * US - overlap_ns)
    profile = run.profile()
    assert found(profile, "partly overlap").count == 3
    assert found(profile, "1 µs or less").count == 2
    _, overlap_ns = crossing_slices(profile.trace.slices)
    assert sorted(overlap_ns.tolist()) == [500, 1 * US, 2 * US]


def test_nested_and_touching_slices_do_not_overlap() -> None:
    run = Run()
    run.operator(100 * MS, 50 * US)
    run.operator(100 * MS, 20 * US)
    run.operator(100 * MS + 20 * US, 30 * US)
    run.operator(100 * MS + 50 * US, 30 * US)
    assert health(run.profile())[1:] == ()


def test_each_crossing_slice_is_measured_against_the_one_it_crosses() -> None:
    """Against every pair of a track, one by one."""
    random = np.random.default_rng(5)
    for _ in range(50):
        builder = TraceBuilder(StringPool())
        tracks = [builder.track(f"row {number}") for number in range(3)]
        for _ in range(40):
            start, length = random.integers(0, 200), random.integers(1, 60)
            builder.slice(int(random.choice(tracks)), int(start), int(length), "a")
        slices = builder.build()[0].slices
        ends = slices.start_ns + slices.duration_ns
        for row, overlap_ns in zip(*crossing_slices(slices), strict=True):
            crossed = [
                int(ends[other] - slices.start_ns[row])
                for other in range(row)
                if slices.track[other] == slices.track[row]
                and slices.start_ns[row] < ends[other] < ends[row]
            ]
            assert int(overlap_ns) in crossed


# Precision


@pytest.mark.parametrize(
    ("grid_ns", "words", "severity"),
    [
        (1_000_000, "whole milliseconds", Severity.INFO),
        (1_000, "whole microseconds", Severity.INFO),
        (250, "a quarter of", Severity.WARNING),
        (125, "an eighth of", Severity.WARNING),
        (256, "to 256 ns", Severity.WARNING),
    ],
)
def test_rounded_times_are_recognised_wherever_the_profile_begins(
    grid_ns: int, words: str, severity: Severity
) -> None:
    random = np.random.default_rng(1)
    starts = np.sort(random.choice(10_000, 500, replace=False)) * grid_ns + 3
    durations = random.integers(1, 5, 500) * grid_ns
    finding = found(on_one_track(starts, durations), words)
    assert (finding.severity, finding.count) == (severity, 500)


def test_a_float64_on_the_way_leaves_its_grid(tmp_path: Path) -> None:
    exact = [1_712_195_495_502_094 + at * 17 + at * 0.137 for at in range(100)]
    events = [
        {"ph": "X", "name": "a", "pid": 1, "tid": 1, "ts": ts, "dur": 1.093 + at / 1000}
        for at, ts in enumerate(exact)
    ]
    path = tmp_path / "rounded.json"
    path.write_text(json.dumps({"traceEvents": events}))
    assert found(opened(path), "a quarter of").severity == Severity.WARNING


@pytest.mark.parametrize("grid_ns", [1, 10, 40, 100, 200, 333])
def test_exact_times_and_other_clocks_are_not_called_rounded(grid_ns: int) -> None:
    random = np.random.default_rng(2)
    starts = np.sort(random.choice(1_000_000, 500, replace=False)) * grid_ns
    profile = on_one_track(starts, np.full(500, 7 * grid_ns))
    assert not says(profile, "Times are whole")
    assert not says(profile, "times are rounded")


def test_few_or_long_slices_do_not_tell_of_rounding() -> None:
    assert not says(on_one_track(np.arange(20) * US, np.full(20, US)), "Times are whole")
    assert not says(on_one_track(np.arange(500) * MS, np.full(500, 10 * US)), "whole micro")


# Truncation


@pytest.mark.parametrize(("delay_ns", "told"), [(-5 * US, True), (-900, False)])
def test_a_kernel_before_its_launch_tells_that_clocks_disagree(delay_ns: int, told: bool) -> None:
    run = Run()
    run.launch(50 * MS + 500 * US, delay_ns)
    profile = run.profile()
    assert says(profile, "before their launch, by up to 5 µs") == told
    assert says(profile, "before their launch") == told


@pytest.mark.parametrize(
    ("at_ns", "severity"), [(10 * S, Severity.INFO), (40 * 365 * 86_400 * S, Severity.WARNING)]
)
def test_a_stray_event_stretches_the_time_axis(at_ns: int, severity: Severity) -> None:
    run = Run(steps=20)
    run.builder.slice(run.host, at_ns, US, "lost")
    finding = found(run.profile(), "far from all others")
    assert (finding.severity, finding.count) == (severity, 1)


def test_two_dense_parts_and_a_short_pause_are_no_strays() -> None:
    run = Run(steps=20)
    for at in range(400):
        run.operator(20 * S + at * MS)
    assert not says(run.profile(), "far from all others")
    run = Run(steps=20)
    run.builder.slice(run.host, 2 * S, US, "late")
    assert not says(run.profile(), "far from all others")


def test_kernels_without_duration_are_counted_but_not_instants_of_the_host() -> None:
    run = Run()
    run.operator(100 * MS, 0)
    assert not says(run.profile(), "no duration")
    run.builder.flow(run.call(99 * MS), run.kernel(100 * MS, 0), "launch")
    assert found(run.profile(), "have no duration").count == 1


@pytest.mark.parametrize(("shift_ns", "told"), [(70 * MS, True), (30 * MS, False)])
def test_ranks_whose_steps_share_no_moment_are_apart(shift_ns: int, told: bool) -> None:
    run = Run()
    other = run.builder.track("thread", TrackKind.THREAD, "python", rank=1)
    for number in range(3):
        begin = shift_ns + number * STEP_NS
        run.builder.slice(other, begin, STEP_NS, f"ProfilerStep#{number}", SliceKind.STEP)
    assert says(run.profile(), "Rank 1 begins") == told


# Overhead


@pytest.mark.parametrize(
    ("each_ns", "severity"), [(MS, None), (5 * MS, Severity.INFO), (15 * MS, Severity.WARNING)]
)
def test_overhead_is_a_share_of_the_time_that_it_covers_once(
    each_ns: int, severity: Severity | None
) -> None:
    run = Run()
    lane = run.builder.track("overhead")
    for at in (0, 1, 20 * MS):
        run.builder.slice(lane, at, each_ns, "CUPTI", SliceKind.OVERHEAD, "overhead")
    told = [each for each in health(run.profile()) if "profiler's own work" in each.message]
    assert [each.severity for each in told] == ([] if severity is None else [severity])
    if severity == Severity.INFO:
        assert "takes 10 ms" in told[0].message


def test_recorded_python_calls_are_told() -> None:
    run = Run()
    run.builder.slice(run.host, MS, US, "forward", SliceKind.PYTHON, "python_function")
    assert found(run.profile(), "Python calls").count == 1


@pytest.mark.parametrize(("first_ns", "told"), [(90 * MS, True), (30 * MS, False)])
def test_a_first_step_that_warms_up_is_told(first_ns: int, told: bool) -> None:
    profile = Run().profile()
    durations = profile.steps.duration_ns.copy()
    durations[0] = first_ns
    slow = replace(profile, steps=profile.steps.replace(duration_ns=durations))
    assert says(slow, "warming up") == told


@pytest.mark.parametrize(("apart_ns", "told"), [(5 * US, True), (20 * US, False)])
def test_a_thread_crowded_with_short_operators_is_told(apart_ns: int, told: bool) -> None:
    run = Run(launched=0)
    for at in range(3 * STEP_NS // apart_ns):
        run.operator(
            at * apart_ns, 3_137, arguments={"Input Dims": []}, step=at * apart_ns // STEP_NS
        )
    assert says(run.profile(), "events per millisecond") == told


# Versions


def test_unknown_device_categories_are_named_and_counted() -> None:
    run = Run()
    for at in range(3):
        run.builder.slice(run.stream, (100 + at) * MS, MS, "x", SliceKind.OTHER, "gpu_teleport")
    run.builder.slice(run.host, 100 * MS, MS, "y", SliceKind.OTHER, "xpu_runtime")
    finding = found(run.profile(), "(gpu_teleport, xpu_runtime)")
    assert (finding.severity, finding.count) == (Severity.WARNING, 4)


def test_unknown_categories_of_the_host_are_its_own_matter() -> None:
    run = Run()
    run.builder.slice(run.host, 100 * MS, MS, "allreduce", SliceKind.OTHER, "horovod")
    assert health(run.profile()) == ()


# Opened files


def test_a_trace_file_opens_with_its_health_and_a_snapshot_keeps_what_it_has(
    tmp_path: Path,
) -> None:
    path = tmp_path / "trace.json"
    events = [
        {"ph": "X", "name": name, "pid": 1, "tid": 1, "ts": ts, "dur": 10}
        for name, ts in (("a", 0), ("b", 5))
    ]
    path.write_text(json.dumps({"traceEvents": events}))
    profile = opened(path)
    told = [each.message for each in profile.diagnostics]
    assert any("partly overlap" in each for each in told)
    snapshot.write(profile, tmp_path / "saved.twin")
    assert opened(tmp_path / "saved.twin").diagnostics == profile.diagnostics
    snapshot.write(sample_profile(), tmp_path / "sample.twin")
    assert opened(tmp_path / "sample.twin").diagnostics == sample_profile().diagnostics


def test_a_model_preview_has_no_trace_to_judge(onnx_files: Path) -> None:
    model = open_path(onnx_files / "cnn.onnx")
    assert isinstance(model, ModelFile)
    assert not any("steps" in each.message for each in model.preview.diagnostics)


REMARKS = {
    "a100_train_control": {"whole microseconds"},
    "a100_train_test": {"whole microseconds", "partly overlap", "1 µs or less"},
    "alexnet": {"whole microseconds", "marks no steps", "partly overlap"},
    "cpu_only_rank34": {"after the last step"},
    "df_index_resolver": {"whole microseconds"},
    "mtia_rank_0": {"partly overlap", "no launch in the trace"},
    "sampled_rank0": {"whole microseconds"},
    "sampled_rank1": {"whole microseconds"},
    "simple_add": {"whole microseconds", "marks no steps", "partly overlap"},
    "triton_example": set(),
    "v100_resnet_ns": set(),
}


@pytest.mark.parametrize("name", REMARKS)
def test_real_traces_get_remarks_that_hold_and_no_alarm(shared_data: Path, name: str) -> None:
    profile = opened(shared_data / f"{name}.json.gz")
    told = [each for each in health(profile) if "Not in this profile" not in each.message]
    assert {each.severity for each in told} <= {Severity.INFO}
    assert all(any(words in each.message for words in REMARKS[name]) for each in told)
    assert len(told) == len(REMARKS[name])


def test_overlaps_of_a_real_trace_are_all_counted(shared_data: Path) -> None:
    profile = opened(shared_data / "mtia_rank_0.json.gz")
    assert found(profile, "partly overlap").count == 3_551
    assert "86.6 %" in found(profile, "no launch").message


@pytest.mark.parametrize(
    ("folder", "file", "mode"),
    [("torch_files", "cnn.pt", "torch-eager"), ("onnx_files", "cnn.onnx", "onnxruntime")],
)
def test_our_own_captures_raise_no_alarm(
    request: pytest.FixtureRequest, capture: Capture, folder: str, file: str, mode: str
) -> None:
    path: Path = request.getfixturevalue(folder) / file
    told = health(capture(path, mode, source_folder=str(MODELS)))
    assert {each.severity for each in told} <= {Severity.INFO}
