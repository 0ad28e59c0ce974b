"""Models from code, through the window: chosen, trusted, run, and helped where code is missing."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QToolButton, QTreeWidget
from pytestqt.qtbot import QtBot

from app.cli import main
from app.document import Document
from app.window.main_window import MainWindow
from app.window.name_dialog import NameDialog
from app.window.run_dialog import RunDialog
from app.window.trust_dialog import TrustDialog
from profilers import snapshot
from profilers.errors import MissingCode
from profilers.models.library_names import library_names
from tests.app.conftest import MODELS, opened, settle
from tests.app.test_main_job import dialog_of, run_dialog
from tests.profilers.models.torch_archives import edit_archive

SOURCE = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(6, 6)

    def forward(self, x):
        return self.inner(x).relu()


def make_model():
    return nn.Sequential(Small(), Small())
"""


def two_steps(window: MainWindow, qtbot: QtBot, document: Document) -> RunDialog:
    dialog = run_dialog(window, document, qtbot)
    dialog.steps.setValue(2)
    return dialog


def trust(window: MainWindow, qtbot: QtBot, *, remember: bool = False) -> None:
    dialog = dialog_of(window, TrustDialog, qtbot)
    dialog.remember.setChecked(remember)
    dialog.accept()


def test_a_python_file_is_looked_at_trusted_and_run_by_its_entries(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "model.py"
    path.write_text(SOURCE)
    document = opened(window, qtbot, path)
    dialog = two_steps(window, qtbot, document)
    entries = [dialog.signature.itemText(row) for row in range(dialog.signature.count())]
    assert entries == ["make_model", "Small"]
    dialog.accept()
    trust(window, qtbot, remember=True)
    settle(window, qtbot)
    assert document.error is None
    assert len(document.profile.authored.parameters) == 4

    dialog = two_steps(window, qtbot, document)
    dialog.signature.setCurrentText("Small")
    dialog.accept()  # this content is trusted now
    settle(window, qtbot)
    second = window.session.documents[1]
    assert second.error is None
    assert len(second.profile.authored.parameters) == 2


def test_missing_classes_offer_the_source_folder_and_run_again(
    window: MainWindow,
    qtbot: QtBot,
    torch_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def renamed(name: str, content: bytes) -> bytes:
        return content.replace(b"torch_zoo\n", b"window_zoo\n")

    path = edit_archive(torch_files / "cnn.pt", tmp_path / "cnn.pt", renamed)
    document = opened(window, qtbot, path)
    two_steps(window, qtbot, document).accept()
    trust(window, qtbot)
    settle(window, qtbot)
    assert isinstance(document.error, MissingCode)
    notice = window.board.header(document).notice
    assert "window_zoo.Cnn" in notice.text
    assert "source folder" in notice.text
    assert "--source-folder" not in notice.text  # the command line's own words
    home = tmp_path / "code"
    home.mkdir()
    (home / "window_zoo.py").write_text((MODELS / "torch_zoo.py").read_text())
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(home))
    assert notice.offer.isVisible()
    qtbot.mouseClick(notice.offer, Qt.MouseButton.LeftButton)
    question = dialog_of(window, TrustDialog, qtbot)  # of what is new: the file is trusted
    words = " ".join(label.text() for label in question.findChildren(QLabel))
    assert str(home) in words
    calls = question.findChild(QTreeWidget)
    asked = [calls.topLevelItem(row).text(0) for row in range(calls.topLevelItemCount())]
    assert asked == ["import window_zoo"]
    assert question.remember.isHidden()
    question.accept()
    settle(window, qtbot)
    assert window.session.documents == [document]
    assert document.error is None
    assert len(document.profile.steps) == 2
    assert notice.isHidden()


def test_weights_are_run_with_code_that_the_person_names(
    window: MainWindow, qtbot: QtBot, torch_files: Path
) -> None:
    document = opened(window, qtbot, torch_files / "cnn_state.pt")
    two_steps(window, qtbot, document).accept()
    settle(window, qtbot)
    assert "holds weights" in window.notice.text
    dialog = two_steps(window, qtbot, document)
    dialog.code.choose(MODELS / "torch_zoo.py")
    assert dialog.code.text.startswith(f"{MODELS / 'torch_zoo.py'}:")
    dialog.code.line.setText(f"{MODELS / 'torch_zoo.py'}:Cnn")
    dialog.accept()
    asked = dialog_of(window, TrustDialog, qtbot)
    asked.accept()
    settle(window, qtbot)
    assert document.error is None
    assert document.profile.environment.model_name == "cnn_state.pt"
    assert len(document.profile.steps) == 2


def test_names_are_completed_and_opened(
    window: MainWindow, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "torchvision" / "models"
    models.mkdir(parents=True)
    (tmp_path / "torchvision" / "__init__.py").touch()
    names = ("resnet18", "resnet34", "vgg11")
    text = "".join(f"@register_model()\ndef {name}():\n    pass\n" for name in names)
    (models / "all.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    library_names.cache_clear()
    try:
        window.ask_open_name()
        dialog = dialog_of(window, NameDialog, qtbot)
        assert isinstance(dialog, NameDialog)
        qtbot.waitUntil(lambda: dialog.list.count() >= len(names), timeout=10_000)
        assert not dialog.open_button.isEnabled()
        qtbot.keyClicks(dialog.search, "torchvision res")
        shown = [dialog.list.item(row).text() for row in range(dialog.list.count())]
        assert shown == ["torchvision:resnet18", "torchvision:resnet34"]
        qtbot.keyClick(dialog.search, Qt.Key.Key_Down)
        assert dialog.search.text() == "torchvision:resnet18"
        assert dialog.open_button.isEnabled()
        dialog.accept()
        qtbot.waitUntil(lambda: len(window.session.documents) == 1, timeout=10_000)
        document = window.session.documents[0]
        assert document.title == "torchvision:resnet18"
        run = [
            each for each in window.board.header(document).findChildren(QToolButton)
            if each.text() == "Run…"
        ]  # fmt: skip
        assert run[0].isVisible()
    finally:
        library_names.cache_clear()


def test_a_size_that_ends_the_process_loses_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "falls.py"
    path.write_text(
        "import os\nfrom torch import nn\n\n\nclass Falls(nn.Linear):\n"
        "    def __init__(self):\n        super().__init__(8, 8)\n\n"
        "    def forward(self, x):\n"
        "        if x.shape[0] == 4:\n            os._exit(9)\n"
        "        return super().forward(x)\n"
    )
    out = tmp_path / "falls.twin"
    words = ["profile", str(path), "--out", str(out), "--steps", "2", "--trust"]
    assert main([*words, "--input", "x=2,8", "--sweep", "batch=2,4"]) == 0
    profile = snapshot.read(out)
    assert len(profile.steps) == 2
    assert any("other sizes ended" in note.message for note in profile.diagnostics)
