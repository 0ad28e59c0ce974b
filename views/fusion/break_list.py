"""What stayed apart and why, as a list that picks nodes."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from profilers.profile import Profile
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.plain_label import PlainLabel

_WHERE = 1  # only PyTorch's compiler tells source lines
_WHY = 3

_RIGHT, _MIDDLE = Qt.TextElideMode.ElideRight, Qt.TextElideMode.ElideMiddle
_CUTS = (_RIGHT, _MIDDLE, _MIDDLE, _RIGHT)  # a sentence is read from its beginning


class BreakList(QWidget):
    """One row per break; the reason of the chosen one stands below in full."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_following = False
        self._texts = _texts(context.profile)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("What stayed apart"))
        titles = (self.tr("What"), self.tr("Where"), self.tr("Operator"), self.tr("Why"))
        columns = list(zip(*self._texts, strict=True)) or [()] * len(titles)
        self.table.show_columns(
            [
                Column(title, np.array(values, object), values.__getitem__, cut=cut)
                for title, values, cut in zip(titles, columns, _CUTS, strict=True)
            ],
            sort_by=0,
        )
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setColumnHidden(_WHERE, not any(row[_WHERE] for row in self._texts))
        self.table.let_give_way(_WHY)
        self.reason = PlainLabel()
        self.reason.setWordWrap(True)
        self.reason.setContentsMargins(6, 2, 6, 4)
        self.reason.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.reason)
        self.table.selectionModel().selectionChanged.connect(self._pick)
        context.selection.changed.connect(self._follow)

    @property
    def kinds(self) -> list[str]:
        return [row[0] for row in self._texts]

    def show_matching(self, words: list[str], kind: str) -> int:
        """Show only rows with all of the words and of one kind ("" for any); returns how many."""
        mask = np.array(
            [
                (not kind or row[0] == kind)
                and all(word in " ".join(row).lower() for word in words)
                for row in self._texts
            ],
            bool,
        )
        self.table.columns.show_rows(mask)
        return int(mask.sum())

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        self.reason.setVisible(len(rows) == 1)
        if len(rows) == 1:
            self.reason.setText(self._texts[rows[0]][_WHY])
        if self._is_following or not rows:
            return
        nodes = self._context.profile.fusion.breaks.node[rows]
        if (nodes >= 0).any():
            self._is_following = True
            try:
                self._context.selection.pick_nodes(nodes[nodes >= 0].tolist())
            finally:
                self._is_following = False

    def _follow(self) -> None:
        if self._is_following:
            return
        nodes = self._context.profile.fusion.breaks.node
        picked = self._context.selection.picked.nodes
        self._is_following = True
        try:
            self.table.select(np.flatnonzero((nodes >= 0) & np.isin(nodes, picked)))
        finally:
            self._is_following = False


def _texts(profile: Profile) -> list[tuple[str, str, str, str]]:
    """Kind, place, operator and reason of each."""
    table, strings, nodes = profile.fusion.breaks, profile.strings, profile.authored.nodes
    return [
        (
            strings[int(table.kind[row])],
            strings[int(table.location[row])],
            strings[int(nodes.name[table.node[row]])] if table.node[row] >= 0 else "",
            strings[int(table.reason[row])],
        )
        for row in range(len(table))
    ]
