"""The blocks alive at a moment as a table, and what is known of the one that is picked."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from profilers.analysis.memory.curve import alive_at
from profilers.analysis.memory.groups import category_name
from profilers.analysis.memory.owners import owner_names, tensor_text
from profilers.profile import NEVER_NS
from profilers.units import format_bytes, format_duration
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.memory.block_text import block_text, stack_text
from views.name_column import name_column
from views.plain_label import PlainLabel
from views.plain_tooltip import plain_tooltip

_MOST_LISTED = 2000
_MAKER_WIDTH = 180  # pixels, so that the other columns show in half a window


class AlivePane(QWidget):
    """Largest first. A row picks its node and slice; what is picked elsewhere is marked."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_following = False
        self.rows: NDArray[np.intp] = np.empty(0, np.intp)
        self.moment = PlainLabel()
        self.moment.setContentsMargins(4, 2, 4, 0)
        self.moment.setWordWrap(True)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Alive at the chosen moment"))
        self.table.selectionModel().selectionChanged.connect(self._pick)
        self.details = QLabel()
        self.details.setContentsMargins(4, 0, 4, 2)
        self.details.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.moment)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.details)

    def show_moment(self, device: int, time_ns: int, *, is_peak: bool) -> None:
        """List what was alive at a time since the profile's start."""
        context = self._context
        alive = alive_at(context.profile, device, time_ns)
        total = int(context.profile.memory.allocations.bytes[alive].sum())
        self.rows = alive[:_MOST_LISTED]
        text = self.tr("{} {}  ·  {} blocks  ·  at {}").format(
            format_bytes(total),
            self.tr("at the peak") if is_peak else self.tr("alive"),
            f"{len(alive):,}",
            format_duration(time_ns - context.origin_ns),
        )
        if len(alive) > len(self.rows):
            text += self.tr("  ·  the largest {} are listed").format(f"{len(self.rows):,}")
        self.moment.setText(text)
        self._is_following = True  # a new list has no selection of its own
        try:
            self.table.show_columns(self._columns(total), sort_by=0)
            self.table.setColumnWidth(1, min(self.table.columnWidth(1), _MAKER_WIDTH))
            self.table.fit_columns()
        finally:
            self._is_following = False
        self.follow()

    def follow(self) -> None:
        """Mark the picked blocks and tell of one of them."""
        if self._is_following:
            return
        picked = self._context.selection.picked
        self._is_following = True
        try:
            self.table.select(np.flatnonzero(np.isin(self.rows, picked.allocations)))
        finally:
            self._is_following = False
        kind, row = picked.focus
        shown = self.rows[np.isin(self.rows, picked.allocations)]
        if kind != "allocation":
            row = int(shown[0]) if len(shown) else -1
        self.details.setVisible(row >= 0)
        if row >= 0:
            self._tell(row)

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if self._is_following or not rows:
            return
        self._is_following = True
        try:
            self._context.selection.pick_allocation(int(self.rows[rows[0]]))
        finally:
            self._is_following = False
        self.details.show()
        self._tell(int(self.rows[rows[0]]))

    def _tell(self, row: int) -> None:
        self.details.setText(block_text(self._context, row))
        self.details.setToolTip(plain_tooltip(stack_text(self._context, row)))

    def _columns(self, total: int) -> list[Column]:
        profile, rows = self._context.profile, self.rows
        table = profile.memory.allocations.take(rows)
        unknown = self.tr("(not known)")
        whose = [name or unknown for name in owner_names(profile, rows)]
        tensors = [tensor_text(profile, row) for row in rows.tolist()]
        kinds = [category_name(each) for each in table.category.tolist()]
        lifetime_ns = np.where(
            table.freed_ns == NEVER_NS, NEVER_NS, table.freed_ns - table.allocated_ns
        )
        return [
            Column(
                self.tr("Bytes"),
                table.bytes,
                lambda row: format_bytes(table.bytes[row]),
                table.bytes / max(total, 1),
            ),
            name_column(self.tr("Made by"), whose),
            Column(self.tr("Tensor"), np.array(tensors, object), tensors.__getitem__),
            Column(self.tr("Category"), np.array(kinds, object), kinds.__getitem__),
            Column(
                self.tr("Lifetime"),
                lifetime_ns,
                lambda row: (
                    self.tr("to the end")
                    if lifetime_ns[row] == NEVER_NS
                    else format_duration(lifetime_ns[row])
                ),
            ),
        ]
