"""Memory over time with its peak, and what was alive at a moment."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from profilers.analysis.memory_curve import MemoryCurve, alive_at, curve_of, memory_curve
from profilers.analysis.memory_groups import STACKED, GroupBy
from profilers.analysis.memory_stack import memory_stack
from profilers.profile import NEVER_NS, MemoryCategory
from profilers.units import format_bytes, format_duration
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.empty_note import empty_note
from views.memory.chart import Area, MemoryChart

_HUES = {
    MemoryCategory.PARAMETER: 212,
    MemoryCategory.INPUT: 140,
    MemoryCategory.ACTIVATION: 32,
    MemoryCategory.GRADIENT: 340,
    MemoryCategory.OPTIMISER_STATE: 265,
    MemoryCategory.TEMPORARY: 52,
    MemoryCategory.UNKNOWN: 0,
}


class MemoryView(QWidget):
    """The curve above, the blocks alive at the chosen moment (first: the peak) below."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_following = False
        self._alive: NDArray[np.intp] = np.empty(0, np.intp)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._curve = memory_curve(context.profile)
        if self._curve.device < 0:
            self._layout.addWidget(self._why_empty())
            return
        self.device = QComboBox()
        self.device.setAccessibleName(self.tr("Device"))
        for device in np.unique(context.profile.memory.allocations.device).tolist():
            self.device.addItem(context.profile.strings[device], device)
        self.device.setCurrentIndex(self.device.findData(self._curve.device))
        self.device.setVisible(self.device.count() > 1)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self.moment = QLabel()
        self.chart = self._new_chart()
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Alive at the chosen moment"))
        self.table.selectionModel().selectionChanged.connect(self._pick)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 2, 6, 0)
        bar.addWidget(self.device)
        bar.addWidget(self._legend)
        bar.addStretch()
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setChildrenCollapsible(False)
        side = QWidget()
        below = QVBoxLayout(side)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(2)
        below.addWidget(self.moment)
        below.addWidget(self.table, 1)
        self._split.addWidget(self.chart)
        self._split.addWidget(side)
        self._split.setSizes([600, 400])
        self._layout.addLayout(bar)
        self._layout.addWidget(self._split, 1)
        self.device.currentIndexChanged.connect(self._change_device)
        context.selection.changed.connect(self._follow)
        self._draw_curve()

    def show_moment(self, time_ns: int) -> None:
        """List what was alive at a time since the profile's start."""
        context = self._context
        self._alive = alive_at(context.profile, self._curve.device, time_ns)
        total = int(context.profile.memory.allocations.bytes[self._alive].sum())
        where = self.tr("at the peak") if time_ns == self._curve.peak_ns else self.tr("alive")
        self.moment.setText(
            self.tr("{} {}  ·  {} blocks  ·  at {}").format(
                format_bytes(total),
                where,
                len(self._alive),
                format_duration(time_ns - context.origin_ns),
            )
        )
        self._is_following = True  # a new list has no selection of its own
        try:
            self.table.show_columns(self._columns(), sort_by=0)
        finally:
            self._is_following = False
        self._follow()

    def _new_chart(self) -> MemoryChart:
        chart = MemoryChart(self._context.theme, self._context.time_axis, self._context.bytes_axis)
        chart.moment_chosen.connect(
            lambda moment_ns: self.show_moment(round(moment_ns) + self._context.origin_ns)
        )
        return chart

    def _change_device(self) -> None:
        self._curve = memory_curve(self._context.profile, self.device.currentData())
        old, self.chart = self.chart, self._new_chart()
        self._split.replaceWidget(0, self.chart)
        old.hide()
        old.deleteLater()
        self._draw_curve()

    def _draw_curve(self) -> None:
        curve, theme, origin_ns = self._curve, self._context.theme, self._context.origin_ns
        stack = memory_stack(self._context.profile, curve.device, GroupBy.CATEGORY)
        areas = [
            Area(name, theme.hue_colour(_HUES[STACKED[group]]), levels)
            for name, group, levels in zip(
                stack.names, stack.groups, stack.levels(curve.time_ns), strict=True
            )
        ]
        self._legend.setText(
            "&nbsp;&nbsp; ".join(
                f'<span style="color:{area.colour.name()}">■</span> {area.name}' for area in areas
            )
        )
        self._legend.setToolTip(self._context.profile.memory.source)
        self.chart.show_curve(
            _until_the_end(curve, self._context) - origin_ns,
            [
                Area(each.name, each.colour, np.append(each.bytes, each.bytes[-1:]))
                for each in areas
            ],
            curve.peak_ns - origin_ns,
            curve.peak_bytes,
        )
        self._draw_reserved()
        self.show_moment(curve.peak_ns)

    def _draw_reserved(self) -> None:
        """What the allocator held besides, where it told."""
        counters = self._context.profile.memory.counters
        rows = (counters.device == self._curve.device) & (counters.reserved_bytes >= 0)
        if not rows.any():
            return
        reserved = counters.reserved_bytes[rows]
        self.chart.show_reserved(counters.time_ns[rows] - self._context.origin_ns, reserved)
        text = self.tr("reserved, at most {}").format(format_bytes(int(reserved.max())))
        self._legend.setText(f"{self._legend.text()}&nbsp;&nbsp; ┄ {text}")

    def _columns(self) -> list[Column]:
        profile, rows = self._context.profile, self._alive
        table = profile.memory.allocations.take(rows)
        whose = [self._owner(int(row)) for row in rows]
        kinds = [_title(MemoryCategory(value)) for value in table.category.tolist()]
        share = table.bytes / max(int(table.bytes.sum()), 1)
        lifetime_ns = np.where(
            table.freed_ns == NEVER_NS, NEVER_NS, table.freed_ns - table.allocated_ns
        )
        return [
            Column(
                self.tr("Bytes"), table.bytes, lambda row: format_bytes(table.bytes[row]), share
            ),
            Column(self.tr("Made by"), np.array(whose), whose.__getitem__),
            Column(self.tr("Category"), np.array(kinds), kinds.__getitem__),
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

    def _owner(self, row: int) -> str:
        """The parameter, node or slice that a block belongs to."""
        profile = self._context.profile
        allocations, graph = profile.memory.allocations, profile.authored
        parameter, node = int(allocations.parameter[row]), int(allocations.node[row])
        if parameter >= 0:
            return profile.strings[int(graph.parameters.name[parameter])]
        if node >= 0:
            return profile.strings[int(graph.nodes.name[node])]
        if allocations.slice[row] >= 0:
            return profile.strings[int(profile.trace.slices.name[allocations.slice[row]])]
        return self.tr("(not known)")

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if self._is_following or not rows:
            return
        self._is_following = True
        try:
            self._context.selection.pick_allocation(int(self._alive[rows[0]]))
        finally:
            self._is_following = False
        self._show_picked_curve()

    def _follow(self) -> None:
        """Mark the picked blocks in the list and draw their share of the curve."""
        if self._is_following:
            return
        picked = self._context.selection.picked.allocations
        self._is_following = True
        try:
            self.table.select(np.flatnonzero(np.isin(self._alive, picked)))
        finally:
            self._is_following = False
        self._show_picked_curve()

    def _show_picked_curve(self) -> None:
        allocations = self._context.profile.memory.allocations
        picked = allocations.take(self._context.selection.picked.allocations)
        time_ns, levels = curve_of(picked.take(picked.device == self._curve.device))
        self.chart.show_picked(time_ns - self._context.origin_ns, levels)

    def _why_empty(self) -> QLabel:
        if len(self._context.profile.trace.slices):
            text = self.tr("This trace holds no allocations.")
        else:
            text = self.tr("This model was not run yet: there is no memory to show.")
        return empty_note(text)


def _until_the_end(curve: MemoryCurve, context: ViewContext) -> NDArray[np.int64]:
    """The curve's times and one more, where the trace ends: blocks may live until then."""
    slices = context.profile.trace.slices
    last_ns = int((slices.start_ns + slices.duration_ns).max()) if len(slices) else 0
    return np.append(curve.time_ns, max(last_ns, int(curve.time_ns[-1])))


def _title(category: MemoryCategory) -> str:
    return category.name.replace("_", " ").capitalize()
