"""Keys that people bring along from other tools, in the whole window."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget
from pytestqt.qtbot import QtBot

from app.window.find_everywhere import FindEverywhere
from app.window.main_window import MainWindow
from app.window.palette import CommandPalette, KeySheet
from tests.app.conftest import opened, settle

SNAPSHOT = Path(__file__).parents[1] / "profilers" / "third_version.twin"
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def press(window: MainWindow, qtbot: QtBot, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    qtbot.keyClick(QApplication.focusWidget() or window, key, modifiers)


def test_a_number_with_alt_goes_to_a_row_and_folds_it_the_second_time(
    two: MainWindow, qtbot: QtBot
) -> None:
    document = two.session.documents[0]
    row = two.board.row("timeline")
    row.set_folded(True)
    two.board.header(document).setFocus()
    press(two, qtbot, Qt.Key.Key_5, ALT)
    assert not row.is_folded
    assert row.isAncestorOf(QApplication.focusWidget())
    assert not row.visibleRegion().isEmpty()
    press(two, qtbot, Qt.Key.Key_5, ALT)
    assert row.is_folded


def test_control_tab_goes_round_the_columns_in_the_same_row(two: MainWindow, qtbot: QtBot) -> None:
    a, b = (two.board.view(each, "timeline") for each in two.session.documents)
    a.canvas.setFocus()
    assert two.current() is two.session.documents[0]
    press(two, qtbot, Qt.Key.Key_Tab, CONTROL)
    assert b.canvas.hasFocus()
    assert two.current() is two.session.documents[1]
    press(two, qtbot, Qt.Key.Key_Tab, CONTROL)
    assert a.canvas.hasFocus()
    press(two, qtbot, Qt.Key.Key_Backtab, CONTROL | SHIFT)
    assert b.canvas.hasFocus()


def test_control_f_finds_in_the_view_with_the_keys_and_else_in_its_graph(
    two: MainWindow, qtbot: QtBot
) -> None:
    document = two.session.documents[0]
    board = two.board
    timeline, operators = board.view(document, "timeline"), board.view(document, "operators")
    timeline.canvas.setFocus()
    press(two, qtbot, Qt.Key.Key_F, CONTROL)
    assert timeline.search.field.hasFocus()
    operators.table.setFocus()
    press(two, qtbot, Qt.Key.Key_F, CONTROL)
    assert operators.filter.hasFocus()
    board.view(document, "memory").chart.setFocus()
    press(two, qtbot, Qt.Key.Key_F, CONTROL)
    assert board.view(document, "graph").finder.field.hasFocus()


def test_a_row_fills_the_window_by_key_and_gives_it_back(two: MainWindow, qtbot: QtBot) -> None:
    board = two.board
    board.view(two.session.documents[0], "timeline").canvas.setFocus()
    press(two, qtbot, Qt.Key.Key_F12, CONTROL | SHIFT)
    assert board.row("timeline").isVisible()
    assert not board.row("graph").isVisible()
    press(two, qtbot, Qt.Key.Key_F12, CONTROL | SHIFT)
    assert board.row("graph").isVisible()


def test_shift_twice_opens_all_commands_but_not_with_a_letter_between(
    two: MainWindow, qtbot: QtBot
) -> None:
    interval = QApplication.doubleClickInterval()
    QApplication.setDoubleClickInterval(600_000)  # however slow the machine is
    try:
        press(two, qtbot, Qt.Key.Key_Shift, Qt.KeyboardModifier.NoModifier)
        press(two, qtbot, Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier)
        press(two, qtbot, Qt.Key.Key_Shift, Qt.KeyboardModifier.NoModifier)
        assert not two.findChildren(CommandPalette)
        press(two, qtbot, Qt.Key.Key_Shift, Qt.KeyboardModifier.NoModifier)
    finally:
        QApplication.setDoubleClickInterval(interval)
    (palette,) = two.findChildren(CommandPalette)
    assert palette.isVisible()
    palette.close()


def test_the_buttons_of_the_mouse_go_back_and_forward_in_linked_columns(
    two: MainWindow, qtbot: QtBot
) -> None:
    selection, other = (document.selection for document in two.session.documents)
    selection.pick_nodes([1])
    twins = other.picked.nodes.tolist()
    assert twins
    selection.pick_nodes([2])
    assert other.picked.nodes.tolist() not in ([], twins)
    canvas = two.board.view(two.session.documents[0], "timeline").canvas
    qtbot.mouseClick(canvas, Qt.MouseButton.BackButton)
    assert selection.picked.nodes.tolist() == [1]
    assert other.picked.nodes.tolist() == twins
    qtbot.mouseClick(canvas, Qt.MouseButton.ForwardButton)
    assert selection.picked.nodes.tolist() == [2]


def test_control_e_offers_recent_files_and_enter_opens_one(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "recent & old.twin"
    shutil.copy(SNAPSHOT, path)
    document = opened(window, qtbot, path)
    window.close_column(document)
    window.actions_by_id["go.recent"].trigger()
    (palette,) = window.findChildren(CommandPalette)
    (files,) = palette.findChildren(QListWidget)
    assert files.item(0).text().startswith("recent & old.twin")
    qtbot.keyClick(files, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(window.session.documents) == 1)
    settle(window, qtbot)


@pytest.mark.parametrize(
    ("typed", "kind"), [("conv_1", "node"), ("conv_relu_1", "group"), ("1.conv.weight", "node")]
)
def test_control_shift_f_finds_in_all_views_and_columns_and_picks(
    two: MainWindow, qtbot: QtBot, typed: str, kind: str
) -> None:
    press(two, qtbot, Qt.Key.Key_F, CONTROL | SHIFT)
    (finder,) = two.findChildren(FindEverywhere)
    (field,), (found,) = finder.findChildren(QLineEdit), finder.findChildren(QListWidget)
    field.setText(typed)

    def titles() -> list[str]:
        return [found.item(at).text() for at in range(found.count())]

    columns = {each.title for each in two.session.documents}
    qtbot.waitUntil(lambda: {each.rpartition("—")[2].strip() for each in titles()} == columns)
    assert all(typed in title for title in titles())
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert not finder.isVisible()
    picked = [document.selection.picked for document in two.session.documents]
    assert kind in [each.focus[0] for each in picked]
    assert all(len(each.nodes) for each in picked)
    keys_at = two.focusWidget()
    row, document = two.board.place_of(keys_at)
    assert keys_at is not None
    assert row is not None
    assert row.spec.id in ("graph", "fusion", "timeline")
    assert document is two.session.documents[0]
    qtbot.keyClick(keys_at, Qt.Key.Key_Escape)
    assert document.selection.picked.is_empty


def test_no_two_commands_share_a_key(window: MainWindow) -> None:
    keys = [each.toString() for a in window.actions_by_id.values() for each in a.shortcuts()]
    assert all(keys)
    assert len(set(keys)) == len(keys)


def test_the_sheet_of_keys_can_be_filtered(window: MainWindow, qtbot: QtBot) -> None:
    sheet = KeySheet(window.commands, window)
    sheet.show()
    tree = sheet._sheet
    sheet._filter("undo zoom")
    shown = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    shown = [item.text(1) for item in shown if not item.isHidden()]
    assert shown == ["Backspace, Ctrl+Z"] * 2
    sheet.close()
