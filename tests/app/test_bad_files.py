"""Files that are cut, gone, changed or not what they seem, through the window."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from app.window.run_dialog import RunDialog
from profilers.errors import MissingCode, TrustRequired
from tests.app.conftest import opened, settle
from tests.app.test_main_job import drop, run_with
from tests.app.test_model_sources import trust
from views.elided_label import ElidedLabel

Files = Callable[[str], Path]


@pytest.fixture
def files(torch_files: Path, tf_files: Path, onnx_files: Path) -> Files:
    folders = {"torch": torch_files, "tf": tf_files, "onnx": onnx_files}

    def find(name: str) -> Path:
        folder, _, file = name.partition("/")
        return folders[folder] / file

    return find


@pytest.mark.parametrize(
    "name",
    [
        "torch/cnn.pt", "torch/cnn.pt2", "torch/cnn.safetensors", "tf/cnn.keras", "tf/cnn.h5",
        "tf/cnn.tflite", "tf/cnn_frozen.pb", "onnx/cnn.onnx",
    ],
)  # fmt: skip
def test_a_cut_file_is_told_in_our_words_with_the_way_out(
    window: MainWindow, qtbot: QtBot, files: Files, tmp_path: Path, name: str
) -> None:
    source = files(name)
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes()[: source.stat().st_size * 6 // 10])
    drop(window, path)
    qtbot.waitUntil(window.notice.isVisible, timeout=30_000)
    text = window.notice.text
    assert path.name in text
    assert re.search("cut|damaged", text)
    assert re.search("again[.]$", text)
    assert not re.search("Error|unpack|zip file|message with type", text)  # those are details
    assert not window.session.documents


def test_a_file_that_is_gone_by_the_time_it_is_run_says_so(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cnn.pt2"
    shutil.copy(torch_files / "cnn.pt2", path)
    document = opened(window, qtbot, path)
    path.unlink()
    run_with(window, qtbot)
    settle(window, qtbot)
    assert f"no longer in {tmp_path}" in str(document.error)
    assert window.board.header(document).notice.isVisible()
    assert len(document.profile.authored.nodes) > 5


def test_trust_ends_with_the_content_that_was_looked_at(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cnn.pt"
    shutil.copy(torch_files / "cnn.pt", path)
    document = opened(window, qtbot, path)
    shutil.copy(torch_files / "block.pt", path)  # another program, under the same name
    run_with(window, qtbot)
    trust(window, qtbot, remember=True)
    settle(window, qtbot)
    assert isinstance(document.error, TrustRequired)
    assert "changed since you opened" in str(document.error)
    assert len(document.profile.trace.slices) == 0


def test_unknown_keras_classes_offer_the_source_folder(
    window: MainWindow, qtbot: QtBot, tf_files: Path
) -> None:
    document = opened(window, qtbot, tf_files / "custom.keras")
    run_with(window, qtbot)
    trust(window, qtbot)
    settle(window, qtbot)
    assert isinstance(document.error, MissingCode)
    notice = window.board.header(document).notice
    assert "keras_zoo.Scale" in notice.text
    assert notice.offer.isVisible()


def test_what_cannot_run_offers_no_run(window: MainWindow, qtbot: QtBot, tf_files: Path) -> None:
    document = opened(window, qtbot, tf_files / "empty_saved")
    header = window.board.header(document)
    assert "no signature" in header.notice.text
    assert header.run_button.isHidden()
    window.actions_by_id["file.run"].trigger()
    assert not window.findChildren(RunDialog)


def test_of_several_dropped_files_each_failure_is_told_and_good_ones_open(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tmp_path: Path
) -> None:
    bad = [tmp_path / f"{name}.pt" for name in "abcde"]
    for path in bad:
        path.write_bytes(b"")
    drop(window, *bad, torch_files / "cnn.pt2")
    qtbot.waitUntil(lambda: len(window.session.documents) == 1, timeout=30_000)
    settle(window, qtbot)
    assert window.notice.isVisible()
    assert window.notice.text.count("it is empty") == 3
    assert "2 more" in window.notice.text
    drop(window, torch_files / "cnn.pt2")  # what was told is over with the next thing to open
    assert window.notice.isHidden()
    settle(window, qtbot)


def test_names_of_files_are_shown_as_they_are(
    window: MainWindow, qtbot: QtBot, torch_files: Path, tmp_path: Path
) -> None:
    name = "a <b>bold<u> &amp; \u202egnp.pt2"
    shutil.copy(torch_files / "cnn.pt2", tmp_path / name)
    document = opened(window, qtbot, tmp_path / name)
    labels = window.board.header(document).findChildren(ElidedLabel)
    (title,) = (each for each in labels if "bold" in each.whole)
    assert title.whole == name.replace("\u202e", "�")
    assert title.textFormat() == Qt.TextFormat.PlainText
    told = [each for each in window.findChildren(QLabel) if "<b>bold" in each.text()]
    assert all(each.textFormat() == Qt.TextFormat.PlainText for each in told)

    long = tmp_path / f"{'x' * 240}.pt2"
    shutil.copy(torch_files / "cnn.pt2", long)
    document = opened(window, qtbot, long)
    summary = window.board.view(document, "summary")
    assert isinstance(summary, QScrollArea)
    assert summary.horizontalScrollBar().maximum() == 0


def test_a_notice_is_as_high_as_its_text(window: MainWindow, qtbot: QtBot, tf_files: Path) -> None:
    document = opened(window, qtbot, tf_files / "empty_saved")
    notice = window.board.header(document).notice
    text = notice.findChildren(QLabel)[0]
    qtbot.waitUntil(lambda: text.height() == text.heightForWidth(text.width()))
    assert (
        window.board.header(document).height() < notice.height() + 4 * text.fontMetrics().height()
    )
