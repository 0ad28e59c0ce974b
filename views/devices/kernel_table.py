"""Kernels, collectives and copies by name, of all devices."""

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from profilers.analysis.device.kernel_breakdown import KernelStatistics
from profilers.analysis.device.work import work_rows
from profilers.analysis.kernel_names import short_kernel_name
from profilers.profile import SliceKind, Slices
from profilers.profile.table import Int8, Int32, Int64
from profilers.units import format_duration, format_percent
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.plain_label import PlainLabel

_MEAN, _LONGEST, _TYPE = 4, 5, 6  # columns


class KernelTable(QWidget):
    """A row's longest slice is picked with it; rows of picked slices are selected."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.is_picking = False
        self._is_following = False
        self.statistics = KernelStatistics.empty()
        self._titles = {
            SliceKind.KERNEL: self.tr("Compute"),
            SliceKind.COMMUNICATION: self.tr("Communication"),
            SliceKind.COPY: self.tr("Copy"),
        }
        self.types = QComboBox()
        self.types.setAccessibleName(self.tr("Type of work"))
        self.types.addItem(self.tr("All types"), -1)
        for kind, title in self._titles.items():
            self.types.addItem(title, int(kind))
        self._summary = PlainLabel()
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Kernels"))
        # template names are long, and the figures matter more; the type can be chosen above
        self.table.let_give_way(0, (_TYPE, _MEAN, _LONGEST))
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.types)
        bar.addWidget(self._summary)
        bar.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(bar)
        layout.addWidget(self.table, 1)
        self.types.currentIndexChanged.connect(self._filter)
        self.table.selectionModel().selectionChanged.connect(self._pick)

    def show_statistics(self, statistics: KernelStatistics) -> None:
        """Figures of a time range, or of the whole trace."""
        self.statistics = statistics
        self._is_following = True  # new rows have no selection of their own
        try:
            self.table.show_columns(self._columns(), sort_by=1)
            self._filter()
        finally:
            self._is_following = False

    def follow(self) -> None:
        """Select the rows that hold a picked slice."""
        if self.is_picking or not len(self.statistics):
            return
        slices = self._context.profile.trace.slices
        picked = self._context.selection.picked.slices
        keys = self._keys_of_slices(slices, picked.astype(np.int64))
        self._is_following = True
        try:
            self.table.select(np.flatnonzero(np.isin(self._keys(), keys)))
        finally:
            self._is_following = False

    def _columns(self) -> list[Column]:
        table, strings = self.statistics, self._context.profile.strings
        names = [strings[row] for row in table.name.tolist()]
        shorts = [short_kernel_name(name) for name in names]
        kinds = [self._titles[SliceKind(kind)] for kind in table.kind.tolist()]
        share = table.time_ns / max(int(table.time_ns.sum()), 1)
        columns = [
            Column(
                self.tr("Name"),
                np.array(shorts, object),
                shorts.__getitem__,
                whole=names.__getitem__,
            ),
            Column(
                self.tr("Time"),
                table.time_ns,
                lambda row: format_duration(table.time_ns[row]),
                share,
                self.tr("Added up; of slices that the range cuts, the part inside"),
            ),
            Column(
                self.tr("Share"),
                share,
                lambda row: format_percent(share[row]),
                tooltip=self.tr("Of all device work, streams that run at once added up"),
            ),
            Column(self.tr("Count"), table.count, lambda row: f"{table.count[row]:,}"),
            Column(self.tr("Mean"), table.mean_ns, lambda row: format_duration(table.mean_ns[row])),
            Column(
                self.tr("Longest"),
                table.longest_ns,
                lambda row: format_duration(table.longest_ns[row]),
            ),
            Column(self.tr("Type"), np.array(kinds, str), kinds.__getitem__),
        ]
        devices = np.unique(np.stack((table.rank, table.device), 1), axis=0)
        if len(devices) > 1:
            columns.append(
                Column(
                    self.tr("Rank:GPU"),
                    table.rank.astype(np.int64) << 32 | table.device,
                    lambda row: f"{table.rank[row]}:{table.device[row]}",
                )
            )
        return columns

    def _filter(self) -> None:
        kind, table = self.types.currentData(), self.statistics
        shown = np.ones(len(table), np.bool_) if kind < 0 else table.kind == kind
        self.table.columns.show_rows(shown)
        self._summary.setText(
            self.tr("{} names, {} in {} slices").format(
                int(shown.sum()),
                format_duration(int(table.time_ns[shown].sum())),
                f"{int(table.count[shown].sum()):,}",
            )
        )

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if self._is_following or not rows:
            return
        slices = self._context.profile.trace.slices
        work = work_rows(self._context.profile)
        work = work[np.isin(self._keys_of_slices(slices, work), self._keys()[rows])]
        nodes = np.unique(slices.node[work])
        self.is_picking = True  # the rows are selected already
        try:
            if (nodes >= 0).any():
                self._context.selection.pick_nodes(nodes[nodes >= 0].tolist())
            else:
                self._context.selection.pick_slice(int(work[slices.duration_ns[work].argmax()]))
        finally:
            self.is_picking = False

    def _keys(self) -> Int64:
        """What tells rows apart, as one number per row."""
        table = self.statistics
        return _key(table.rank, table.device, table.kind, table.name)

    def _keys_of_slices(self, slices: Slices, rows: Int64) -> Int64:
        tracks, on = self._context.profile.trace.tracks, slices.track[rows]
        return _key(tracks.rank[on], tracks.device[on], slices.kind[rows], slices.name[rows])


def _key(rank: Int32, device: Int32, kind: Int8, name: Int32) -> Int64:
    key: Int64 = ((rank.astype(np.int64) << 8 | device & 0xFF) << 4 | kind) << 31 | name
    return key
