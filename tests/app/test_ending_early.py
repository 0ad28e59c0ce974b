"""A capture that measures other sizes has its result already: ending that early keeps it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from app.document import Document
from app.window.main_window import MainWindow
from profilers.sweeps import SWEEP_STAGE
from tests.app.conftest import opened, settle
from tests.app.test_clumsy import started


def sweeping(window: MainWindow, qtbot: QtBot, path: Path) -> Document:
    """A document whose job measures sizes that would take hours."""
    document = opened(window, qtbot, path)
    stages: list[str] = []
    document.progressed.connect(lambda stage, fraction: stages.append(stage))
    started(window, document, steps=1, sweep={"batch": [2, *range(5000, 5060)]})
    qtbot.waitUntil(
        lambda: bool(stages) and stages[-1].startswith(f"{SWEEP_STAGE}: batch 5"), timeout=60_000
    )
    return document


def click(window: MainWindow, qtbot: QtBot, document: Document, text: str) -> None:
    buttons = window.board.header(document).findChildren(QToolButton)
    (button,) = (each for each in buttons if each.isVisible() and each.text() == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_ending_a_sweep_keeps_the_capture_and_what_was_measured(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    document = sweeping(window, qtbot, onnx_files / "cnn.onnx")
    click(window, qtbot, document, "End the sweep")
    settle(window, qtbot)
    assert document.error is None
    assert document.is_unsaved
    assert len(document.profile.trace.slices) > 0
    assert 1 <= len(document.profile.sweep) < 61
    assert any("of 61 sizes" in each.message for each in document.profile.diagnostics)


def test_a_sweep_that_will_not_end_can_still_be_cancelled(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    document = sweeping(window, qtbot, onnx_files / "cnn.onnx")
    job = document.job
    assert job is not None
    job.enough.set()  # as if asked already
    document.state_changed.emit()
    click(window, qtbot, document, "Cancel")
    assert job.cancelled.is_set()
    settle(window, qtbot)
