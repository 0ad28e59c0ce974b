"""The main job through the window: drop, look, run, compare, save, open elsewhere."""

import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.document import Document
from app.sharing import Sharing
from app.window.main_window import MainWindow
from app.window.run_dialog import RunDialog
from app.window.trust_dialog import TrustDialog
from profilers import snapshot
from profilers.analysis.stats import statistics
from tests.app.conftest import MODELS, opened, settle
from views import VIEWS

Dialog = TypeVar("Dialog", bound=QDialog)


def drop(window: QWidget, *paths: Path) -> None:
    """Drag files over the window and let go."""
    mime = drag_over(window, *paths)
    actions, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), actions, mime, button, none))


def drag_over(window: QWidget, *paths: Path) -> QMimeData:
    """What is dragged, and welcome."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    actions, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), actions, mime, button, none)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    return mime


def dialog_of(window: MainWindow, kind: type[Dialog], qtbot: QtBot) -> Dialog:
    def shown() -> list[Dialog]:
        return [each for each in window.findChildren(kind) if each.isVisible()]

    qtbot.waitUntil(lambda: bool(shown()))
    return shown()[0]


def run_dialog(window: MainWindow, document: Document, qtbot: QtBot) -> RunDialog:
    """What Run on a column asks."""
    window.ask_run(document)
    return dialog_of(window, RunDialog, qtbot)


def run_with(window: MainWindow, qtbot: QtBot, steps: int = 3) -> None:
    """Press Run on the last column, accept the dialog's suggestions, wait for the end."""
    document = window.session.documents[-1]
    dialog = run_dialog(window, document, qtbot)
    dialog.steps.setValue(steps)
    dialog.accept()


def test_a_dropped_program_is_run_looked_at_saved_and_opened_again(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tmp_path: Path
) -> None:
    drop(window, torch_files / "cnn.pt2")
    qtbot.waitUntil(lambda: len(window.session.documents) == 1, timeout=30_000)
    document = window.session.documents[0]
    preview_nodes = len(document.profile.authored.nodes)
    assert preview_nodes > 5
    assert len(document.profile.trace.slices) == 0

    shown_with: list[Path] = []
    document.profile_changed.connect(
        lambda: shown_with.extend(window.session.autosave.folder.iterdir())
    )
    run_with(window, qtbot)
    settle(window, qtbot)
    assert document.error is None
    profile = document.profile
    assert len(profile.steps) == 3
    assert [path.suffix for path in shown_with] == [""]  # the capture: it is stored once it is seen
    assert not shown_with[0].exists()
    assert statistics(profile)["link_coverage"]["operator_time"] >= 0.8
    for spec in VIEWS:
        assert isinstance(window.board.view(document, spec.id), QWidget)
    assert document.unsaved_snapshot is not None
    assert len(snapshot.read(document.unsaved_snapshot).trace.slices) == len(profile.trace.slices)

    path = tmp_path / "cnn.twin"
    window.giving.save([document], path, Sharing())
    settle(window, qtbot)
    assert document.unsaved_snapshot is None
    again = opened(window, qtbot, path)
    assert statistics(again.profile) == statistics(profile)


def test_picking_a_convolution_in_pytorch_lights_up_its_twin_in_keras(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tf_files: Path
) -> None:
    for path in (torch_files / "cnn.pt2", tf_files / "cnn.keras"):
        opened(window, qtbot, path)
        run_with(window, qtbot)
        settle(window, qtbot)
    torch_side, keras_side = window.session.documents
    assert keras_side.error is None

    graph = torch_side.profile.authored
    convolutions = [
        row
        for row, operator in enumerate(graph.nodes.operator.tolist())
        if "conv2d" in torch_side.profile.strings[operator]
    ]
    assert len(convolutions) == 2
    torch_side.selection.pick_nodes([convolutions[1]])

    twins = keras_side.selection.picked.nodes.tolist()
    keras_nodes = keras_side.profile.authored.nodes
    operators = {keras_side.profile.strings[int(keras_nodes.operator[row])] for row in twins}
    assert "Conv2D" in operators
    assert len(keras_side.selection.picked.slices) > 0
    all_convolutions = [
        row
        for row, operator in enumerate(keras_nodes.operator.tolist())
        if keras_side.profile.strings[operator] == "Conv2D"
    ]
    assert set(twins) & set(all_convolutions) == {all_convolutions[1]}


