"""Keys that people bring along from other tools, in the whole window."""

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDragLeaveEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget
from pytestqt.qtbot import QtBot

from app.sharing import Sharing
from app.window.drop_mark import DropMark
from app.window.find_everywhere import FindEverywhere
from app.window.main_window import MainWindow
from app.window.palette import CommandPalette, KeySheet
from tests.app.conftest import opened, settle
from tests.app.test_main_job import drag_over, drop

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


def test_escape_clears_first_then_leaves_the_row_and_full_screen(
    two: MainWindow, qtbot: QtBot
) -> None:
    board, document = two.board, two.session.documents[0]
    canvas = board.view(document, "timeline").canvas
    canvas.setFocus()
    two.toggle_full_screen()
    press(two, qtbot, Qt.Key.Key_F12, CONTROL | SHIFT)
    document.selection.pick_nodes([1])

    def where() -> tuple[bool, bool, bool]:
        return document.selection.picked.is_empty, board.filling is None, not two.isFullScreen()

    steps = [where()]
    for _ in range(3):
        press(two, qtbot, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        steps.append(where())
    assert steps == [
        (False, False, False), (True, False, False), (True, True, False), (True, True, True),
    ]  # fmt: skip


@pytest.mark.parametrize("view_id", ["graph", "fusion", "memory", "operators"])
def test_escape_leaves_the_row_from_every_view(two: MainWindow, qtbot: QtBot, view_id: str) -> None:
    two.board.toggle_fill(two.board.row(view_id))
    two.going.to_row(view_id)
    press(two, qtbot, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    assert two.board.filling is None


def test_f2_renames_a_column_for_the_window_and_its_snapshots(
    two: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    a, b = two.session.documents
    two.board.view(b, "timeline").canvas.setFocus()
    old = b.title
    for end in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
        press(two, qtbot, Qt.Key.Key_F2, Qt.KeyboardModifier.NoModifier)
        field = two.focusWidget()
        assert isinstance(field, QLineEdit)
        assert field.text() == old
        qtbot.keyClicks(field, "after")
        qtbot.keyClick(field, end)
        assert not field.isVisible()
        assert b.title == (old if end == Qt.Key.Key_Escape else "after")
    assert a.title == old
    two.session.save([b], tmp_path / "b.twin", Sharing(), lambda path: None)
    settle(two, qtbot)
    assert opened(two, qtbot, tmp_path / "b.twin").title == "after"


@pytest.mark.parametrize(
    ("key", "moves", "measures"),
    [("1", False, True), ("2", True, False), ("3", True, False), ("4", False, True)],
)
def test_numbers_choose_what_dragging_does_in_a_timeline(
    two: MainWindow, qtbot: QtBot, key: str, moves: bool, measures: bool
) -> None:
    document = two.session.documents[0]
    view = two.board.view(document, "timeline")
    axis = view.scene.context.time_axis
    axis.zoom(4, 0.0)
    before = axis.begin_ns, axis.end_ns
    view.canvas.setFocus()
    qtbot.keyClick(view.canvas, key)
    begin, end = QPoint(80, 20), QPoint(40, 20)
    qtbot.mousePress(view.canvas, Qt.MouseButton.LeftButton, pos=begin)
    qtbot.mouseMove(view.canvas, end)
    qtbot.mouseRelease(view.canvas, Qt.MouseButton.LeftButton, pos=end)
    assert ((axis.begin_ns, axis.end_ns) != before) == moves
    assert (document.selection.picked.time_range_ns is not None) == measures


def test_a_drag_of_files_is_welcomed_as_long_as_it_is_over_the_window(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    mark = window.findChild(DropMark)
    assert mark is not None
    assert mark.isHidden()
    paths = [tmp_path / f"{name}.twin" for name in "abcdef"]
    drag_over(window, *paths[:1])
    assert mark.isVisible()
    assert mark.geometry() == window.rect()
    assert mark.text.endswith("a.twin")
    assert window.childAt(50, 50) is not mark
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert mark.isHidden()
    drag_over(window, *paths)
    assert "d.twin\nand 2 more" in mark.text
    shutil.copy(SNAPSHOT, paths[0])
    drop(window, paths[0])
    assert mark.isHidden()
    qtbot.waitUntil(lambda: len(window.session.documents) == 1)
    settle(window, qtbot)


def test_files_dropped_on_a_chart_a_field_or_a_folder_of_them_open(
    two: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    for name in ("c.twin", "d.twin"):
        shutil.copy(SNAPSHOT, tmp_path / name)
    (tmp_path / "notes.txt").write_text("nothing to open")
    a = two.session.documents[0]
    filter_ = two.board.view(a, "operators").filter
    for widget, path, more in (
        (two.board.view(a, "memory").chart.viewport(), tmp_path / "c.twin", 1),
        (filter_, tmp_path, 2),
    ):
        count = len(two.session.documents)
        drop(widget, path)
        qtbot.waitUntil(lambda count=count, more=more: len(two.session.documents) == count + more)
        settle(two, qtbot)
    assert not filter_.text()
    assert two.notice.isHidden()
