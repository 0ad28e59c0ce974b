"""Operators, kernels and parameters as a table: grouped, sorted, filtered, linked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.once import once
from profilers.analysis.operators import OperatorStatistics, by_name, by_node
from profilers.profile import Profile, SliceKind
from profilers.profile.table import Int32, Int64
from profilers.units import format_count, format_duration, format_percent
from views.background import Latest
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.empty_note import why_nothing_ran
from views.parameters import parameter_columns, read_by, readers_of
from views.plain_label import PlainLabel

_BACKGROUND_FROM = 300_000  # slices, whose sums take 20 ms


@dataclass(frozen=True, eq=False)
class Grouped:
    """Rows of the table: names and figures by one of the groupings; parameters have no figures."""

    group: str
    names: list[str]
    statistics: OperatorStatistics

    @property
    def kind(self) -> SliceKind:
        """Of the slices that are summed."""
        return SliceKind.KERNEL if self.group == "kernel" else SliceKind.OPERATOR


@once
def grouped(profile: Profile, group: str) -> Grouped:
    strings = profile.strings
    if group == "parameter":
        names = profile.authored.parameters.name.tolist()
        return Grouped(group, [strings[row] for row in names], OperatorStatistics.empty())
    if group == "node":
        table = by_node(profile)
        return Grouped(group, [_node_name(profile, node) for node in table.key.tolist()], table)
    table = by_name(profile, SliceKind.KERNEL if group == "kernel" else SliceKind.OPERATOR)
    return Grouped(group, [strings[row] for row in table.key.tolist()], table)


def first_grouping(profile: Profile) -> str:
    """What there is to show: operators, else kernels, else the weights of a model not run."""
    if len(by_name(profile)):
        return "operator"
    if len(by_name(profile, SliceKind.KERNEL)):
        return "kernel"
    return "parameter" if len(profile.authored.parameters) else "operator"


class OperatorsView(QWidget):
    """Times are per step. A row's nodes and slices are picked with it."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_following = False
        self._latest = Latest(self)
        self._latest.arrived.connect(self._take)
        self._latest.failed.connect(self._tell_failure)
        self.grouping = QComboBox()
        self.grouping.setAccessibleName(self.tr("Group by"))
        for title, group in (
            (self.tr("Operators by name"), "operator"),
            (self.tr("Operators by graph node"), "node"),
            (self.tr("Kernels by name"), "kernel"),
            (self.tr("Parameters"), "parameter"),
        ):
            self.grouping.addItem(title, group)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter by name"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName(self.tr("Filter by name"))
        self._count = PlainLabel()
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Operators"))
        self._nothing = PlainLabel()
        self._nothing.setWordWrap(True)
        self._nothing.setContentsMargins(12, 12, 12, 12)
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.grouping)
        bar.addWidget(self.filter, 1)
        bar.addWidget(self._count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(bar)
        layout.addWidget(self._nothing)
        layout.addWidget(self.table, 1)
        shown = first_grouping(context.profile)
        self.grouping.setCurrentIndex(self.grouping.findData(shown))
        self.grouping.currentIndexChanged.connect(self._regroup)
        self.filter.textChanged.connect(self._apply_filter)
        self.table.selectionModel().selectionChanged.connect(self._pick)
        context.selection.changed.connect(self._follow)
        self.keys_go_to = self.table
        self._show(grouped(context.profile, shown))

    def open_finder(self) -> None:
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def is_settled(self) -> bool:
        return not self._latest.is_waiting

    def _regroup(self) -> None:
        """Show another grouping; of a large trace a moment later."""
        profile, group = self._context.profile, self.grouping.currentData()
        if len(profile.trace.slices) < _BACKGROUND_FROM:
            self._show(grouped(profile, group))
        else:
            self._count.setText(self.tr("computing…"))
            self.table.setEnabled(False)
            self._latest.ask(lambda: grouped(profile, group))

    def _take(self, result: object) -> None:
        assert isinstance(result, Grouped)
        self.table.setEnabled(True)
        self._show(result)

    def _tell_failure(self, error: Exception) -> None:
        self._count.setText(self.tr("The sums failed: {}").format(error))

    def _show(self, shown: Grouped) -> None:
        self._shown = shown
        has_rows = len(shown.names) > 0
        self.table.setVisible(has_rows)
        self._nothing.setVisible(not has_rows)
        self._nothing.setText(self._why_empty(shown.group))
        if has_rows:
            is_list = shown.group == "parameter"
            columns = parameter_columns(self._context.profile) if is_list else self._columns()
            self.table.show_columns(columns, sort_by=1 if is_list else 2)
        self._apply_filter()
        self._follow()

    def _columns(self) -> list[Column]:
        table, names = self._shown.statistics, self._shown.names
        shorts = [short_kernel_name(name) for name in names]
        steps = max(len(self._context.profile.steps), 1)
        per_step = 1 / steps
        share = table.self_ns / max(int(table.self_ns.sum()), 1)
        columns = [
            Column(
                self.tr("Name"),
                np.array(shorts, object),
                shorts.__getitem__,
                whole=names.__getitem__,
            ),
            _times(self.tr("Total"), table.total_ns * per_step, self.tr("With children, per step")),
            Column(
                self.tr("Self"),
                table.self_ns,
                lambda row: format_duration(table.self_ns[row] * per_step),
                share,
                self.tr("Without children, per step"),
            ),
            Column(self.tr("Self %"), share, lambda row: format_percent(share[row])),
            Column(
                self.tr("Calls"),
                table.calls,
                lambda row: _number(table.calls[row] * per_step),
                tooltip=self.tr("Per step"),
            ),
            _times(self.tr("Mean"), table.total_ns / table.calls, self.tr("Per call")),
            _times(self.tr("Shortest"), table.shortest_ns, self.tr("Shortest call")),
            _times(self.tr("Longest"), table.longest_ns, self.tr("Longest call")),
        ]
        if table.device_ns.any():
            columns.append(
                _times(
                    self.tr("On device"),
                    table.device_ns * per_step,
                    self.tr("Kernels launched by it, per step"),
                )
            )
        if self._shown.group == "node":
            columns += self._node_columns(steps)
        return columns

    def _node_columns(self, steps: int) -> list[Column]:
        nodes = self._context.profile.authored.nodes
        keys = self._shown.statistics.key
        flops = np.where(keys >= 0, nodes.flops[keys], -1) if len(nodes) else np.full(len(keys), -1)
        busy_ns = np.maximum(self._shown.statistics.total_ns, self._shown.statistics.device_ns)
        rate = np.where(flops > 0, flops * steps / np.maximum(busy_ns, 1) * 1e9, -1.0)
        return [
            Column("FLOPs", flops, lambda row: format_count(flops[row])),
            Column(
                "FLOP/s",
                rate,
                lambda row: format_count(rate[row], "FLOP/s") if rate[row] >= 0 else "?",
                tooltip=self.tr("FLOPs of the node over its time"),
            ),
        ]

    def _apply_filter(self) -> None:
        words = self.filter.text().lower().split()
        shown = np.array(
            [all(word in name.lower() for word in words) for name in self._shown.names], bool
        )
        self.table.columns.show_rows(shown)
        self._count.setText(
            self.tr("{} of {}").format(int(shown.sum()), len(shown)) if words else str(len(shown))
        )

    def _pick(self) -> None:
        if self._is_following:
            return
        rows = self.table.picked_rows()
        if not rows:
            return
        profile, selection = self._context.profile, self._context.selection
        slices = self._slices_of(rows)
        is_list = self._shown.group == "parameter"
        nodes = readers_of(profile, rows) if is_list else self._nodes_of(slices)
        self._is_following = True  # the rows are selected already
        try:
            if len(nodes):
                selection.pick_nodes(nodes.tolist())
            elif len(slices):
                longest = slices[np.argmax(profile.trace.slices.duration_ns[slices])]
                selection.pick_slice(int(longest))
        finally:
            self._is_following = False

    def _follow(self) -> None:
        """Select the rows that hold a picked slice, and bring the first into sight."""
        if self._is_following or not self._shown.names:
            return
        picked = self._context.selection.picked
        if self._shown.group == "parameter":
            rows = read_by(self._context.profile, picked.nodes)
        else:
            kinds = self._context.profile.trace.slices.kind[picked.slices]
            keys = self._key_column()[picked.slices][kinds == self._shown.kind]
            rows = np.flatnonzero(np.isin(self._shown.statistics.key, keys)).astype(np.int32)
        self._is_following = True
        try:
            self.table.select(rows)
        finally:
            self._is_following = False

    def _key_column(self) -> Int32:
        """What slices are grouped by."""
        slices = self._context.profile.trace.slices
        return slices.node if self._shown.group == "node" else slices.name

    def _slices_of(self, rows: list[int]) -> Int64:
        if self._shown.group == "parameter":
            return np.empty(0, np.int64)
        keys, profile = self._key_column(), self._context.profile
        is_wanted = np.zeros(max(len(profile.strings), len(profile.authored.nodes)) + 1, np.bool_)
        is_wanted[self._shown.statistics.key[rows]] = True  # the last one is for -1
        return np.flatnonzero(is_wanted[keys] & (profile.trace.slices.kind == self._shown.kind))

    def _nodes_of(self, slices: Int64) -> NDArray[np.int32]:
        table, members = self._context.profile.trace.slices, self._context.profile.fusion.members
        direct = table.node[slices]
        groups = np.unique(table.group[slices])
        fused = members.node[np.isin(members.group, groups[groups >= 0])]
        return np.unique(np.concatenate((direct[direct >= 0], fused)))

    def _why_empty(self, group: str) -> str:
        if group == "parameter":
            return self.tr("This profile names no parameters.")
        if not len(self._context.profile.trace.slices):
            return why_nothing_ran(
                self._context.profile,
                self.tr("This model was not run yet: there are no operator times."),
            )
        if group == "kernel":
            return self.tr(
                "No kernels were recorded: on the CPU the operators themselves do the work."
            )
        return self.tr("The trace holds no operators.")


def _times(title: str, durations_ns: NDArray[np.generic], tooltip: str) -> Column:
    return Column(
        title, durations_ns, lambda row: format_duration(durations_ns[row]), tooltip=tooltip
    )


def _node_name(profile: Profile, node: int) -> str:
    if node < 0:
        return QCoreApplication.translate("OperatorsView", "(no graph node)")
    graph = profile.authored
    parts = [profile.strings[int(graph.nodes.name[node])]]
    scope = int(graph.nodes.scope[node])
    while scope >= 0:
        parts.append(profile.strings[int(graph.scopes.name[scope])])
        scope = int(graph.scopes.parent[scope])
    operator = profile.strings[int(graph.nodes.operator[node])]
    return "/".join(reversed(parts)) + f"  ·  {operator}"


def _number(value: float) -> str:
    """Whole where it is, else with one decimal."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