def test_a_pickle_asks_for_trust_and_refusing_runs_nothing(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt")
    assert len(document.profile.authored.scopes) > 3  # its tree is seen without trust
    run_with(window, qtbot)
    question = dialog_of(window, TrustDialog, qtbot)
    assert question.refuse_button.isDefault()
    qtbot.keyClick(question, Qt.Key.Key_Return)
    settle(window, qtbot)
    assert not question.isVisible()
    assert len(document.profile.trace.slices) == 0
    assert not document.is_busy


def test_inputs_can_be_added_where_the_file_does_not_say_how_many(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt")
    dialog = run_dialog(window, document, qtbot)
    dialog.inputs.add_guess()
    cell = dialog.inputs.item(1, 2)
    assert cell is not None
    cell.setText("2,x")
    dialog.accept()
    assert dialog.isVisible()  # the shape is refused in words
    cell.setText("2,5")
    dialog.accept()
    assert [spec.text for spec in dialog.request.inputs] == [
        "input=1,3,32,32:float32",
        "input2=2,5:float32",
    ]
    dialog_of(window, TrustDialog, qtbot).reject()


def test_another_signature_brings_its_own_inputs(
    window: MainWindow, qtbot: QtBot, tf_files: Path
) -> None:
    document = opened(window, qtbot, tf_files / "cnn_saved")
    dialog = run_dialog(window, document, qtbot)
    dialog.signature.setCurrentText("serve")
    dialog.steps.setValue(2)
    dialog.accept()
    assert document.model is not None
    assert [spec.name for spec in dialog.request.inputs] == [
        spec.name for spec in document.model.signature_inputs["serve"]
    ]
    settle(window, qtbot)
    assert document.error is None
    assert document.profile.environment.request["signature"] == "serve"
    assert len(document.profile.steps) == 2


def test_trust_is_remembered_for_exactly_this_content(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt")
    dialog = run_dialog(window, document, qtbot)
    dialog.source_folder.setText(str(MODELS))
    dialog.accept()
    question = dialog_of(window, TrustDialog, qtbot)
    assert any(str(MODELS) in label.text() for label in question.findChildren(QLabel))
    question.remember.setChecked(True)
    question.trust_button.click()
    settle(window, qtbot)
    assert document.error is None
    assert len(document.profile.trace.slices) > 0
    assert window.session.trust.holds(document.sha256)


@pytest.mark.usefixtures("models_written")
def test_cancelling_leaves_the_preview_and_no_process(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt2")
    before = set(psutil.Process().children(recursive=True))
    run_with(window, qtbot, steps=100_000)
    qtbot.waitUntil(lambda: bool(set(psutil.Process().children(recursive=True)) - before))
    header = window.board.header(document)
    header.cancel_asked.emit(document)
    settle(window, qtbot)
    assert document.error is None
    assert len(document.profile.authored.nodes) > 5
    assert not set(psutil.Process().children(recursive=True)) - before


def test_a_shape_that_the_model_rejects_is_told_and_the_preview_stays(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.ts.pt")
    dialog = run_dialog(window, document, qtbot)
    item = dialog.inputs.item(0, 2)
    assert item is not None
    item.setText("1,7,32,32")
    dialog.accept()
    settle(window, qtbot)
    assert document.error is not None
    assert "7" in str(document.error)
    assert window.board.header(document).notice.isVisible()
    assert len(document.profile.authored.nodes) > 0


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("model.pt2", b"", "empty"),
        ("model.onnx", b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
        ("trace.json", b"just words, no trace", "plain text"),
        ("model.keras", b"PK\x05\x06" + bytes(18), "empty ZIP"),
    ],
)
def test_a_file_of_no_known_format_is_named(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, name: str, content: bytes, found: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    window.open([path])
    qtbot.waitUntil(window.notice.isVisible, timeout=10_000)
    text = window.notice.text
    assert found in text
    assert "Twinscope opens" in text
    assert not window.session.documents


def test_an_unsaved_capture_is_offered_after_a_crash(
    qtbot: QtBot, home: Path, torch_files: Path
) -> None:
    """A process profiles a model and dies without saving; the next window offers the capture."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from app.autosave import Autosave\n"
        "from app.capturing import captured, request_for\n"
        "from app.paths import data_folder\n"
        "from profilers.launcher import Launcher; from profilers.opening import open_path\n"
        "launcher = Launcher()\n"
        "request = request_for(open_path(Path(sys.argv[1])))\n"
        "autosave = Autosave(data_folder() / 'autosave')\n"
        "autosave.keep(*captured(launcher, request, autosave))\n"
        "launcher.close()\n"
        "os._exit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(torch_files / "cnn.pt2")],
        cwd=MODELS.parents[1],
        check=False,
    )
    assert done.returncode == 3
    window = MainWindow()
    qtbot.addWidget(window, before_close_func=MainWindow.close_without_asking)
    left = window.session.autosave.left_over()
    assert len(left) == 1
    assert len(snapshot.read(left[0]).trace.slices) > 0
    window.session.restore(left[0])
    qtbot.waitUntil(lambda: bool(window.session.documents), timeout=10_000)
    settle(window, qtbot)
    assert len(window.session.documents[0].profile.trace.slices) > 0
