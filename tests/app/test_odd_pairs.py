"""Profiles that are hard to compare: the command line, the window and the report all say why."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.cli import main
from app.window.main_window import MainWindow
from profilers import snapshot
from profilers.profile import Profile, TimingPhase, Timings
from tests.app.conftest import opened, settle
from tests.conftest import Capture
from tests.sample import sample_profile

MS = 1_000_000
MODELS = Path(__file__).parents[1] / "models"
Pair = tuple[Profile, Profile]


def run_of(
    steps: int, batch: int = 1, dtype: str = "float32", median_ms: float = 10.0, seed: int = 0
) -> Profile:
    """Of the sample, with other inputs and measured steps."""
    sample = sample_profile(steps=max(min(steps, 3), 1))
    durations = np.random.default_rng(seed).normal(median_ms * MS, 0.1 * MS, steps).astype(int)
    request = {"inputs": [{"name": "x", "dtype": dtype, "shape": [batch, 3, 32, 32]}]}
    return replace(
        sample,
        timings=Timings.from_rows((TimingPhase.MEASURED, each) for each in durations),
        environment=replace(sample.environment, request=request),
    )


def unrelated(capture: Capture, torch_files: Path) -> Pair:
    a, b = (
        capture(torch_files / f"{name}.pt", "torch-eager", source_folder=str(MODELS))
        for name in ("cnn", "block")
    )
    return a, b


CASES: dict[str, tuple[Callable[..., Pair], str]] = {
    "unrelated": (unrelated, "these look like unrelated models, so only operators are compared"),
    "one step": (
        lambda *_: (run_of(1), run_of(40)),
        "A has one step only, so nothing tells how much its steps vary.",
    ),
    "batches": (
        lambda *_: (run_of(40), run_of(40, 8, median_ms=20)),
        "The batch sizes differ: 1 in A, 8 in B; step times are those of whole batches.",
    ),
    "types": (
        lambda *_: (run_of(40), run_of(40, dtype="float16")),
        "The inputs' types differ: float32 in A, float16 in B.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_everyone_says_why_it_is_hard_to_compare(
    case: str,
    window: MainWindow,
    qtbot: QtBot,
    tmp_path: Path,
    capture: Capture,
    torch_files: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make, sentence = CASES[case]
    paths = [tmp_path / "a.twin", tmp_path / "b.twin"]
    for profile, path in zip(make(capture, torch_files), paths, strict=True):
        snapshot.write(profile, path)
    report = tmp_path / "report.html"
    files = [str(path) for path in paths]
    assert main(["compare", *files, "--html", str(report)]) == 0
    assert sentence in capsys.readouterr().out
    page = report.read_text(encoding="utf-8")
    assert sentence.replace("'", "&#x27;") in page or sentence in page
    found = compared(files, capsys)
    assert any(sentence in caution for caution in found["cautions"])
    for path in paths:
        opened(window, qtbot, path)
    settle(window, qtbot)
    view = window.board.compare.view
    assert view is not None
    assert sentence in view.cautions.text()
    assert view.cautions.isVisibleTo(view)
    if case == "unrelated":
        assert found["explanation"]["by"] == "operators"
        is_noise = found["explanation"]["is_noise"]
        told = "no difference beyond the noise" if is_noise else "in matched operators"
        assert told in view.explained.text()
    if case == "one step":
        assert found["figures"][0]["verdict"] == "unsure"
        assert view.verdict.text().startswith("Too few independent steps")


def compared(files: list[str], capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["compare", *files, "--json", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_batches_are_compared_per_sample_where_asked(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "a.twin", tmp_path / "b.twin"]
    for profile, path in zip(CASES["batches"][0](), paths, strict=True):
        snapshot.write(profile, path)
    files = [str(path) for path in paths]
    assert compared(files, capsys)["figures"][0]["verdict"] == "worse"
    found = compared(files, capsys, "--per-sample")
    assert found["figures"][0]["verdict"] == "better"
    assert "4 times as fast" in found["verdict"]
    assert main(["compare", *files, "--per-sample", "--html", str(tmp_path / "r.html")]) == 0
    told = capsys.readouterr().out
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    for text in (told, page):
        assert "step times are divided by it" in text
        assert "Step per sample: " in text
    for path in paths:
        opened(window, qtbot, path)
    settle(window, qtbot)
    view = window.board.compare.view
    assert view is not None
    assert not view.per_sample.isHidden()
    view.per_sample.setChecked(True)
    settle(window, qtbot)
    assert view.verdict.text() in f"{found['verdict']}"
    assert "step times are divided by it" in view.cautions.text()
    assert "Step per sample: " in view.explained.text()
