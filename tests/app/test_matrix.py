"""One model in every mode: rows that stand beside each other, failures that say why."""

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.cli import main
from app.cli.progress import ProgressBar
from app.matrix import unavailable, variants_of
from app.pace import Pace
from app.window.main_window import MainWindow
from app.window.matrix_window import MatrixWindow
from profilers.analysis.result_error import result_error
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.worker_process import Log, Progress
from tests.app.conftest import MODELS, model_of, opened, settle


def model_at(path: Path) -> ModelFile:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return model


def test_each_choice_of_a_compared_setting_is_a_variant(onnx_files: Path) -> None:
    variants = variants_of(model_at(onnx_files / "cnn.onnx"))
    assert [each.options["level"] for each in variants] == ["disabled", "basic", "extended", "all"]
    assert len({each.title for each in variants}) == 4


def test_what_is_not_installed_is_told(onnx_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profilers.runtimes.find_spec", lambda name: None)
    model = model_at(onnx_files / "cnn.onnx")
    assert variants_of(model) == []
    assert unavailable(model) == [("ONNX Runtime", "onnxruntime is not installed")]


def test_the_command_line_prints_every_row(
    onnx_files: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["matrix", str(onnx_files / "cnn.onnx"), "--steps", "6", "--batch", "2"]
    assert main([*words, "--keep", str(tmp_path / "rows"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["options"]["level"] for row in rows] == ["disabled", "basic", "extended", "all"]
    for row in rows:
        assert row["problem"] is None
        assert row["figures"]["step_ns"]["value"] > 0
        assert set(row["figures"]["per_second"]) == {"1"}  # its batch is fixed in the file
        assert "It takes x=1,3,32,32" in row["figures"]["unmeasured"]["2"]
        assert row["figures"]["peak_bytes"] > 0
        assert row["artefact_bytes"] == (onnx_files / "cnn.onnx").stat().st_size
    assert rows[0]["error"] is None
    for row in rows[1:]:
        assert row["error"]["largest"] < 1e-4
        assert row["error"]["cosine"] > 0.9999
        assert row["error"]["same_class"] == 1.0
    assert len(list((tmp_path / "rows").glob("onnxruntime-*.twin"))) == 4
    assert main([*words, "--mode", "onnxruntime", "--input", "nothing=1:float32"]) == 1
    assert "failed" in capsys.readouterr().out


def test_code_that_no_mode_finds_is_told_once(
    torch_files: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", str(torch_files / "cnn.pt"), "--trust", "--batch", "0"]) == 1
    told = capsys.readouterr().out
    assert told.count("there is no module 'torch_zoo' here") == 1
    assert "Every mode failed" in told


def test_frameworks_and_quantised_forms_stand_side_by_side(
    tf_files: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["matrix", str(tf_files / "cnn.keras"), "--steps", "4", "--batch", "4", "--json"]
    assert main([*words, "--mode", "keras", "--mode", "tflite"]) == 0
    keras, exact, quantised = json.loads(capsys.readouterr().out)
    assert set(keras["figures"]["per_second"]) == {"1", "4"}
    assert 0 < exact["error"]["largest"] < 1e-4 < quantised["error"]["largest"]
    assert quantised["artefact_bytes"] < exact["artefact_bytes"]


def test_batch_sizes_that_a_model_does_not_take_are_told(
    onnx_files: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = home / "matrix.html"
    page.parent.mkdir(exist_ok=True)
    words = ["matrix", str(onnx_files / "cnn.onnx"), "--steps", "2", "--batch", "3"]
    assert main([*words, "--html", str(page)]) == 0
    told = capsys.readouterr().out
    assert "3: failed" in told
    reason = "the input x has 3 where it takes 1 (dimension 1)"
    assert told.count(reason) == 1  # of all four rows at once
    text = page.read_text()
    assert "Every mode with batch 3" in text
    assert text.count(reason) == 1
    for number in range(1, 5):
        assert text.count(f"<span>{number}. ONNX Runtime (level ") == 1  # figures
    assert text.count("<span>ONNX Runtime (level ") == 4  # throughput


def test_what_is_left_goes_by_the_rows_that_ended() -> None:
    seconds = iter([0.0, 100.0, 100.0, 150.0, 390.0, 400.0, 410.0])
    pace = Pace(4, lambda: next(seconds))
    assert pace.left == ""
    pace.end_one()
    assert [pace.left for _ in range(3)] == ["5 min", "4 min", "10 s"]
    pace.end_one()
    assert pace.left == "6 min"
    pace = Pace(1, lambda: 0.0)
    pace.end_one()
    assert pace.left == ""


def test_rows_that_ran_are_told_when_the_others_are_stopped(
    onnx_files: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = ProgressBar.on_event

    def stop_in_the_second(bar: ProgressBar, event: Progress | Log) -> None:
        if "1 of 4" in capsys.readouterr().err:
            raise KeyboardInterrupt
        told(bar, event)

    monkeypatch.setattr(ProgressBar, "on_event", stop_in_the_second)
    words = ["matrix", str(onnx_files / "cnn.onnx"), "--steps", "2", "--batch", "0", "--json"]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert [row["options"]["level"] for row in json.loads(shown.out)] == ["disabled"]
    assert "stopped" in shown.err


def test_the_window_fills_a_table_and_opens_a_row(
    window: MainWindow, qtbot: QtBot, onnx_files: Path, tmp_path: Path
) -> None:
    document = opened(window, qtbot, onnx_files / "cnn.onnx")
    window.ask_matrix(document)
    qtbot.waitUntil(lambda: bool(window.findChildren(MatrixWindow)), timeout=5000)
    shown = window.findChildren(MatrixWindow)[0]
    qtbot.waitUntil(lambda: not shown.is_running, timeout=280_000)
    rows = shown.table.rowCount()
    assert rows == len(variants_of(model_of(document)))
    texts = [[_text(shown, row, column) for column in (0, 2, 7)] for row in range(rows)]
    assert texts[0][2] == "reference"
    assert all(step and not step.startswith("⚠") for _, step, _ in texts), texts
    shown.copy_button.click()
    assert QApplication.clipboard().text().count("\n") == rows
    shown.save_page(tmp_path / "matrix.html")
    qtbot.waitUntil(lambda: "matrix.html" in shown.note.text(), timeout=10_000)
    written = (tmp_path / "matrix.html").read_text("utf-8")
    assert all(title in written for title, _, _ in texts)
    shown.table.selectRow(1)
    shown.table.setFocus()
    qtbot.keyClick(shown.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(window.session.documents) == 2, timeout=30_000)
    settle(window, qtbot)
    second = window.session.documents[1]
    assert second.profile.environment.request["options"]["level"] == "basic"
    assert second.unsaved_snapshot is not None
    shown.close()


def test_runs_that_are_cancelled_leave_a_word(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    shown = _under_way(window, qtbot, onnx_files / "block.onnx")
    shown.cancel_button.click()
    qtbot.waitUntil(lambda: not shown.is_running, timeout=10_000)
    rows = shown.table.rowCount()
    ended = sum(bool(_text(shown, row, 2)) for row in range(rows))
    assert f"Cancelled: {rows - ended} of {rows} did not run." in shown.note.text()
    shown.close()
    settle(window, qtbot)


def test_closing_the_table_cancels_the_runs(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    shown = _under_way(window, qtbot, onnx_files / "block.onnx")
    shown.close()
    settle(window, qtbot)
    qtbot.waitUntil(lambda: not window.findChildren(MatrixWindow), timeout=10_000)


def _under_way(window: MainWindow, qtbot: QtBot, path: Path) -> MatrixWindow:
    """A matrix whose first run has begun."""
    window.ask_matrix(opened(window, qtbot, path))
    qtbot.waitUntil(lambda: bool(window.findChildren(MatrixWindow)), timeout=5000)
    shown = window.findChildren(MatrixWindow)[0]
    qtbot.waitUntil(lambda: shown.progress.value() > 0, timeout=60_000)
    return shown


def _text(shown: MatrixWindow, row: int, column: int) -> str:
    item = shown.table.item(row, column)
    return item.text() if item is not None else ""


def test_results_that_do_not_pair_up_are_not_compared() -> None:
    scores = np.array([[0.1, 0.9], [0.8, 0.2]])
    turned = scores[:, ::-1]
    error = result_error([scores], [turned])
    assert error is not None
    assert error.same_class == 0.0
    assert error.largest == pytest.approx(0.8)
    assert error.mean == pytest.approx(0.7)
    assert result_error([scores], [scores[0]]) is None
    assert result_error([scores], [scores, scores]) is None
    same = result_error([np.zeros(3)], [np.zeros(3)])
    assert same is not None
    assert (same.cosine, same.same_class) == (1.0, None)


def test_weights_take_the_code_that_makes_their_model(
    torch_files: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo = MODELS / "torch_zoo.py"
    words = ["matrix", str(torch_files / "cnn_state.pt"), "--steps", "2", "--batch", "0"]
    words += ["--mode", "torch-eager", "--input", "x=1,3,32,32:float32", "--json"]
    assert main(words) == 1
    assert "code" in capsys.readouterr().err
    words += ["--code", f"{zoo}:Cnn"]
    assert main(words) == 1
    assert "--trust" in capsys.readouterr().err
    assert main([*words, "--trust"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["figures"]["step_ns"]["value"] > 0
