"""``twinscope compare`` as a person and as a CI job use it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from profilers import snapshot
from profilers.profile import Profile, TimingPhase, Timings
from tests.sample import sample_profile

MS = 1_000_000


def saved(path: Path, median_ms: float, profile: Profile | None = None, seed: int = 0) -> Path:
    """A snapshot whose 40 measured steps lie around a median."""
    durations = np.random.default_rng(seed).normal(median_ms * MS, 0.1 * MS, 40).astype(int)
    timings = Timings.from_rows((TimingPhase.MEASURED, each) for each in durations)
    snapshot.write(replace(profile or sample_profile(), timings=timings), path)
    return path


def test_the_verdict_and_the_layers_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.twin", 10, sample_profile(blocks=4))
    b = saved(tmp_path / "b.twin", 8, sample_profile(blocks=3), 1)
    assert main(["compare", str(a), str(b)]) == 0
    told = capsys.readouterr().out
    assert "B is " in told
    assert "% faster than A (95 % interval" in told
    assert "Peak memory" in told
    assert "only in A" in told
    assert "With the profiler, which tells the parts, 9 ms and 9 ms" in told


def test_a_report_is_written_beside_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = saved(tmp_path / "a.twin", 10), saved(tmp_path / "b.twin", 8, seed=1)
    report = tmp_path / "report.html"
    assert main(["compare", str(a), str(b), "--html", str(report)]) == 0
    assert "% faster than A" in report.read_text(encoding="utf-8")
    assert "% faster than A" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("slower", "threshold", "status"), [(1.2, "5%", 1), (1.2, "40%", 0), (1.0, "0%", 0)]
)
def test_ci_fails_where_it_is_worse_beyond_threshold_and_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slower: float, threshold: str, status: int
) -> None:
    a = saved(tmp_path / "a.twin", 10, sample_profile(blocks=3))
    b = saved(tmp_path / "b.twin", 10 * slower, sample_profile(blocks=4 if slower > 1 else 3), 1)
    assert main(["compare", str(a), str(b), "--fail-over", threshold]) == status
    told = capsys.readouterr().out
    assert ("Worse by more than" in told) == bool(status)
    if status:
        blamed = told.partition("What took longer:")[2]
        assert "aten.conv2d" in blamed
        assert "B is " in told
        assert "% slower" in told


def test_json_holds_figures_and_rows_that_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.twin", 10, sample_profile(blocks=4))
    b = saved(tmp_path / "b.twin", 8, sample_profile(blocks=3), 1)
    assert main(["compare", str(a), str(b), "--json", "--fail-over", "5%"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "% faster than A" in found["verdict"]
    latency = found["figures"][0]
    assert latency["verdict"] == "better"
    low, high = latency["ratio_interval"]
    assert low < latency["ratio"] < high < 1
    rows = found["explanation"]["rows"]
    assert sum(row["a_ns"] for row in rows) == pytest.approx(found["explanation"]["a_ns"])
    assert sum(row["b_ns"] for row in rows) == pytest.approx(found["explanation"]["b_ns"])


def test_what_cannot_be_compared_is_refused_with_a_reason(
    tmp_path: Path, onnx_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.twin", 10)
    assert main(["compare", str(a), str(a), "--per-sample"]) == 1
    assert "A and B do not tell it" in capsys.readouterr().err
    assert main(["compare", str(a), str(onnx_files / "block.onnx")]) == 1
    assert "holds no profile" in capsys.readouterr().err
    assert main(["compare", str(a), str(a), "--run"]) == 1
    assert "Leave out --run" in capsys.readouterr().err
    assert main(["compare", str(a)]) == 1
    assert "a.twin holds no pair to compare: it has 1 profile" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", str(a), str(a), "--fail-over", "much"])


def test_two_models_are_run_in_turns_and_kept_as_they_compare(
    tmp_path: Path, onnx_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, pair = str(onnx_files / "block.onnx"), tmp_path / "pair.twin"
    arguments = ["--run", "--input", "tokens=1,16:int64", "--steps", "3", "--rounds", "5", "--json"]
    assert main(["compare", model, model, *arguments, "--out", str(pair)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["compare", str(pair), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"][0] == found["figures"][0]
    latency = found["figures"][0]
    assert latency["title"] == "Step, interleaved"
    assert latency["a"] > 0
    assert latency["b"] > 0
    assert found["explanation"]["by"] == "layers"


@pytest.mark.parametrize("threshold", ["nan", "inf%", "much"])
def test_a_threshold_that_is_no_share_is_wrong_use(tmp_path: Path, threshold: str) -> None:
    a = saved(tmp_path / "a.twin", 10)
    with pytest.raises(SystemExit) as left:
        main(["compare", str(a), str(a), "--fail-over", threshold])
    assert left.value.code == 2


def test_json_keeps_its_keys_and_names_what_worsened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = saved(tmp_path / "a.twin", 10), saved(tmp_path / "b.twin", 15, seed=1)
    assert main(["compare", str(a), str(b), "--json", "--fail-over", "5%"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["worse"] == ["latency", "throughput"]
    assert {"verdict", "cautions", "per_sample", "figures", "parity", "explanation"} < set(found)
    assert {"id", "a", "b", "ratio", "ratio_interval", "verdict"} < set(found["figures"][0])
    assert found["figures"][0]["shows_from"] > 0


def test_a_report_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = saved(tmp_path / "a.twin", 10)
    (tmp_path / "file").write_text("")
    assert main(["compare", str(a), str(a), "--html", str(tmp_path / "file" / "x.html")]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_a_run_needs_two_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(saved(tmp_path / "a.twin", 10)), "--run"]) == 1
    assert "--run takes two models" in capsys.readouterr().err


def test_a_side_without_inputs_is_told_and_rates_are_of_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = sample_profile()
    told = {"inputs": [{"name": "x", "dtype": "float32", "shape": [8, 3]}]}
    environment = replace(profile.environment, request=told)
    a = saved(tmp_path / "a.twin", 10, replace(profile, environment=environment))
    b = saved(
        tmp_path / "b.twin", 10, replace(profile, environment=replace(environment, request={}))
    )
    assert main(["compare", str(a), str(b)]) == 0
    text = capsys.readouterr().out
    assert "B does not tell its inputs" in text
    assert "Steps per second" in text
    assert "Samples per second" not in text
