"""What the critical path of a step consists of, by kind and name."""

import numpy as np
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from profilers.analysis.critical_path import PathKind, PathSegments, critical_path
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent
from views.background import Latest
from views.column_table import Column, ColumnTable
from views.context import ViewContext


class PathTable(QWidget):
    """Computed in the background, when first shown and for each step chosen.

    A row's longest segment is picked with it.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._path = PathSegments.empty()
        self._key: Int64 = np.empty(0, np.int64)  # kind and name of each segment
        self._shown_keys: Int64 = np.empty(0, np.int64)  # of each row
        self.is_picking = False
        self._is_filling = False
        self._is_begun = False
        self._titles = {
            PathKind.HOST: self.tr("Host"),
            PathKind.LAUNCH_DELAY: self.tr("Launch delay before"),
            PathKind.DEVICE: self.tr("Device"),
            PathKind.DEVICE_WAIT: self.tr("Device waits before"),
            PathKind.SYNC_RETURN: self.tr("Return from"),
        }
        self.step = QComboBox()
        self.step.setAccessibleName(self.tr("Step"))
        steps = context.profile.steps
        for row, number in enumerate(steps.number.tolist()):
            self.step.addItem(self.tr("Step {}").format(number), row)
        self.step.addItem(self.tr("Whole trace"), -1)
        if len(steps):
            self.step.setCurrentIndex(int(np.argsort(steps.duration_ns)[len(steps) // 2]))
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Critical path"))
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.step)
        bar.addWidget(self.summary, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(bar)
        layout.addWidget(self.table, 1)
        self._latest = Latest(self)
        self._latest.arrived.connect(self._show_path)
        self._latest.failed.connect(
            lambda error: self.summary.setText(self.tr("The path failed: {}").format(error))
        )
        self.step.currentIndexChanged.connect(self._compute)
        self.table.selectionModel().selectionChanged.connect(self._pick)

    def is_settled(self) -> bool:
        return not self._latest.is_waiting

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_begun:
            self._compute()

    def _compute(self) -> None:
        self._is_begun = True
        profile, step = self._context.profile, self.step.currentData()
        self.table.setEnabled(False)
        self.summary.setText(self.tr("computing…"))
        self._latest.ask(lambda: critical_path(profile, step))

    def _show_path(self, path: object) -> None:
        assert isinstance(path, PathSegments)
        self._path = path
        self.table.setEnabled(True)
        slices, names = self._context.profile.trace.slices, len(self._context.profile.strings)
        name = np.append(slices.name, -1)[path.slice]
        self._key = path.kind.astype(np.int64) * (names + 1) + name + 1
        lengths = path.end_ns - path.begin_ns
        count = np.bincount(self._key)
        shown = self._shown_keys = np.flatnonzero(count)
        time_ns = np.bincount(self._key, lengths)[shown].astype(np.int64)
        kind, name = np.divmod(shown, names + 1)
        self._is_filling = True  # new rows have no selection of their own
        try:
            self.table.show_columns(self._columns(kind, name - 1, count[shown], time_ns), sort_by=2)
        finally:
            self._is_filling = False
        self._summarise(path, lengths)

    def _columns(self, kind: Int64, name: Int64, count: Int64, time_ns: Int64) -> list[Column]:
        strings = self._context.profile.strings
        share = time_ns / max(int(time_ns.sum()), 1)
        kinds = [self._titles[PathKind(value)] for value in kind.tolist()]
        names = [strings[row] or self.tr("(nothing recorded)") for row in name.tolist()]
        return [
            Column(self.tr("Kind"), np.array(kinds, str), kinds.__getitem__),
            Column(self.tr("What"), np.array(names, str), names.__getitem__),
            Column(self.tr("Time"), time_ns, lambda row: format_duration(time_ns[row]), share),
            Column(self.tr("Share"), share, lambda row: format_percent(share[row])),
            Column(self.tr("Segments"), count, lambda row: f"{count[row]:,}"),
        ]

    def _summarise(self, path: PathSegments, lengths: Int64) -> None:
        total_ns = int(lengths.sum())
        by_kind = [int(lengths[path.kind == kind].sum()) for kind in PathKind]
        host, delay, device, wait, back = (part / max(total_ns, 1) for part in by_kind)
        self.summary.setText(
            self.tr("{}: host {}, device {}, waits and delays {}").format(
                format_duration(total_ns),
                format_percent(host),
                format_percent(device),
                format_percent(delay + wait + back),
            )
        )
        self.summary.setToolTip(
            self.tr("From the step's begin until the host and all work it launched have finished.")
        )

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if self._is_filling or not rows:
            return
        path = self._path
        own = np.flatnonzero((self._key == self._shown_keys[rows[0]]) & (path.slice >= 0))
        if len(own):
            longest = own[(path.end_ns - path.begin_ns)[own].argmax()]
            self.is_picking = True
            try:
                self._context.selection.pick_slice(int(path.slice[longest]))
            finally:
                self.is_picking = False
