"""Notes and bookmarks on slices and time ranges, written in the timeline."""

import numpy as np
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from profilers.profile import Note
from tests.sample import MS
from tests.views.conftest import ShowView

LEFT = Qt.MouseButton.LeftButton


def texts_of(view: object) -> list[str]:
    items = view.notes.everything  # type: ignore[attr-defined]
    return [items.item(at).text() for at in range(items.count())]


def test_n_writes_a_note_on_the_picked_slice(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    row = int(np.flatnonzero(context.profile.trace.slices.node == 4)[0])
    context.selection.pick_slice(row)
    qtbot.keyClick(view.canvas, Qt.Key.Key_N)
    assert view.notes.isVisible()
    qtbot.keyClicks(view.notes.editor, "waits for the copy")
    (note,) = context.notes.all
    assert (note.slice, note.node, note.text) == (row, -1, "waits for the copy")
    assert texts_of(view) == ["aten::conv2d at 2 ms: waits for the copy"]
    assert not context.notes.nodes


def test_a_sign_stands_over_a_noted_slice_and_shows_the_note(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    rows = np.flatnonzero(context.profile.trace.slices.node == 4)
    context.notes.take(Note(-1, "slow", "Ada", slice=int(rows[1])))
    assert view.marks.isVisible()
    (noted,) = view.scene.marks.noted
    assert noted.texts == ("slow — Ada",)
    box = view.marks.sign_box(noted)
    picture = view.marks.grab().toImage()
    assert picture.pixelColor(round(box.left()) + 1, 3) == context.theme.warning
    qtbot.mouseClick(view.marks, LEFT, pos=QPoint(round(box.center().x()), 8))
    assert context.selection.picked.focus == ("slice", int(rows[1]))
    assert view.notes.editor.toPlainText() == "slow"


def test_a_range_is_noted_and_its_entry_leads_back_to_it(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    context.selection.pick_time_range(3 * MS, 5 * MS)
    qtbot.keyClick(view.canvas, Qt.Key.Key_N)
    qtbot.keyClicks(view.notes.editor, "idle")
    assert view.scene.marks.all == [(3 * MS, 5 * MS)]
    context.selection.clear()
    assert view.notes.title.text() == "Pick a slice or a time range to note"
    view.notes.everything.setFocus()
    view.notes.everything.setCurrentRow(0)
    qtbot.keyClick(view.notes.everything, Qt.Key.Key_Return)
    assert context.selection.picked.time_range_ns == (3 * MS, 5 * MS)
    assert view.notes.editor.toPlainText() == "idle"


def test_a_kept_mark_is_a_bookmark_and_removing_marks_keeps_what_was_written(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("timeline")
    context.selection.pick_time_range(3 * MS, 5 * MS)
    qtbot.keyClick(view.canvas, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    (bookmark,) = context.notes.all
    assert bookmark.is_bookmark
    assert bookmark.time_range_ns == (3 * MS, 5 * MS)
    assert texts_of(view) == ["2 ms from 3 ms: ★"]
    context.notes.take(Note(-1, "written", begin_ns=7 * MS, end_ns=8 * MS))
    view.scene.marks.clear()
    assert [note.text for note in context.notes.all] == ["written"]
    assert view.marks.isVisible()


def test_a_note_that_looks_like_markup_is_shown_as_it_is(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("timeline")
    context.notes.take(Note(-1, "<b>no</b>\n<img src='/etc/x'>", begin_ns=3 * MS, end_ns=5 * MS))
    told = view.notes.everything.item(0).toolTip()
    assert "&lt;b&gt;no&lt;/b&gt;" in told
    (noted,) = view.scene.marks.noted
    x = view.marks.sign_box(noted).center().x()
    assert "&lt;img src=" in view.marks._tooltip_at(x)
