"""What a clumsy person does, and what a full or read-only disk does to a run."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox
from pytestqt.qtbot import QtBot

from app.autosave import Autosave
from app.capturing import request_for
from app.cli.keeping import capture_into
from app.document import Document
from app.sharing import Sharing
from app.window.main_window import MainWindow
from app.window.notice import NoticeBar
from app.window.trust_dialog import TrustDialog
from profilers import snapshot
from profilers.errors import CaptureFailed, TwinscopeError
from profilers.launcher import Launcher
from profilers.models import ModelFile
from profilers.opening import open_path
from profilers.request import RunRequest
from profilers.trust import TrustStore
from tests.app.conftest import model_of, opened, settle
from tests.sample import sample_profile
from views.theme import DARK


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    """A path in which nothing can be made, whoever asks."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    return file / "folder"


def request_of(path: Path) -> RunRequest:
    model = open_path(path)
    assert isinstance(model, ModelFile)
    return replace(request_for(model), steps=1)


def started(window: MainWindow, document: Document, **changes: object) -> None:
    window.run(document, replace(request_for(model_of(document)), **changes))


def test_a_result_that_cannot_be_kept_stays_on_screen_and_is_saved_elsewhere(
    window: MainWindow, qtbot: QtBot, onnx_files: Path, tmp_path: Path, no_folder: Path
) -> None:
    document = opened(window, qtbot, onnx_files / "cnn.onnx")
    autosave = window.session.autosave
    root = autosave.root
    document.profile_changed.connect(lambda: setattr(autosave, "root", no_folder))
    started(window, document, steps=1)
    settle(window, qtbot)
    assert "cnn.onnx" in window.notice.text
    assert str(no_folder) in window.notice.text
    assert document.is_unsaved
    assert document.unsaved_snapshot is not None
    assert (document.unsaved_snapshot / "run.json").is_file()  # the next start offers it

    window.session.restore(document.unsaved_snapshot)
    qtbot.waitUntil(lambda: len(window.session.documents) == 2, timeout=10_000)
    settle(window, qtbot)
    assert len(window.session.documents[1].profile.steps) == 1
    assert document.unsaved_snapshot.is_dir()

    autosave.root = root
    window.session.save([document], tmp_path / "out.twin", Sharing(), lambda path: None)
    settle(window, qtbot)
    assert not document.is_unsaved
    assert len(snapshot.read(tmp_path / "out.twin").steps) == 1


def test_a_capture_that_has_no_place_is_told_in_a_sentence(no_folder: Path) -> None:
    autosave = Autosave(no_folder)
    with pytest.raises(TwinscopeError, match=str(no_folder)):
        autosave.new_capture_folder()
    with pytest.raises(TwinscopeError, match="not kept"):
        autosave.store(sample_profile())


def test_a_model_runs_where_compilers_can_keep_nothing(
    launcher: Launcher,
    onnx_files: Path,
    tmp_path: Path,
    no_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(no_folder))
    launcher.capture(request_of(onnx_files / "cnn.onnx"), tmp_path)
    assert (tmp_path / "run.json").is_file()


def test_a_snapshot_that_has_no_place_is_left_to_the_next_start(no_folder: Path) -> None:
    def capture(launcher: Launcher, autosave: Autosave, on_event: object) -> tuple:  # type: ignore[type-arg]
        return sample_profile(), autosave.new_capture_folder()

    with pytest.raises(TwinscopeError, match="kept as") as told:
        capture_into(no_folder / "out.twin", capture)
    kept = Path(told.value.remedy.removeprefix("The capture is kept as ").removesuffix("."))
    assert len(snapshot.read(kept).trace.slices) == len(sample_profile().trace.slices)


def test_a_run_that_is_going_on_is_asked_about_before_the_window_closes(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    document = opened(window, qtbot, onnx_files / "cnn.onnx")
    started(window, document, steps=1_000_000)
    asked: list[str] = []

    def keep_open() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        box.button(QMessageBox.StandardButton.Cancel).click()

    QTimer.singleShot(100, keep_open)
    assert not window.close()
    assert "cnn.onnx" in asked[0]
    assert document.is_running
    assert document.job is not None
    document.job.cancel()
    settle(window, qtbot)


def test_the_failure_of_a_run_goes_when_the_next_begins(
    window: MainWindow, qtbot: QtBot, onnx_files: Path
) -> None:
    document = opened(window, qtbot, onnx_files / "cnn.onnx")
    notice = window.board.header(document).notice
    document.end(CaptureFailed("The model failed"))
    assert notice.isVisible()
    started(window, document, steps=1)
    assert not notice.isVisible()
    settle(window, qtbot)
    assert not notice.isVisible()


def test_a_trusted_model_runs_where_the_trust_cannot_be_kept(
    window: MainWindow, qtbot: QtBot, torch_files: Path, no_folder: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn.pt")
    window.session.trust = TrustStore(no_folder / "trusted.json")
    started(window, document, steps=1)
    (dialog,) = window.findChildren(TrustDialog)
    dialog.remember.setChecked(True)
    dialog.accept()
    assert "cnn.pt" in window.notice.text
    assert document.is_running
    assert document.job is not None
    document.job.cancel()
    settle(window, qtbot)


def test_a_sentence_in_a_narrow_column_stands_above_its_buttons(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    error = CaptureFailed("The model failed", "word " * 40, detail="more")
    heights = []
    for width in (320, 1200):
        bar.resize(width, 40)
        bar.show()
        bar.tell_error(error, DARK, ("Choose the source folder…", lambda: None))
        heights.append(bar.sizeHint().height())
        text = bar.findChild(QLabel)
        assert isinstance(text, QLabel)
        bar.adjustSize()
        bar.resize(width, bar.sizeHint().height())
        qtbot.wait(10)
        assert text.width() > 250
        assert text.heightForWidth(text.width()) <= text.height()
    assert heights[1] < heights[0] < 250


def test_a_sentence_is_as_high_as_its_lines_after_its_column_grew(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    text = bar.findChild(QLabel)
    assert isinstance(text, QLabel)
    bar.resize(1000, 40)
    bar.show()
    error = CaptureFailed("The model failed", "word " * 60)
    bar.tell_error(error, DARK)
    alone = text.height()
    for width in (110, 1000):
        bar.resize(width, 40)
    assert text.height() == alone
    bar.tell_error(error, DARK, ("Choose the source folder of the model…", lambda: None))
    qtbot.wait(10)  # the button takes its room
    assert text.height() > alone
    assert text.height() >= text.heightForWidth(text.width())


def test_what_was_told_of_a_failed_save_goes_with_the_next_one(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, no_folder: Path
) -> None:
    window.session.show(Path("a.twin"), sample_profile())
    settle(window, qtbot)
    document = window.session.documents[0]
    window.giving.save([document], no_folder / "a.twin", Sharing())
    settle(window, qtbot)
    assert window.notice.isVisible()
    window.giving.save([document], tmp_path / "a.twin", Sharing())
    settle(window, qtbot)
    assert (tmp_path / "a.twin").exists()
    assert window.notice.isHidden()
