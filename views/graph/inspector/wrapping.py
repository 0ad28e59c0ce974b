"""Text that breaks into as many lines as it needs in the width of its column."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTreeView

_MARGINS = 8  # that the style leaves beside text


class Wrapping(QStyledItemDelegate):
    """In each column of a tree, which asks for heights without telling the width that there is."""

    def __init__(self, tree: QTreeView) -> None:
        super().__init__(tree)
        self._tree = tree

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        whole = super().sizeHint(option, index)
        text = index.data(Qt.ItemDataRole.DisplayRole)
        indent = self._tree.indentation() * 2 if index.column() == 0 else 0
        room = self._tree.columnWidth(index.column()) - indent - _MARGINS
        if not text or self._tree.isFirstColumnSpanned(index.row(), index.parent()):
            return whole
        within = QRect(0, 0, max(room, 1), 10_000)
        lines = option.fontMetrics.boundingRect(within, Qt.TextFlag.TextWordWrap, text)
        return QSize(whole.width(), max(whole.height(), lines.height()))
