"""Finding nodes by words and filters, and picking along the flow of data."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCompleter
from pytestqt.qtbot import QtBot

from tests.sample import sample_profile
from tests.views.conftest import ShowView
from tests.views.test_graph import click, node_named, place
from views.graph.view import GraphView

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def found(view: GraphView, text: str) -> list[str]:
    """Names of all nodes that a text finds."""
    nodes: list[int] = []
    view.finder.found.connect(nodes.extend)
    view.finder.field.setText(text)
    strings, names = view.canvas.model.profile.strings, view.canvas.model.graph.nodes.name
    return [strings[int(names[node])] for node in dict.fromkeys(nodes)]


def test_filters_name_operator_scope_and_time(show_view: ShowView) -> None:
    view, _ = show_view("graph", sample_profile(blocks=3))
    assert found(view, "op:conv") == ["conv_0", "conv_1", "conv_2"]
    assert found(view, "scope:blocks/1 op:relu") == ["act_1"]
    assert found(view, "op:conv -scope:blocks/0") == ["conv_1", "conv_2"]
    assert found(view, "time>9% op:conv") == ["conv_0", "conv_1", "conv_2"]
    assert found(view, "time>99%") == []


def test_what_was_found_is_marked_in_the_graph(show_view: ShowView) -> None:
    view, context = show_view("graph")
    view.finder.field.setText("op:conv")
    painter = view.canvas.painter
    assert painter.is_found[node_named(context.profile, "conv_2")]
    assert not painter.is_found[node_named(context.profile, "act_2")]
    view.finder.field.clear()
    assert not painter.is_found.any()


def test_a_wrong_filter_is_told_in_a_sentence(show_view: ShowView) -> None:
    view, context = show_view("graph")
    view.finder.field.setText("time>fast")
    assert "“fast” is not a number" in view.finder.count.text()
    assert view.finder.count.palette().windowText().color() == context.theme.error


def test_filters_complete_while_they_are_typed(show_view: ShowView, qtbot: QtBot) -> None:
    view, _ = show_view("graph")
    qtbot.keyClicks(view.finder.field, "op:aten.ba")
    (completer,) = view.finder.findChildren(QCompleter)
    popup = completer.popup()
    assert [popup.model().index(row, 0).data() for row in range(popup.model().rowCount())] == [
        "op:aten.batch_norm"
    ]
    popup.setCurrentIndex(popup.model().index(0, 0))
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert view.finder.field.text() == "op:aten.batch_norm"
    assert view.finder.count.text() == "1 / 4"
    assert not popup.isVisible()


def test_shift_click_picks_the_path(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    first, last = (node_named(context.profile, name) for name in ("conv_0", "act_1"))
    click(qtbot, view, first)
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, SHIFT, pos=place(view, last))
    strings, names = context.profile.strings, context.profile.authored.nodes.name
    picked = [strings[int(names[node])] for node in context.selection.picked.nodes.tolist()]
    assert sorted(picked) == ["act_0", "act_1", "bn_0", "bn_1", "conv_0", "conv_1"]
    assert view.said.text() == "Path of 5 edges"
    qtbot.mouseMove(view.canvas)
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    assert view.said.text() == ""


def test_a_key_picks_the_neighbours_also(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    middle = node_named(context.profile, "bn_1")
    click(qtbot, view, middle)
    qtbot.keyClick(view.canvas, Qt.Key.Key_N)
    names = {"conv_1", "bn_1", "act_1"}
    expected = sorted(node_named(context.profile, name) for name in names)
    assert context.selection.picked.nodes.tolist() == expected


def test_what_is_picked_is_copied_as_text(show_view: ShowView, qtbot: QtBot) -> None:
    view, context = show_view("graph")
    click(qtbot, view, node_named(context.profile, "conv_0"))
    qtbot.keyClick(view.canvas, Qt.Key.Key_C, CONTROL)
    text = QGuiApplication.clipboard().text()
    assert "conv_0" in text
    assert "aten.conv2d" in text
    assert "conv_1" not in text
    qtbot.keyClick(view.canvas, Qt.Key.Key_Escape)
    qtbot.keyClick(view.canvas, Qt.Key.Key_C, CONTROL)
    assert "conv_1" in QGuiApplication.clipboard().text()


def test_a_note_is_written_by_a_key_and_marked_on_its_node(
    show_view: ShowView, qtbot: QtBot
) -> None:
    view, context = show_view("graph")
    conv = node_named(context.profile, "conv_0")
    click(qtbot, view, conv)
    qtbot.keyClick(view.canvas, Qt.Key.Key_M)
    assert view.side.currentWidget() is view.notes
    qtbot.keyClicks(view.notes.editor, "Too slow")
    assert [note.text for _, note in context.notes.of_node(conv)] == ["Too slow"]
    assert "Too slow" in view.canvas.painter.tip(conv)
    assert found(view, "has:note") == ["conv_0"]
