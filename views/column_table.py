"""A table over numpy columns: sorts and filters by an order vector instead of moving rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from views.plain_tooltip import plain_tooltip
from views.table_actions import TableActions
from views.theme import Theme

_Index = QModelIndex | QPersistentModelIndex
SHARE_ROLE = Qt.ItemDataRole.UserRole
CUT_ROLE = Qt.ItemDataRole.UserRole + 1
_BAR_ALPHA = 70
_MOST_SELECTED = 200
_CELL_MARGIN = 18
_NARROWEST_NAMES, _READABLE_NAMES = 90, 120  # px


@dataclass(frozen=True, eq=False)
class Column:
    """`keys` sort the column, one per row; `text` makes a cell's text from a row number.

    Keys of many long texts are better objects: as an array of numpy's own texts each takes the room
    of the longest.

    `whole` is a text in full where `text` is a short form of it: tooltips and copies have it.
    `cut` is where texts without room for them are cut: names of layers differ at their ends.
    `share` (0 to 1 per row) draws a bar behind the text. Columns of text sort upwards first,
    columns of numbers downwards.
    """

    title: str
    keys: NDArray[Any]
    text: Callable[[int], str]
    share: NDArray[np.float64] | None = None
    tooltip: str = ""
    whole: Callable[[int], str] | None = None
    cut: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle

    def full_text(self, row: int) -> str:
        return (self.whole or self.text)(row)

    @property
    def is_text(self) -> bool:
        return self.keys.dtype.kind in "USO"


class ColumnTableModel(QAbstractTableModel):
    """`rows` are numbers of the caller's table; what is shown is an ordered subset of them."""

    def __init__(self, columns: Sequence[Column] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._shown = np.arange(self._length(), dtype=np.int64)
        self._sorted_by: tuple[int, Qt.SortOrder] | None = None

    def set_columns(self, columns: Sequence[Column]) -> None:
        self.beginResetModel()
        self._columns = tuple(columns)
        self._shown = np.arange(self._length(), dtype=np.int64)
        self._sorted_by = None
        self.endResetModel()

    def show_rows(self, mask: NDArray[np.bool_]) -> None:
        """Show only the rows where `mask` is true, in the present order."""
        self.beginResetModel()
        self._shown = np.flatnonzero(mask)
        if self._sorted_by is not None:
            self._shown = self._ordered(self._shown, *self._sorted_by)
        self.endResetModel()

    def column(self, section: int) -> Column:
        return self._columns[section]

    def is_text(self, section: int) -> bool:
        return self._columns[section].is_text

    def row_at(self, index: _Index) -> int:
        """The caller's row that is drawn at `index`."""
        return int(self._shown[index.row()])

    def shown_rows(self) -> list[int]:
        """The caller's rows as they are drawn, top to bottom."""
        rows: list[int] = self._shown.tolist()
        return rows

    def texts(self, rows: Iterable[int]) -> Iterator[list[str]]:
        """The titles, then the cells of the caller's rows as they read."""
        yield [column.title for column in self._columns]
        for row in rows:
            yield [column.full_text(row) for column in self._columns]

    def values(self, rows: Iterable[int]) -> Iterator[list[Any]]:
        """The titles, then texts and numbers as they are sorted by."""
        yield [column.title for column in self._columns]
        for row in rows:
            yield [
                column.full_text(row) if column.is_text else column.keys[row].item()
                for column in self._columns
            ]

    def indexes_of(self, rows: NDArray[Any]) -> list[QModelIndex]:
        """Where the given rows are drawn, top to bottom; hidden ones are left out."""
        return [self.index(int(at), 0) for at in np.flatnonzero(np.isin(self._shown, rows))]

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column = self._columns[index.column()]
        row = self.row_at(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(row)
        if role == Qt.ItemDataRole.ToolTipRole and column.is_text:
            return plain_tooltip(column.full_text(row))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if column.is_text else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == SHARE_ROLE and column.share is not None:
            return float(column.share[row])
        if role == CUT_ROLE:
            return column.cut
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return column.tooltip or None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(self._columns):
            return
        self.layoutAboutToBeChanged.emit()
        kept = self.persistentIndexList()
        rows = [self.row_at(index) for index in kept]
        self._sorted_by = (column, order)
        self._shown = self._ordered(self._shown, column, order)
        at = {int(row): place for place, row in enumerate(self._shown)} if kept else {}
        self.changePersistentIndexList(
            kept,
            [self.index(at[row], index.column()) for row, index in zip(rows, kept, strict=True)],
        )
        self.layoutChanged.emit()

    def _ordered(
        self, rows: NDArray[np.int64], column: int, order: Qt.SortOrder
    ) -> NDArray[np.int64]:
        keys = self._columns[column].keys[rows]
        ranks = np.unique(keys, return_inverse=True)[1]  # so that descending stays stable too
        if order == Qt.SortOrder.DescendingOrder:
            ranks = -ranks
        return rows[np.argsort(ranks, kind="stable")]

    def _length(self) -> int:
        return len(self._columns[0].keys) if self._columns else 0


class ShareBarDelegate(QStyledItemDelegate):
    """Draws a column's share as a bar behind the figure, and cuts its texts where it says."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fill = theme.accent.toRgb()
        self._fill.setAlpha(_BAR_ALPHA)

    def initStyleOption(self, option: QStyleOptionViewItem, index: _Index) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = index.data(CUT_ROLE) or option.textElideMode

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        share = index.data(SHARE_ROLE)
        if share:
            box = QRectF(option.rect)
            box.setLeft(box.right() - box.width() * min(max(share, 0.0), 1.0))
            painter.fillRect(box, self._fill)
        super().paint(painter, option, index)


class ColumnTable(QTableView):
    """The table widget: rows are selected whole; the first click on a number sorts downwards."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns = ColumnTableModel(parent=self)
        self.setModel(self.columns)
        self.setItemDelegate(ShareBarDelegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.horizontalHeader()  # not kept: its wrapper may go with that of an older table
        header.setHighlightSections(False)
        header.setSortIndicatorShown(True)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._sort_by_click)
        self._sorted: tuple[int, Qt.SortOrder] | None = None
        self._giving_way: int | None = None
        self._left_out: Sequence[int] = ()
        self._wanted: list[int] = []  # the width of each column whose topmost texts are whole
        self._lent: dict[int, tuple[int, int]] = {}  # columns' widths before and with spare room
        self.actions_on_it = TableActions(self, self.columns, self.picked_rows)

    def show_columns(self, columns: Sequence[Column], sort_by: int) -> None:
        """Draw other columns, sorted by one of them in its natural direction."""
        self.columns.set_columns(columns)
        self._sort(sort_by, self._natural_order(sort_by))
        self._wanted = [self._wanted_width(column, at) for at, column in enumerate(columns)]
        self._lent.clear()
        for at, column in enumerate(columns):
            self.setColumnWidth(at, self._width(column, at))
        self.fit_columns()

    def let_give_way(self, names: int, left_out: Sequence[int] = ()) -> None:
        """From now on this column has what the others leave of the width: figures stay in sight.

        Where that is too little, those of `left_out` are hidden, from the first one on.
        """
        self._giving_way, self._left_out = names, left_out
        self.fit_columns()

    def fit_columns(self) -> None:
        """Widen columns of cut text by what the others leave of the table's width."""
        self._give_way()
        self._take_back()
        shown = [at for at in range(len(self._wanted)) if not self.isColumnHidden(at)]
        spare = self.viewport().width() - sum(map(self.columnWidth, shown))
        for at in shown:
            width = self.columnWidth(at)
            more = min(self._wanted[at] - width, spare)
            if more > 0:
                self._lent[at] = width, width + more
                self.setColumnWidth(at, width + more)
                spare -= more

    def picked_rows(self) -> list[int]:
        """The caller's rows that are selected, top to bottom."""
        places = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self.columns.row_at(self.columns.index(place, 0)) for place in places]

    def select(self, rows: NDArray[Any]) -> None:
        """Select the caller's rows alone, as far as they show, and bring the first into sight."""
        found = QItemSelection()
        places = self.columns.indexes_of(rows)[:_MOST_SELECTED]
        for place in places:
            found.select(place, place)
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(found, flag.ClearAndSelect | flag.Rows)
        if places:
            self.scrollTo(places[0])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit_columns()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.actions_on_it.copy_rows()
        else:
            super().keyPressEvent(event)

    def _sort_by_click(self, section: int) -> None:
        order = self._natural_order(section)
        if self._sorted == (section, order):
            order = Qt.SortOrder(1 - order.value)
        self._sort(section, order)

    def _sort(self, section: int, order: Qt.SortOrder) -> None:
        self._sorted = (section, order)
        self.horizontalHeader().setSortIndicator(section, order)
        self.columns.sort(section, order)

    def _natural_order(self, section: int) -> Qt.SortOrder:
        is_text = self.columns.is_text(section)
        return Qt.SortOrder.AscendingOrder if is_text else Qt.SortOrder.DescendingOrder

    def _give_way(self) -> None:
        names, count = self._giving_way, len(self._wanted)
        if names is None or names >= count:
            return
        for at in self._left_out:
            self.setColumnHidden(at, False)
        others = sum(self.columnWidth(at) for at in range(count) if at != names)
        for at in self._left_out:
            if others + min(self._wanted[names], _READABLE_NAMES) <= self.viewport().width():
                break
            others -= self.columnWidth(at)
            self.setColumnHidden(at, True)
        room = max(self.viewport().width() - others, _NARROWEST_NAMES)
        self.setColumnWidth(names, min(self._wanted[names], room))

    def _take_back(self) -> None:
        """Spare room that was lent, except to columns that were given another width since."""
        for at, (before, lent) in self._lent.items():
            if self.columnWidth(at) == lent:
                self.setColumnWidth(at, before)
        self._lent.clear()

    def _width(self, column: Column, at: int) -> int:
        """Wide enough for the title and, within reason, for the topmost cells."""
        most = max(320 if column.is_text else 160, self._title_width(column))
        return min(self._wanted[at], most)

    def _wanted_width(self, column: Column, at: int) -> int:
        shown = range(min(self.columns.rowCount(), 30))
        cells = (column.text(self.columns.row_at(self.columns.index(row, at))) for row in shown)
        widest = max(map(self.fontMetrics().horizontalAdvance, cells), default=0)
        return max(self._title_width(column), widest + _CELL_MARGIN)

    def _title_width(self, column: Column) -> int:
        return self.fontMetrics().horizontalAdvance(column.title + "  ▾") + _CELL_MARGIN
