"""What memory consists of at the chosen moment, as a tree that folds."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTreeView, QVBoxLayout, QWidget

from profilers.analysis.memory.breakdown import breakdown
from profilers.analysis.memory.curve import alive_at
from profilers.analysis.memory.groups import GroupBy
from profilers.analysis.memory.owners import block_operators
from profilers.profile.table import Int32
from profilers.units import format_bytes, format_duration
from views.column_table import ShareBarDelegate
from views.context import ViewContext
from views.memory.breakdown_model import BreakdownModel
from views.plain_label import PlainLabel

_OPEN_SHARE = 0.4  # of the whole, from which on a module shows its parts


class BreakdownPane(QWidget):
    """A module's row picks its nodes, an operator's those of its blocks."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._model: BreakdownModel | None = None
        self._device, self._time_ns, self._by = -1, 0, GroupBy.MODULE
        self.moment = PlainLabel()
        self.moment.setContentsMargins(4, 2, 4, 0)
        self.tree = QTreeView()
        self.tree.setAccessibleName(self.tr("Breakdown"))
        self.tree.setItemDelegate(ShareBarDelegate(context.theme, self.tree))
        self.tree.setUniformRowHeights(True)
        self.tree.setAlternatingRowColors(True)
        self.tree.setIndentation(14)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.moment)
        layout.addWidget(self.tree, 1)

    def show_moment(self, device: int, time_ns: int, by: GroupBy, *, is_peak: bool) -> None:
        """Break down what is alive at a time since the profile's start."""
        self._device, self._time_ns, self._by = device, time_ns, by
        found = breakdown(self._context.profile, device, time_ns, by)
        titles = {
            GroupBy.MODULE: self.tr("Module"),
            GroupBy.OPERATOR: self.tr("Operator"),
            GroupBy.CATEGORY: self.tr("Category"),
        }
        self.moment.setText(
            self.tr("{} {}  ·  at {}").format(
                format_bytes(found.total_bytes),
                self.tr("at the peak") if is_peak else self.tr("alive"),
                format_duration(time_ns - self._context.origin_ns),
            )
        )
        old, self._model = self._model, BreakdownModel(found, titles[by])
        self.tree.setModel(self._model)
        if old is not None:
            old.deleteLater()
        self.tree.setRootIsDecorated(bool((found.parent >= 0).any()))
        self.tree.selectionModel().selectionChanged.connect(self._pick)
        shares = found.row_bytes / max(found.total_bytes, 1)
        for row in np.flatnonzero(shares >= _OPEN_SHARE).tolist():
            self.tree.expand(self._model.index_of(row))
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)
        for column in range(1, self._model.columnCount()):
            self.tree.resizeColumnToContents(column)
        self.tree.resizeColumnToContents(0)
        self.tree.setColumnWidth(0, min(max(self.tree.columnWidth(0), 130), 260))

    def _pick(self) -> None:
        rows = self.tree.selectionModel().selectedRows()
        if self._model is None or not rows:
            return
        nodes = self._nodes(int(self._model.breakdown.key[rows[0].internalId()]))
        if len(nodes):
            self._context.selection.pick_nodes(nodes.tolist())

    def _nodes(self, key: int) -> Int32:
        """Nodes of the authored graph that a row stands for."""
        profile = self._context.profile
        if self._by == GroupBy.MODULE:
            return nodes_within(profile.authored.scopes.parent, profile.authored.nodes.scope, key)
        alive = alive_at(profile, self._device, self._time_ns)
        allocations = profile.memory.allocations
        keys = block_operators(profile) if self._by == GroupBy.OPERATOR else allocations.category
        nodes: Int32 = np.unique(allocations.node[alive[keys[alive] == key]])
        return nodes[nodes >= 0]


def nodes_within(parent: Int32, scope_of_node: Int32, scope: int) -> Int32:
    """Nodes in a scope and in all scopes below it; of -1 none."""
    inside = np.zeros(len(parent) + 1, np.bool_)
    if scope < 0:
        return np.empty(0, np.int32)
    inside[scope] = True
    for row in range(scope + 1, len(parent)):  # parents come first
        inside[row] |= inside[parent[row]] and parent[row] >= 0
    return np.flatnonzero(inside[scope_of_node]).astype(np.int32)
