"""Settings that only one mode has: chosen in the dialog or on the command line, kept in the profile."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.cli import main
from app.window.option_fields import OptionFields
from app.window.run_dialog import RunDialog
from profilers import snapshot
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.runtimes import mode_named
from profilers.runtimes.mode_options import ModeOption


def test_the_dialog_offers_the_modes_options(qtbot: QtBot, onnx_files: Path) -> None:
    model = open_path(onnx_files / "cnn.onnx")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    level = dialog.options.field("level")
    assert isinstance(level, QComboBox)
    assert level.currentText() == "all"
    level.setCurrentText("basic")
    dialog.accept()
    assert dialog.request.options["level"] == "basic"


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
