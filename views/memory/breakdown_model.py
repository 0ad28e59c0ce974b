"""A breakdown of memory as a Qt tree."""

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt

from profilers.analysis.memory.breakdown import Breakdown
from profilers.analysis.memory.groups import STACKED, category_name
from profilers.units import format_bytes, format_percent
from views.column_table import SHARE_ROLE

_Index = QModelIndex | QPersistentModelIndex
_NO_INDEX = QModelIndex()


class BreakdownModel(QAbstractItemModel):
    """Columns: name, bytes, share of all, then the bytes of each category that there is."""

    def __init__(self, found: Breakdown, title: str) -> None:
        super().__init__()
        self.breakdown = found
        self._bytes = found.row_bytes
        self._categories = [each for each in STACKED if found.bytes[:, each].any()]
        if len(self._categories) < 2:
            self._categories = []
        self._titles = [
            title,
            self.tr("Bytes"),
            self.tr("Share"),
            self.tr("Blocks"),
            *map(category_name, self._categories),
        ]
        order = np.argsort(found.parent, kind="stable")
        bounds = np.searchsorted(found.parent[order], np.arange(-1, len(found.names) + 1))
        self._children = [
            order[bounds[at] : bounds[at + 1]] for at in range(len(bounds) - 1)
        ]  # of row -1 first
        self._place = np.zeros(len(found.names), np.int64)
        for children in self._children:
            self._place[children] = np.arange(len(children))

    def index(self, row: int, column: int, parent: _Index = _NO_INDEX) -> QModelIndex:
        children = self._children_of(parent)
        if not (0 <= row < len(children) and 0 <= column < len(self._titles)):
            return QModelIndex()
        return self.createIndex(row, column, int(children[row]))

    def index_of(self, row: int) -> QModelIndex:
        """Of a row of the breakdown."""
        return self.createIndex(int(self._place[row]), 0, row)

    def parent(self, index: _Index = _NO_INDEX) -> Any:
        above = int(self.breakdown.parent[index.internalId()]) if index.isValid() else -1
        return self.index_of(above) if above >= 0 else QModelIndex()

    def rowCount(self, parent: _Index = _NO_INDEX) -> int:
        return 0 if parent.column() > 0 else len(self._children_of(parent))

    def columnCount(self, parent: _Index = _NO_INDEX) -> int:
        return len(self._titles)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = index.internalId(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole and column == 0:
            return self.breakdown.names[row]
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == SHARE_ROLE and column == 2:
            return self._share(row)
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return None

    def _children_of(self, parent: _Index) -> Any:
        return self._children[parent.internalId() + 1 if parent.isValid() else 0]

    def _text(self, row: int, column: int) -> str:
        if column == 0:
            return self.breakdown.names[row]
        if column == 1:
            return format_bytes(int(self._bytes[row]))
        if column == 2:
            return format_percent(self._share(row))
        if column == 3:
            return f"{int(self.breakdown.blocks[row]):,}"
        size = int(self.breakdown.bytes[row, self._categories[column - 4]])
        return format_bytes(size) if size else ""

    def _share(self, row: int) -> float:
        return float(self._bytes[row]) / max(self.breakdown.total_bytes, 1)
