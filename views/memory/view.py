"""The memory view: curves, lifetimes and segments at the left, a moment's blocks at the right."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QTabWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.memory.curve import curve_of, memory_curve
from profilers.analysis.memory.groups import GroupBy, first_grouping
from profilers.analysis.memory.stack import MemoryStack, memory_stack
from profilers.units import format_bytes
from views.context import ViewContext
from views.elided_label import ElidedLabel
from views.empty_note import EmptyNote, why_nothing_ran
from views.memory.alive_pane import AlivePane
from views.memory.breakdown_pane import BreakdownPane
from views.memory.chart import Line, MemoryChart
from views.memory.colours import group_colour
from views.memory.growth_note import growth_note
from views.memory.legend import LegendEntry, MemoryLegend
from views.memory.lifetimes import LifetimesChart
from views.memory.moment import moment_text
from views.memory.moment_steps import bring_into_sight, moment_after, moment_step
from views.memory.segments import SegmentsPane
from views.one_stop import OneStop
from views.plain_tooltip import plain_tooltip

_DWARFED = 20  # times as high as all blocks: a line that is left out until it is asked for


class MemoryView(QWidget):
    """Opens at the peak; a click in a chart, or a key, chooses another moment for all parts."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        first = memory_curve(context.profile)
        self._device = first.device  # -1 where nothing was allocated
        if first.device < 0:
            self._layout.addWidget(self._why_empty())
            return
        self._moment_ns = first.peak_ns
        self._build()
        self._leave_out_what_dwarfs()
        self._connect()
        self.keys_go_to = self.chart
        self._show_device()

    @property
    def stack(self) -> MemoryStack:
        """All that there is to draw; the chart leaves out what `bytes_axis` tells."""
        return memory_stack(self._context.profile, self._device, self.grouping.currentData())

    @property
    def moment_ns(self) -> int:
        """Since the profile's start."""
        return self._moment_ns

    def show_moment(self, time_ns: int) -> None:
        """Mark a time since the profile's start, and list what was alive then."""
        self._moment_ns = time_ns
        self.chart.mark(time_ns)
        self.lifetimes.show_moment(time_ns)
        self._show_panes()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose another moment, as the table of keys says; whatever has the focus passes them on."""
        step = moment_step(event)
        if step is None or self._device < 0:
            super().keyPressEvent(event)
            return
        axis, origin_ns = self._context.time_axis, self._context.origin_ns
        total = self.stack.without(self._hidden).total
        moment_ns = moment_after(
            step,
            self._moment_ns - origin_ns,
            axis,
            total.time_ns - origin_ns,
            total.peak_ns - origin_ns,
        )
        bring_into_sight(axis, moment_ns)
        self.show_moment(moment_ns + origin_ns)

    def _build(self) -> None:
        context = self._context
        self.device = self._device_choice()
        self.grouping = self._grouping_choice()
        self.legend = MemoryLegend(context.theme)
        self.lasting = QCheckBox(self.tr("Also what lasts"))
        self.lasting.setToolTip(
            self.tr("Show weights and whatever else is alive from beginning to end")
        )
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setContentsMargins(6, 0, 6, 0)
        self.chart = MemoryChart(
            context.theme, context.time_axis, context.bytes_axis, context.origin_ns
        )
        self.lifetimes = LifetimesChart(context)
        self.segments = SegmentsPane(context)
        self.alive = AlivePane(context)
        self.breakdown = BreakdownPane(context)
        self.charts, self.lists = QTabWidget(), QTabWidget()
        self.charts.tabBar().setAccessibleName(self.tr("Charts of memory"))
        self.lists.tabBar().setAccessibleName(self.tr("Lists of memory"))
        self._lay_out()

    def _device_choice(self) -> QComboBox:
        profile, box = self._context.profile, QComboBox()
        box.setAccessibleName(self.tr("Device"))
        for device in np.unique(profile.memory.allocations.device).tolist():
            box.addItem(profile.strings[device], device)
        box.setCurrentIndex(box.findData(self._device))
        box.setVisible(box.count() > 1)
        return box

    def _grouping_choice(self) -> QComboBox:
        profile, box = self._context.profile, QComboBox()
        box.setAccessibleName(self.tr("Split by"))
        box.addItem(self.tr("By category"), GroupBy.CATEGORY)
        if len(profile.authored.scopes):
            box.addItem(self.tr("By module"), GroupBy.MODULE)
        box.addItem(self.tr("By operator"), GroupBy.OPERATOR)
        box.setCurrentIndex(box.findData(first_grouping(profile)))
        return box

    def _lay_out(self) -> None:
        self.charts.setDocumentMode(True)
        self.charts.addTab(self.chart, self.tr("Over time"))
        self.charts.addTab(self.lifetimes, self.tr("Lifetimes"))
        if len(self._context.profile.memory.segments):
            self.charts.addTab(self.segments, self.tr("Segments"))
        self.charts.setCornerWidget(self.lasting)
        self.lasting.hide()
        self.lists.setDocumentMode(True)
        self.lists.addTab(self.alive, self.tr("Alive"))
        self.lists.addTab(self.breakdown, self.tr("Breakdown"))
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 2, 6, 0)
        bar.addWidget(self.device)
        bar.addWidget(self.grouping)
        bar.addWidget(self.legend, 1)
        OneStop([self.device, self.grouping], self)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self.charts)
        split.addWidget(self.lists)
        split.setSizes([560, 440])
        self._layout.addLayout(bar)
        self._layout.addWidget(self.note)
        self._layout.addWidget(split, 1)
        self._layout.addWidget(self._source())

    def _source(self) -> ElidedLabel:
        """Where the figures come from, in one line below all of them."""
        text = self._context.profile.memory.source
        label = ElidedLabel(text[:1].upper() + text[1:], Qt.TextElideMode.ElideRight)
        label.setContentsMargins(6, 0, 6, 2)
        label.setToolTip(plain_tooltip(label.whole))
        palette = label.palette()
        palette.setColor(label.foregroundRole(), self._context.theme.muted)
        label.setPalette(palette)
        return label

    def _connect(self) -> None:
        self.device.currentIndexChanged.connect(self._change_device)
        self.grouping.currentIndexChanged.connect(self._show_stack)
        self.lasting.toggled.connect(self._show_panes)
        self.charts.currentChanged.connect(self._change_tab)
        self.lists.currentChanged.connect(self._show_panes)
        for chart in (self.chart, self.lifetimes):
            chart.moment_chosen.connect(
                lambda moment_ns: self.show_moment(round(moment_ns) + self._context.origin_ns)
            )
            chart.range_measured.connect(self._pick_range)
        self.chart.drag.changed.connect(self._shade_range)
        self.legend.toggled.connect(self._context.bytes_axis.toggle)
        self._context.bytes_axis.parts_changed.connect(self._show_stack)
        self.chart.hovered.connect(self._tell_moment)
        self.chart.left.connect(QToolTip.hideText)
        self._context.selection.changed.connect(self._follow)

    def _change_device(self) -> None:
        self._device = self.device.currentData()
        self._moment_ns = memory_curve(self._context.profile, self._device).peak_ns
        self._show_device()

    def _show_device(self) -> None:
        note = growth_note(self._context.profile, self._device)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._show_stack()
        self.show_moment(self._moment_ns)
        self._follow()

    def _change_tab(self) -> None:
        self.lasting.setVisible(self.charts.currentWidget() is self.lifetimes)
        self._show_panes()

    def _show_stack(self) -> None:
        by, theme, hidden = self.grouping.currentData(), self._context.theme, self._hidden
        stack, counted = self.stack, self._counted()
        shown = stack.without(hidden)
        self.chart.show_stack(
            shown,
            [group_colour(theme, by, group) for group in shown.groups],
            self._end_ns(),
            self.tr("peak {}") if shown is stack else self.tr("peak of what is shown {}"),
        )
        self.chart.show_lines([line for part, _, line in counted if part not in hidden])
        entries = [
            LegendEntry(name, "■", group_colour(theme, by, group).name(), name)
            for name, group in zip(stack.names, stack.groups, strict=True)
        ]
        entries += [
            LegendEntry(part, sign, theme.text.name(), f"{part}, {format_bytes(_highest(line))}")
            for part, sign, line in counted
        ]
        self.legend.show_entries(entries, hidden)
        self._show_panes()

    def _show_panes(self) -> None:
        """Fill what is in sight for the chosen moment."""
        is_peak = self._moment_ns == self.stack.total.peak_ns
        if self.lists.currentWidget() is self.alive:
            self.alive.show_moment(self._device, self._moment_ns, is_peak=is_peak)
        else:
            by = self.grouping.currentData()
            self.breakdown.show_moment(self._device, self._moment_ns, by, is_peak=is_peak)
        if self.charts.currentWidget() is self.lifetimes:
            self.lifetimes.show_device(
                self._device, self._end_ns(), with_lasting=self.lasting.isChecked()
            )
        elif self.charts.currentWidget() is self.segments:
            self.segments.show_moment(self._device, self._moment_ns)

    @property
    def _hidden(self) -> frozenset[str]:
        return self._context.bytes_axis.hidden

    def _leave_out_what_dwarfs(self) -> None:
        """A pool far beyond the model's own blocks would make their chart a flat line."""
        for part, _, line in self._counted():
            is_far = _highest(line) > _DWARFED * self.stack.total.peak_bytes
            if is_far and part not in self._hidden:
                self._context.bytes_axis.toggle(part)

    def _counted(self) -> list[tuple[str, str, Line]]:
        """Title, sign and curve of what the allocator counted beyond the blocks that are known."""
        counters, theme = self._context.profile.memory.counters, self._context.theme
        rows = np.flatnonzero(counters.device == self._device)
        known = self.stack.total.peak_bytes
        found = []
        for sign, title, values, style, least in (
            ("┄", self.tr("reserved"), counters.reserved_bytes[rows], Qt.PenStyle.DashLine, 0),
            ("⋯", self.tr("in use, as the allocator counts"), counters.allocated_bytes[rows],
             Qt.PenStyle.DotLine, known),
        ):  # fmt: skip
            if int(values.max(initial=-1)) > least:
                told = values >= 0
                pen = pg.mkPen(theme.text, width=1, style=style)
                found.append((title, sign, Line(counters.time_ns[rows[told]], values[told], pen)))
        return found

    def _tell_moment(self, moment_ns: float, place: QPointF) -> None:
        time_ns = round(moment_ns) + self._context.origin_ns
        text = moment_text(self._context.profile, self.stack, time_ns, self._context.origin_ns)
        QToolTip.showText(place.toPoint(), text, self.chart)

    def _follow(self) -> None:
        """Mark the picked blocks and time range, and draw the blocks' share of the curve."""
        self.alive.follow()
        selection = self._context.selection.picked
        self._shade_range()
        picked = self._context.profile.memory.allocations.take(selection.allocations)
        self.chart.show_picked(*curve_of(picked.take(picked.device == self._device)))

    def _shade_range(self) -> None:
        """The picked time range, or the one that is being dragged over."""
        dragged, shown = self.chart.drag.range_ns, self._context.selection.picked.time_range_ns
        origin_ns = self._context.origin_ns
        if dragged is not None:
            shown = (round(dragged[0] + origin_ns), round(dragged[1] + origin_ns))
        self.chart.shade_range(shown)

    def _pick_range(self, begin_ns: float, end_ns: float) -> None:
        origin_ns = self._context.origin_ns
        self._context.selection.pick_time_range(
            round(begin_ns + origin_ns), round(end_ns + origin_ns)
        )

    def _end_ns(self) -> int:
        """Where the trace ends: blocks may live until then."""
        slices = self._context.profile.trace.slices
        last_ns = int((slices.start_ns + slices.duration_ns).max()) if len(slices) else 0
        times = memory_curve(self._context.profile, self._device).time_ns
        return max(last_ns, int(times[-1]) if len(times) else 0)

    def _why_empty(self) -> QLabel:
        profile = self._context.profile
        if len(profile.trace.slices):
            text = self.tr("This trace holds no allocations.")
        else:
            text = why_nothing_ran(
                profile, self.tr("This model was not run yet: there is no memory to show.")
            )
        return EmptyNote(text)


def _highest(line: Line) -> int:
    return int(line.bytes.max())
