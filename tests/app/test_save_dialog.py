"""Choosing what goes into a snapshot, and several columns in one file."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog
from pytestqt.qtbot import QtBot

from app.document import Document
from app.sharing import Sharing
from app.window.main_window import MainWindow
from app.window.save_dialog import SaveDialog
from profilers import snapshot
from profilers.profile import Note
from profilers.units import format_bytes
from tests.app.conftest import opened, settle
from tests.sample import sample_profile

SAVE = QDialogButtonBox.StandardButton.Save


@pytest.fixture
def pair(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> list[Document]:
    for name, blocks in (("a", 4), ("b", 2)):
        path = tmp_path / f"{name}.twin"
        snapshot.write(sample_profile(blocks=blocks), path)
        opened(window, qtbot, path)
    return window.session.documents


def dialog_for(window: MainWindow, document: Document, qtbot: QtBot) -> SaveDialog:
    window.giving.ask_save(document)
    (dialog,) = window.findChildren(SaveDialog)
    qtbot.waitUntil(lambda: dialog.is_settled, timeout=20_000)
    return dialog


def test_the_size_follows_what_is_chosen_and_the_file_has_it(
    window: MainWindow, pair: list[Document], qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    dialog = dialog_for(window, pair[0], qtbot)
    assert dialog.chosen == [pair[0]]
    whole = dialog.size_label.text()
    dialog.columns[1].click()
    dialog.parts["arguments"].click()
    dialog.anonymise.click()
    qtbot.waitUntil(lambda: dialog.is_settled and dialog.size_label.text() != whole, timeout=20_000)
    out = tmp_path / "both.twin"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    told = dialog.size_label.text()
    qtbot.mouseClick(dialog.buttons.button(SAVE), Qt.MouseButton.LeftButton)
    settle(window, qtbot)
    first, second = snapshot.read_all(out)
    assert (len(first.authored.nodes), len(second.authored.nodes)) == (14, 8)
    assert not first.trace.arguments.text(0)
    assert first.notes[0].author != "Ada"
    assert format_bytes(out.stat().st_size) in told
    assert [document.path.name for document in pair] == ["a.twin", "b.twin"]


def test_nothing_chosen_cannot_be_saved(
    window: MainWindow, pair: list[Document], qtbot: QtBot
) -> None:
    dialog = dialog_for(window, pair[1], qtbot)
    assert dialog.buttons.button(SAVE).isEnabled()
    dialog.columns[1].click()
    assert not dialog.buttons.button(SAVE).isEnabled()
    dialog.reject()


def test_a_file_of_two_profiles_opens_as_two_columns_and_is_saved_as_one_file(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "pair.twin"
    snapshot.write_all([sample_profile(), sample_profile(blocks=2)], path)
    window.open([path])
    qtbot.waitUntil(lambda: len(window.session.documents) == 2, timeout=60_000)
    settle(window, qtbot)
    first, second = window.session.documents
    assert [len(each.profile.authored.nodes) for each in (first, second)] == [14, 8]
    second.notes.take(Note(-1, "Faster", "Grace", begin_ns=0, end_ns=9))
    dialog = dialog_for(window, second, qtbot)
    assert dialog.chosen == [first, second]
    dialog.reject()
    window.giving.save([first, second], path, Sharing())
    settle(window, qtbot)
    assert not second.is_unsaved
    assert [note.text for note in snapshot.read_all(path)[1].notes] == ["Why twice?", "Faster"]


def test_a_place_that_cannot_be_written_is_told_and_nothing_counts_as_saved(
    window: MainWindow, pair: list[Document], qtbot: QtBot, tmp_path: Path
) -> None:
    pair[0].notes.take(Note(2, "unsaved"))
    (tmp_path / "file").write_text("")
    window.giving.save([pair[0]], tmp_path / "file" / "x.twin", Sharing())
    settle(window, qtbot)
    assert "Cannot save x.twin" in window.notice.text
    assert pair[0].is_unsaved
