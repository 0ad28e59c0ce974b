"""Notes on nodes: written, edited, listed and deleted by mouse and keys."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget
from pytestqt.qtbot import QtBot

from profilers.analysis.carried_notes import carried_notes
from profilers.profile import Graph, Note, Profile, node_pin
from tests.sample import MS, sample_profile
from views.axes import TimeAxis, ValueAxis
from views.context import ViewContext
from views.graph.view import GraphView
from views.notes import Notes
from views.notes_pane import NotesPane
from views.selection import Selection
from views.theme import LIGHT


@pytest.fixture
def context() -> ViewContext:
    profile = sample_profile()
    return ViewContext(
        profile, Selection(profile), LIGHT, TimeAxis(), ValueAxis(), notes=Notes(profile.notes)
    )


@pytest.fixture
def pane(context: ViewContext, qtbot: QtBot) -> NotesPane:
    pane = NotesPane(context)
    qtbot.addWidget(pane)
    pane.resize(300, 500)
    pane.show()
    qtbot.waitExposed(pane)
    return pane


def lines(items: QListWidget) -> list[str]:
    return [items.item(at).text() for at in range(items.count())]


def test_notes_read_from_a_file_are_listed_and_opened(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    assert lines(pane.everything) == ["bn_0: Why twice?"]
    assert not pane.editor.isEnabled()
    rectangle = pane.everything.visualItemRect(pane.everything.item(0))
    qtbot.mouseClick(pane.everything.viewport(), Qt.MouseButton.LeftButton, pos=rectangle.center())
    assert context.selection.picked.nodes.tolist() == [2]
    assert pane.title.text() == "bn_0"
    assert pane.editor.toPlainText() == "Why twice?"
    assert lines(pane.of_pin)[0].startswith("Why twice?\nAda, ")
    assert not context.notes.is_changed


def test_what_is_typed_is_a_note_at_once(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    pane.author.clear()
    qtbot.keyClicks(pane.author, "Grace")
    context.selection.pick_nodes([4])
    qtbot.keyClicks(pane.editor, "slow?")
    (note,) = [note for _, note in context.notes.of_node(4)]
    assert (note.text, note.author) == ("slow?", "Grace")
    assert note.written_unix_ns > 1_700_000_000_000_000_000
    assert context.notes.is_changed
    assert lines(pane.everything) == ["bn_0: Why twice?", "conv_1: slow?"]
    qtbot.keyClicks(pane.editor, " yes")
    assert [note.text for _, note in context.notes.of_node(4)] == ["slow? yes"]
    context.selection.pick_nodes([5])
    assert pane.editor.toPlainText() == ""
    context.selection.pick_nodes([4])
    assert pane.editor.toPlainText() == "slow? yes"


def test_a_node_can_have_several_notes(pane: NotesPane, context: ViewContext, qtbot: QtBot) -> None:
    context.selection.pick_nodes([2])
    qtbot.mouseClick(pane.new, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(pane.editor, "another")
    assert [note.text for _, note in context.notes.of_node(2)] == ["Why twice?", "another"]
    pane.of_pin.setFocus()
    qtbot.keyClick(pane.of_pin, Qt.Key.Key_Up)
    assert pane.editor.toPlainText() == "Why twice?"
    pane.editor.selectAll()
    qtbot.keyClicks(pane.editor, "since the graph says so")
    texts = [note.text for _, note in context.notes.of_node(2)]
    assert texts == ["since the graph says so", "another"]


def test_notes_are_deleted_by_button_by_key_and_by_emptying(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    for node in (1, 2, 3):
        context.notes.add(node, f"about {node}")
    context.selection.pick_nodes([2])
    assert pane.editor.toPlainText() == "Why twice?"
    qtbot.mouseClick(pane.delete, Qt.MouseButton.LeftButton)
    assert lines(pane.everything) == ["conv_0: about 1", "bn_0: about 2", "act_0: about 3"]
    pane.everything.setFocus()
    pane.everything.setCurrentRow(0)
    qtbot.keyClick(pane.everything, Qt.Key.Key_Delete)
    assert lines(pane.everything) == ["bn_0: about 2", "act_0: about 3"]
    context.selection.pick_nodes([3])
    pane.editor.selectAll()
    qtbot.keyClick(pane.editor, Qt.Key.Key_Backspace)
    assert [note.node for note in context.notes.all] == [2]


def test_enter_in_the_list_picks_the_node(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    pane.everything.setFocus()
    pane.everything.setCurrentRow(0)
    qtbot.keyClick(pane.everything, Qt.Key.Key_Return)
    assert context.selection.picked.nodes.tolist() == [2]


def test_several_picked_nodes_have_no_note_in_common(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    context.selection.pick_nodes([1, 2])
    assert not pane.editor.isEnabled()
    assert not pane.new.isEnabled()
    assert lines(pane.of_pin) == []


def test_taking_a_change_back_leaves_nothing_to_save() -> None:
    notes = Notes([Note(1, "a")])
    key = notes.add(2, "b")
    assert notes.is_changed
    assert notes.nodes == [1, 2]
    notes.remove(key)
    assert not notes.is_changed
    notes.add(2, "b")
    notes.mark_saved()
    assert not notes.is_changed


def test_notes_are_carried_to_the_nodes_of_the_same_name() -> None:
    before, after = sample_profile(blocks=4), sample_profile(blocks=2)
    after = replace(after, notes=(Note(1, "there already"),))
    notes = [Note(13, "the end"), Note(4, "same place"), Note(12, "gone"), Note(1, "there already")]
    assert list(carried_notes(notes, before, after)) == [
        Note(7, "the end"),
        Note(4, "same place"),
        Note(0, "act_3: gone"),
    ]
    assert not list(carried_notes(notes, before, Profile("none", graphs=(Graph.empty(),))))


def test_notes_on_slices_are_carried_to_the_same_slice_or_to_its_time() -> None:
    before, after = sample_profile(steps=3), sample_profile(steps=3)
    slices = after.trace.slices
    row = int(np.flatnonzero(slices.duration_ns == 9 * MS)[1])
    shifted = after.trace.slices.replace(start_ns=slices.start_ns + np.arange(len(slices)))
    moved = replace(after, trace=replace(after.trace, slices=shifted))
    note = Note(-1, "long", slice=row)
    assert list(carried_notes([note], before, after)) == [note]
    (gone,) = carried_notes([note], before, moved)
    assert (gone.slice, gone.time_range_ns) == (-1, (10 * MS, 19 * MS))


def test_an_answer_stands_under_what_it_answers_and_names_its_author(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    context.notes.add(2, "another")
    context.selection.pick_nodes([2])
    assert pane.editor.toPlainText() == "Why twice?"
    pane.author.clear()
    qtbot.keyClicks(pane.author, "Grace")
    qtbot.mouseClick(pane.reply, Qt.MouseButton.LeftButton)
    assert pane.editor.placeholderText() == "Answer Ada"
    qtbot.keyClicks(pane.editor, "Because of the fallback")
    (asked, answer) = (note for _, note in context.notes.of_node(2) if note.text != "another")
    assert (answer.author, answer.answer_to) == ("Grace", asked.id)
    first_lines = [line.partition("\n")[0] for line in lines(pane.of_pin)]
    assert first_lines == ["Why twice?", "↳ Because of the fallback", "another"]
    assert lines(pane.everything)[1] == "↳ bn_0: Because of the fallback"


def test_answers_in_a_circle_are_all_shown() -> None:
    notes = [Note(1, "a", id="a", answer_to="b"), Note(1, "b", id="b", answer_to="a")]
    assert sorted(note.text for _, note in Notes(notes).of_pin(node_pin(1))) == ["a", "b"]


def test_a_bookmark_is_set_listed_and_taken_away(
    pane: NotesPane, context: ViewContext, qtbot: QtBot
) -> None:
    context.selection.pick_nodes([4])
    qtbot.mouseClick(pane.bookmark, Qt.MouseButton.LeftButton)
    assert lines(pane.everything) == ["bn_0: Why twice?", "conv_1: ★"]
    qtbot.mouseClick(pane.bookmark, Qt.MouseButton.LeftButton)
    assert lines(pane.everything) == ["bn_0: Why twice?"]


def test_a_reader_sees_how_many_notes_were_left(context: ViewContext, qtbot: QtBot) -> None:
    view = GraphView(context)
    qtbot.addWidget(view)
    titles = [view.side.tabText(at) for at in range(view.side.count())]
    assert "Notes 1" in titles
    key = context.notes.add(4, "another")
    assert view.side.tabText(view.side.indexOf(view.notes)) == "Notes 2"
    for each in (key, context.notes.entries()[0][0]):
        context.notes.remove(each)
    assert view.side.tabText(view.side.indexOf(view.notes)) == "Notes"
