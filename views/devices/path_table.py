"""What the critical path of a step consists of, by kind and name."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from profilers.analysis.critical_path import PathKind, PathSegments, critical_path
from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.once import once
from profilers.profile import Profile
from profilers.profile.table import Int64
from profilers.units import format_duration, format_percent
from views.background import Latest
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.plain_label import PlainLabel

_SHARE, _SEGMENTS = 3, 4  # columns
_ON_DEVICE = (PathKind.LAUNCH_DELAY, PathKind.DEVICE, PathKind.DEVICE_WAIT)


@dataclass(frozen=True, eq=False)
class PathSums:
    """A path, summed by kind and name: `key` stands for both, `shown` are those that occur.

    `count` and `time_ns` have a value for each of `shown`, `kind_ns` one for each `PathKind`.
    """

    path: PathSegments
    key: Int64
    shown: Int64
    count: Int64
    time_ns: Int64
    kind_ns: Int64


@once
def path_sums(profile: Profile, step: int) -> PathSums:
    """Of one step, or of the whole trace for -1, which takes seconds for ten million events."""
    path = critical_path(profile, step)
    name = np.where(path.slice >= 0, profile.trace.slices.name[path.slice], -1)
    key = path.kind.astype(np.int64) * (len(profile.strings) + 1) + name + 1
    lengths = path.end_ns - path.begin_ns
    count = np.bincount(key)
    time_ns, kind_ns = np.zeros(len(count), np.int64), np.zeros(len(PathKind), np.int64)
    np.add.at(time_ns, key, lengths)
    np.add.at(kind_ns, path.kind, lengths)
    shown = np.flatnonzero(count)
    return PathSums(path, key, shown, count[shown], time_ns[shown], kind_ns)


class PathTable(QWidget):
    """Computed in the background, when first shown and for each step chosen.

    A row's longest segment is picked with it.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._sums: PathSums | None = None
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
        self.summary = PlainLabel()
        self.summary.setWordWrap(True)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Critical path"))
        self.table.let_give_way(1, (_SEGMENTS, _SHARE))
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
        self._latest.ask(lambda: path_sums(profile, step))

    def _show_path(self, sums: object) -> None:
        assert isinstance(sums, PathSums)
        self._sums = sums
        self.table.setEnabled(True)
        self._is_filling = True  # new rows have no selection of their own
        try:
            self.table.show_columns(self._columns(sums), sort_by=2)
        finally:
            self._is_filling = False
        self._summarise(sums)

    def _columns(self, sums: PathSums) -> list[Column]:
        strings, count, time_ns = self._context.profile.strings, sums.count, sums.time_ns
        kind, name = np.divmod(sums.shown, len(strings) + 1)
        share = time_ns / max(int(time_ns.sum()), 1)
        kinds = [self._titles[PathKind(value)] for value in kind.tolist()]
        names = [strings[row] or self.tr("(nothing recorded)") for row in (name - 1).tolist()]
        shorts = [
            short_kernel_name(each) if PathKind(of) in _ON_DEVICE else each
            for each, of in zip(names, kind.tolist(), strict=True)
        ]
        return [
            Column(self.tr("Kind"), np.array(kinds, str), kinds.__getitem__),
            Column(
                self.tr("What"),
                np.array(shorts, object),
                shorts.__getitem__,
                whole=names.__getitem__,
            ),
            Column(self.tr("Time"), time_ns, lambda row: format_duration(time_ns[row]), share),
            Column(self.tr("Share"), share, lambda row: format_percent(share[row])),
            Column(self.tr("Segments"), count, lambda row: f"{count[row]:,}"),
        ]

    def _summarise(self, sums: PathSums) -> None:
        total_ns = int(sums.kind_ns.sum())
        host, delay, device, wait, back = (sums.kind_ns / max(total_ns, 1)).tolist()
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
        if self._is_filling or not rows or self._sums is None:
            return
        path, key = self._sums.path, self._sums.shown[rows[0]]
        own = np.flatnonzero((self._sums.key == key) & (path.slice >= 0))
        if len(own):
            longest = own[(path.end_ns - path.begin_ns)[own].argmax()]
            self.is_picking = True
            try:
                self._context.selection.pick_slice(int(path.slice[longest]))
            finally:
                self.is_picking = False
