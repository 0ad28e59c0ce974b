"""Functions of a SavedModel without signatures, run like signatures."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.capturing import request_for
from app.window.run_dialog import RunDialog
from profilers.analysis.coverage import link_coverage
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.profile import Profile
from tests.conftest import Capture


def operators(profile: Profile) -> list[str]:
    return [profile.strings[row] for row in profile.authored.nodes.operator]


@pytest.mark.parametrize("mode", ["tf-graph", "tf-xla", "tf-eager"])
def test_the_chosen_function_runs(capture: Capture, tf_files: Path, mode: str) -> None:
    path = tf_files / "parts_saved"
    first, second = (capture(path, mode, signature=name) for name in ("__call__", "__call__#2"))
    assert operators(second).count("AddV2") == operators(first).count("AddV2") + 1
    control = capture(path, mode, signature="control.__call__", inputs=())
    assert "StatelessWhile" in operators(control) or "While" in operators(control)
    for profile in (first, second, control):
        coverage = link_coverage(profile)
        assert coverage.operator_time is not None
        assert coverage.peak_bytes is not None
        assert min(coverage.operator_time, coverage.peak_bytes) >= 0.95
        assert len(profile.authored.parameters)


def test_rows_of_different_lengths_fit_a_function_too(capture: Capture, tf_files: Path) -> None:
    profile = capture(tf_files / "parts_saved", "tf-graph", signature="rows.__call__", inputs=())
    assert len(profile.steps) == 5


def test_an_unknown_function_is_told(capture: Capture, tf_files: Path) -> None:
    for name in ("unused", "control.first", "__call__#3", "nothing.encode"):
        with pytest.raises(TwinscopeError, match=f"no function '{name}'"):
            capture(tf_files / "parts_saved", "tf-graph", signature=name, inputs=())


def test_a_function_is_picked_in_the_run_dialog(qtbot: QtBot, tf_files: Path) -> None:
    model = open_path(tf_files / "parts_saved")
    assert isinstance(model, ModelFile)
    dialog = RunDialog(model)
    qtbot.addWidget(dialog)
    dialog.signature.setCurrentText("control.__call__")
    assert dialog.inputs.rowCount() == 1
    dialog.accept()
    assert dialog.request.signature == "control.__call__"
    assert dialog.request.inputs == request_for(model, "", "control.__call__").inputs
