"""Settings that only one mode has: chosen in the dialog or on the command line, kept in the profile."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QTableWidget
from pytestqt.qtbot import QtBot

from app.capturing import merge_inputs, request_for
from app.cli import main
from app.window.option_fields import OptionFields
from app.window.run_dialog import RunDialog
from profilers import snapshot
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import parse_input
from profilers.runtimes import RUN_MODES, RunMode, mode_named
from profilers.runtimes.mode_options import ModeOption


def test_the_dialog_offers_the_modes_options(qtbot: QtBot, onnx_files: Path) -> None:
    model = open_path(onnx_files / "cnn.onnx")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    level = dialog.options.field("level")
    assert isinstance(level, QComboBox)
    assert level.currentText() == "all"
    dialog.show()
    dialog.mode.setFocus()
    qtbot.keyClick(dialog.mode, Qt.Key.Key_Tab)
    assert dialog.focusWidget() is level
    level.setCurrentText("basic")
    dialog.accept()
    assert dialog.request.options["level"] == "basic"


def test_a_wrong_shape_is_told_as_it_was_written(qtbot: QtBot, onnx_files: Path) -> None:
    model = open_path(onnx_files / "cnn.onnx")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    dialog.show()
    table = dialog.findChild(QTableWidget)
    table.item(0, 2).setText("<b>1</b>,x")
    dialog.accept()
    assert dialog.isVisible()
    problem = dialog.findChild(QLabel, "problem")
    assert "<b>1</b>,x" in problem.text()
    assert problem.textFormat() == Qt.TextFormat.PlainText


def test_a_mode_without_options_has_no_fields(qtbot: QtBot) -> None:
    fields = OptionFields()
    qtbot.addWidget(fields)
    option = ModeOption("level", "Level", ("low", "high"), "low")
    fields.show_options((option,), {"level": "high"})
    assert fields.values() == {"level": "high"}
    fields.show_options((), {"level": "high"})
    assert fields.values() == {}
    assert fields.isHidden()


def test_the_command_line_takes_options_and_the_profile_keeps_them(
    onnx_files: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.twin"
    words = ["profile", str(onnx_files / "cnn.onnx"), "--out", str(out), "--steps", "2"]
    assert main([*words, "--option", "level=disabled"]) == 0
    assert snapshot.read(out).environment.request["options"]["level"] == "disabled"


@pytest.mark.parametrize("option", ["level=fastest", "speed=high", "level"])
def test_a_wrong_option_is_told(
    onnx_files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    words = ["profile", str(onnx_files / "cnn.onnx"), "--out", str(tmp_path / "x.twin")]
    assert main([*words, "--option", option]) == 1
    told = capsys.readouterr().err
    assert "level" in told
    assert "Traceback" not in told


def test_a_mode_may_take_either_of_two_libraries() -> None:
    mode = mode_named("tflite")
    assert mode is not None
    assert mode.missing(lambda name: name == "tensorflow") == ()
    assert mode.missing(lambda name: name == "ai_edge_litert") == ()
    assert len(mode.missing(lambda name: False)) == 1


@pytest.mark.parametrize("mode", ["torch-compile", "torch-aoti"])
def test_a_missing_compiler_is_told_before_anything_runs(
    qtbot: QtBot, torch_files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    model = open_path(torch_files / "cnn.pt2")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    dialog.show()
    run = next(each for each in dialog.buttons.buttons() if each.text() == "Run")
    problem = dialog.findChild(QLabel, "problem")
    assert problem is not None
    assert run.isEnabled()  # an exported program is run by Python alone
    row = dialog.mode.findData(mode)
    assert "g++" in dialog.mode.itemData(row, Qt.ItemDataRole.ToolTipRole)
    dialog.mode.setCurrentIndex(row)
    assert not run.isEnabled()
    assert dialog.mode.currentText() in problem.text()
    assert "Install the package g++" in problem.text()
    dialog.device.setCurrentText("cuda:0")
    assert "Triton" in problem.text()
    (tmp_path / "g++").write_text("#!/bin/sh\n")
    (tmp_path / "g++").chmod(0o755)
    dialog.device.setCurrentText("cpu")
    assert run.isEnabled()
    assert "g++" not in problem.text()
    monkeypatch.setenv("CXX", "icpx")  # the one that is called then
    dialog.mode.setCurrentIndex(dialog.mode.findData("torch-export"))
    dialog.mode.setCurrentIndex(row)
    assert "icpx (named by the variable CXX) is not found" in problem.text()


def test_inputs_that_are_given_take_the_place_of_guesses_under_other_names(
    torch_files: Path,
) -> None:
    model = open_path(torch_files / "block.pt")
    assert isinstance(model, ModelFile)
    known = request_for(model).inputs
    assert [spec.guessed for spec in known] == [True]
    own = parse_input("tokens=1,8:int64")
    assert merge_inputs(known, (own,)) == (own,)
    same = parse_input(f"{known[0].name}=1,8:{known[0].dtype}")
    (merged,) = merge_inputs(known, (same,))
    assert (merged.shape, merged.high) == ((1, 8), known[0].high)


def test_options_without_a_meaning_beside_the_others_cannot_be_changed(
    qtbot: QtBot, torch_files: Path
) -> None:
    model = open_path(torch_files / "cnn.pt")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.mode.setCurrentIndex(dialog.mode.findData("torch-compile"))
    step, loss, weights = (dialog.options.field(name) for name in ("run", "loss", "weights"))
    assert isinstance(step, QComboBox)
    assert isinstance(loss, QComboBox)
    assert not loss.isEnabled()
    assert "unless Step is training" in loss.toolTip()
    assert weights.isEnabled()
    step.setCurrentText("training")
    assert loss.isEnabled()
    assert "unless" not in loss.toolTip()
    assert "unless Step is inference" in weights.toolTip()
    loss.setCurrentText("sum")
    assert dialog.options.values()["loss"] == "sum"
    step.setCurrentText("inference")
    assert dialog.options.values()["loss"] == "mse"
    step.setCurrentText("training")
    assert dialog.options.values()["loss"] == "sum"  # what was chosen before comes back

    dialog.mode.setCurrentIndex(dialog.mode.findData("torch-distributed"))  # always trains
    assert dialog.options.field("loss").isEnabled()
    strategy, unused = (dialog.options.field(name) for name in ("strategy", "unused_weights"))
    assert isinstance(strategy, QComboBox)
    assert unused.isEnabled()
    strategy.setCurrentText("fsdp")
    assert not unused.isEnabled()


@pytest.mark.parametrize("mode", RUN_MODES, ids=lambda mode: mode.id)
def test_what_an_option_needs_is_a_choice_of_another_one(mode: RunMode) -> None:
    choices = {option.id: option.choices for option in mode.options}
    for option in mode.options:
        if option.need is not None:
            assert option.need.option != option.id
            assert set(option.need.values) < set(
                choices.get(option.need.option, ("", *option.need.values))
            )
