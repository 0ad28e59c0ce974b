"""The numpy-ordered table model keeps Qt's rules, sorts stably and filters."""

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from views.column_table import Column, ColumnTable, ColumnTableModel, ShareBarDelegate
from views.theme import LIGHT


def columns(count: int) -> list[Column]:
    numbers = np.arange(count) % 7
    names = np.array([f"name {row}" for row in range(count)])
    return [
        Column("Name", names, lambda row: str(names[row])),
        Column("Number", numbers, lambda row: str(numbers[row])),
    ]


def shown(model: ColumnTableModel, column: int) -> list[str]:
    return [str(model.index(row, column).data()) for row in range(model.rowCount())]


def test_the_model_keeps_the_rules_of_qt_while_it_is_sorted_and_filtered(qtbot: QtBot) -> None:
    model = ColumnTableModel(columns(50))
    tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Warning
    )  # a warning fails the test
    model.sort(1, Qt.SortOrder.DescendingOrder)
    model.show_rows(np.arange(50) < 20)
    model.sort(0, Qt.SortOrder.AscendingOrder)
    model.set_columns(columns(3))
    assert model.rowCount() == 3
    tester.deleteLater()


def test_sorting_is_stable_both_ways_and_survives_a_filter(qtbot: QtBot) -> None:
    model = ColumnTableModel(columns(20))
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert shown(model, 1)[:4] == ["6", "6", "5", "5"]
    assert shown(model, 0)[:2] == ["name 6", "name 13"]
    model.show_rows(np.arange(20) >= 10)
    assert shown(model, 0)[:2] == ["name 13", "name 12"]


def test_layers_are_cut_at_the_end_that_they_share(qtbot: QtBot) -> None:
    names = [f"stage_{row}.block.separable_convolution" for row in range(3)]
    cut = Qt.TextElideMode.ElideLeft
    ends = Column("Layer", np.array(names), names.__getitem__, whole=names.__getitem__, cut=cut)
    table = ColumnTable(LIGHT)
    qtbot.addWidget(table)
    table.show_columns([ends, columns(3)[1]], sort_by=0)
    option = QStyleOptionViewItem()
    delegate = table.itemDelegate()
    assert isinstance(delegate, ShareBarDelegate)
    delegate.initStyleOption(option, table.columns.index(0, 0))
    assert option.textElideMode == Qt.TextElideMode.ElideLeft
    table.initViewItemOption(option)
    delegate.initStyleOption(option, table.columns.index(0, 1))
    assert option.textElideMode == Qt.TextElideMode.ElideMiddle


def test_a_kept_index_follows_its_row_when_the_order_changes(qtbot: QtBot) -> None:
    table = ColumnTable(LIGHT)
    qtbot.addWidget(table)
    table.show_columns(columns(20), sort_by=0)
    table.selectRow(4)
    picked = table.picked_rows()
    header = table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(1) + 12, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert shown(table.columns, 1)[0] == "6"
    assert table.picked_rows() == picked


def test_long_names_give_way_so_that_figures_stay_in_sight(qtbot: QtBot) -> None:
    names = ["void at::native::elementwise_kernel<float, 4, add_functor>" * 2]
    table = ColumnTable(LIGHT)
    qtbot.addWidget(table)
    table.let_give_way(0)
    table.show_columns(
        [Column("Name", np.array(names), names.__getitem__), columns(1)[1]], sort_by=1
    )
    table.show()
    for width in (300, 500, 250):
        table.resize(width, 200)
        qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() == 0)
        left = table.viewport().width() - table.columnWidth(0) - table.columnWidth(1)
        assert left == 0
    table.resize(3000, 200)
    assert table.columnWidth(0) < 2000  # as wide as the names at most


def test_spare_width_goes_to_cut_names_and_comes_back(qtbot: QtBot) -> None:
    names = ["model/" + "block/" * 20 + "convolution"]
    table = ColumnTable(LIGHT)
    qtbot.addWidget(table)
    table.resize(400, 200)
    table.show()
    table.show_columns(
        [Column("Name", np.array(names), names.__getitem__), columns(1)[1]], sort_by=1
    )
    narrow = table.columnWidth(0)
    needed = table.fontMetrics().horizontalAdvance(names[0])
    assert narrow < needed
    table.resize(3000, 200)
    assert needed < table.columnWidth(0) < 2000
    table.resize(400, 200)
    assert table.columnWidth(0) == narrow
    table.resize(3000, 200)
    table.setColumnWidth(0, 500)  # as a person does
    table.resize(2000, 200)
    assert table.columnWidth(0) >= 500


def test_columns_that_can_be_missed_are_left_out_where_names_had_no_room(qtbot: QtBot) -> None:
    names = ["void at::native::elementwise_kernel<float, 4, add_functor>" * 2]
    table = ColumnTable(LIGHT)
    qtbot.addWidget(table)
    table.let_give_way(0, (2, 3))
    figures = [replace(columns(1)[1], title=f"Figure {number}") for number in range(3)]
    table.show_columns([Column("Name", np.array(names), names.__getitem__), *figures], sort_by=1)
    table.show()
    one = table.columnWidth(1)
    for figures_in_sight, expected in ((3.2, []), (2.2, [2]), (1.2, [2, 3])):
        table.resize(120 + int(figures_in_sight * one), 200)
        qtbot.waitUntil(lambda: table.horizontalScrollBar().maximum() == 0)
        assert [at for at in range(4) if table.isColumnHidden(at)] == expected
    table.resize(1500, 200)
    assert not any(map(table.isColumnHidden, range(4)))
