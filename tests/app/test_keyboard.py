"""The window by keyboard alone: Tab gets out of everything, and where it is can be seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QTableView, QTreeWidget, QWidget
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow
from app.window.palette import KeySheet
from profilers.profile import Profile
from tests.app.conftest import settle
from tests.sample import sample_profile


def test_tab_leaves_every_table(two: MainWindow, qtbot: QtBot) -> None:
    tables = [each for each in two.findChildren(QTableView) if each.isVisible()]
    assert len(tables) > 3
    for table in tables:
        table.setFocus(Qt.FocusReason.TabFocusReason)
        assert QApplication.focusWidget() is table
        qtbot.keyClick(table, Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is not table


@pytest.mark.parametrize("name", ["Memory over time", "Fused groups and their members"])
def test_drawn_views_show_that_they_hold_the_keys(two: MainWindow, qtbot: QtBot, name: str) -> None:
    document = two.session.documents[0]
    view_id = "memory" if name.startswith("Memory") else "fusion"
    view = two.board.view(document, view_id)
    (drawn,) = (each for each in view.findChildren(QWidget) if each.accessibleName() == name)
    two.setFocus()
    before = drawn.grab().toImage()
    drawn.setFocus(Qt.FocusReason.TabFocusReason)
    assert drawn.grab().toImage() != before


def test_the_sheet_of_keys_lists_those_of_every_drawn_view(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.actions_by_id["help.keys"].trigger()
    (sheet,) = window.findChildren(KeySheet)
    (tree,) = sheet.findChildren(QTreeWidget)
    items = [tree.topLevelItem(at) for at in range(tree.topLevelItemCount())]
    rows = [tuple(item.text(column) for column in range(3)) for item in items if item]
    assert {"Timeline", "Graph", "Memory"} <= {where for where, _, _ in rows}
    assert all(all(row) for row in rows)
    assert len(set(rows)) == len(rows)


def test_tab_goes_through_the_window_with_one_stop_for_all_titles(
    two: MainWindow, qtbot: QtBot
) -> None:
    a, b = two.session.documents
    board = two.board
    rows = (board.rows[0], board.compare, *board.rows[1:])
    titles = [button for row in rows for button in row.title_buttons]
    first = titles[0]
    first.setFocus(Qt.FocusReason.TabFocusReason)
    stops: list[QWidget] = [first]
    while len(stops) < 200:
        before = stops[-1]
        qtbot.keyClick(before, Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        assert now is not None
        if now is first:
            break
        if now is not before:  # else from link to link
            stops.append(now)
    assert now is first
    assert len(set(stops)) == len(stops)
    assert [each for each in stops if each in titles] == [first]
    areas = [
        board.view(document, view_id)
        for view_id in ("summary", "graph", "fusion", "memory", "timeline", "operators")
        for document in (a, b)
    ]
    areas += [board.header(a), board.header(b)]
    places = [
        next(at for at, stop in enumerate(stops) if area.isAncestorOf(stop)) for area in areas
    ]
    assert places == sorted(places)
    qtbot.keyClick(first, Qt.Key.Key_Down)
    assert titles[1].hasFocus()
    qtbot.keyClick(titles[1], Qt.Key.Key_Down)
    assert QApplication.focusWidget() in titles[2:]
    qtbot.keyClick(titles[1], Qt.Key.Key_Up)
    assert first.hasFocus()
    back = [first]
    while len(back) < len(stops):
        qtbot.keyClick(back[-1], Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)
        now = QApplication.focusWidget()
        assert now is not None
        back.append(now)
    assert back[1:] == stops[:0:-1]


def test_tab_brings_what_it_reaches_into_sight(two: MainWindow, qtbot: QtBot) -> None:
    view = two.board.view(two.session.documents[0], "operators")
    assert view.table.visibleRegion().isEmpty()
    view.filter.setFocus()
    qtbot.keyClick(view.filter, Qt.Key.Key_Tab)
    assert view.table.hasFocus()
    assert not view.table.visibleRegion().isEmpty()


def test_arrows_go_along_a_tool_bar_and_change_its_choices(two: MainWindow, qtbot: QtBot) -> None:
    view = two.board.view(two.session.documents[0], "graph")
    colour, size, flat = view.bar.colour_by, view.bar.size_by, view.bar.flat
    colour.setFocus()
    before = colour.currentIndex()
    qtbot.keyClick(colour, Qt.Key.Key_Down)
    assert colour.currentIndex() == before + 1
    qtbot.keyClick(colour, Qt.Key.Key_Right)
    assert size.hasFocus()
    qtbot.keyClick(size, Qt.Key.Key_Right)
    assert flat.hasFocus()
    qtbot.keyClick(flat, Qt.Key.Key_Tab)
    qtbot.keyClick(
        QApplication.focusWidget(), Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier
    )
    assert flat.hasFocus()


def test_arrows_go_from_link_to_link_and_enter_takes_one(two: MainWindow, qtbot: QtBot) -> None:
    legend = two.board.view(two.session.documents[0], "memory").legend
    taken: list[str] = []
    legend.toggled.connect(taken.append)
    legend.setFocus(Qt.FocusReason.TabFocusReason)
    first = legend.selectedText()
    qtbot.keyClick(legend, Qt.Key.Key_Right)
    second = legend.selectedText()
    qtbot.keyClick(legend, Qt.Key.Key_Left)
    qtbot.keyClick(legend, Qt.Key.Key_Left)
    assert "" != first == legend.selectedText() != second
    qtbot.keyClick(legend, Qt.Key.Key_Return)
    (part,) = taken
    assert part[:6] in first
    qtbot.keyClick(legend, Qt.Key.Key_Tab)
    assert not legend.hasFocus()


def test_the_choices_of_a_comparison_are_one_stop(two: MainWindow, qtbot: QtBot) -> None:
    view = two.board.compare.view
    assert view is not None
    view.a.setFocus()
    qtbot.keyClick(view.a, Qt.Key.Key_Right)
    assert view.swap.hasFocus()
    qtbot.keyClick(view.swap, Qt.Key.Key_Tab)
    assert view.figures.hasFocus()
    view.figures.resize(view.figures.width() // 3, view.figures.height())
    letters = view.figures.fontMetrics().averageCharWidth()
    assert view.figures.columnWidth(0) >= 10 * letters  # can be read however narrow it is


def test_going_to_a_row_moves_the_keys_even_where_a_column_has_nothing_there(
    window: MainWindow, qtbot: QtBot
) -> None:
    fused = sample_profile()
    slices = fused.trace.slices.replace(group=np.full(len(fused.trace.slices), -1, np.int32))
    trace = replace(fused.trace, slices=slices)
    apart = replace(fused, fusion=Profile("a").fusion, trace=trace)
    for name, profile in (("a", apart), ("b", fused)):
        window.session.show(Path(f"{name}.twin"), profile)
        settle(window, qtbot)
    with qtbot.waitActive(window):
        window.activateWindow()
    first, second = window.session.documents
    window.going.to_row("graph")
    window.going.to_row("fusion")
    fusion = window.board.row("fusion")
    assert window.board.place_of(QApplication.focusWidget()) == (fusion, second)
    window.going.to_column(1)
    assert window.board.header(first).isAncestorOf(QApplication.focusWidget())
    blank = next(row for row in window.board.rows if row.is_blank)
    window.going.to_row(blank.spec.id)
    assert window.board.place_of(QApplication.focusWidget()) == (blank, None)
