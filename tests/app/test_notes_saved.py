"""Notes on their way into files: saved, autosaved, and asked about before they are lost."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QMessageBox
from pytestqt.qtbot import QtBot

from app.document import Document
from app.report import exporter_named
from app.sharing import Sharing
from app.window.main_window import MainWindow
from profilers import snapshot
from tests.app.conftest import opened, settle
from tests.sample import sample_profile
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.notes_pane import NotesPane
from views.theme import LIGHT


@pytest.fixture
def document(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> Document:
    path = tmp_path / "sample.twin"
    snapshot.write(sample_profile(), path)
    return opened(window, qtbot, path)


def pane_over(window: MainWindow, document: Document, qtbot: QtBot) -> NotesPane:
    """The notes of a column as its views are given them."""
    context = ViewContext(
        document.profile,
        document.selection,
        LIGHT,
        TimeAxis(),
        ValueAxis(),
        notes=document.notes,
    )
    pane = NotesPane(context)
    qtbot.addWidget(pane)
    pane.show()
    qtbot.waitExposed(pane)
    return pane


def write_note(pane: NotesPane, document: Document, qtbot: QtBot, text: str) -> None:
    document.selection.pick_nodes([4])
    qtbot.keyClicks(pane.editor, text)


def title_of(window: MainWindow, document: Document) -> str:
    labels = window.board.header(document).findChildren(QLabel)
    return next(label.text() for label in labels if label.text().startswith(document.title))


def test_a_note_is_written_saved_and_seen_by_the_next_reader(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path
) -> None:
    assert not title_of(window, document).endswith("●")
    write_note(pane_over(window, document, qtbot), document, qtbot, "look here")
    assert title_of(window, document).endswith("●")
    path = tmp_path / "noted.twin"
    window.giving.save([document], path, Sharing())
    settle(window, qtbot)
    assert not title_of(window, document).endswith("●")
    again = opened(window, qtbot, path)
    pane = pane_over(window, again, qtbot)
    texts = [pane.everything.item(at).text() for at in range(pane.everything.count())]
    assert texts == ["bn_0: Why twice?", "conv_1: look here"]
    again.selection.pick_nodes([4])
    assert pane.editor.toPlainText() == "look here"


def test_closing_asks_before_notes_are_lost(
    window: MainWindow, document: Document, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def keep(parent: object, title: str, text: str, *more: object) -> QMessageBox.StandardButton:
        asked.append(text)
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", keep)
    write_note(pane_over(window, document, qtbot), document, qtbot, "keep me")
    window.close_column(document)
    assert not window.close()
    assert document in window.session.documents
    assert len(asked) == 2
    assert document.title in asked[0]


def test_notes_are_autosaved_and_the_copy_goes_when_they_are_saved(
    window: MainWindow, document: Document, qtbot: QtBot, tmp_path: Path
) -> None:
    write_note(pane_over(window, document, qtbot), document, qtbot, "after a crash")
    qtbot.waitUntil(lambda: document.unsaved_snapshot is not None, timeout=15_000)
    copy = document.unsaved_snapshot
    assert copy is not None
    assert [note.text for note in snapshot.read(copy).notes] == ["Why twice?", "after a crash"]
    write_note(pane_over(window, document, qtbot), document, qtbot, "more: ")
    qtbot.waitUntil(lambda: document.unsaved_snapshot != copy, timeout=15_000)
    assert not copy.exists()
    window.giving.save([document], tmp_path / "saved.twin", Sharing())
    settle(window, qtbot)
    assert document.unsaved_snapshot is None
    assert not list(window.session.autosave.folder.glob("*.twin"))


def test_notes_on_a_preview_stay_when_the_model_is_run(
    window: MainWindow, document: Document, qtbot: QtBot
) -> None:
    write_note(pane_over(window, document, qtbot), document, qtbot, "stays")
    document.show_profile(sample_profile(blocks=2))
    assert [(note.node, note.text) for note in document.notes.all] == [
        (2, "Why twice?"),
        (4, "stays"),
    ]
    assert document.is_unsaved


def test_notes_are_written_among_the_tables(tmp_path: Path) -> None:
    exporter_named("csv").write(sample_profile(), tmp_path / "tables")
    lines = (tmp_path / "tables" / "notes.csv").read_text().splitlines()
    assert lines == [
        "node,slice,begin_ns,end_ns,author,written_unix_ns,text,id,answer_to",
        "bn_0,,,,Ada,1700000000000000000,Why twice?,,",
    ]
