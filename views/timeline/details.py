"""The pane that tells what is picked: one slice in full, or a time range summed by name."""

from functools import cached_property

import numpy as np
from PySide6.QtWidgets import (
    QLabel,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from profilers.units import format_count, format_duration, format_percent
from views.column_table import Column, ColumnTable
from views.timeline.flows import FlowIndex
from views.timeline.range_sums import RangeSums, range_sums
from views.timeline.scene import Scene
from views.timeline.slice_facts import SliceFacts

_LONGEST_VALUE = 2000


class DetailsPane(QWidget):
    def __init__(self, scene: Scene, flows: FlowIndex, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._context = scene.context
        self._slice_facts = SliceFacts(scene.context, flows, self)
        self.title = QLabel()
        self.title.setContentsMargins(6, 2, 6, 2)
        self.facts = QTreeWidget()
        self.facts.setHeaderHidden(True)
        self.facts.setColumnCount(2)
        self.facts.setRootIsDecorated(False)
        self.facts.setUniformRowHeights(True)
        self.facts.setAlternatingRowColors(True)
        self.facts.setAccessibleName(self.tr("About the slice"))
        self.sums = ColumnTable(scene.context.theme)
        self.sums.setAccessibleName(self.tr("Sums within the range"))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.facts)
        self._pages.addWidget(self.sums)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addWidget(self._pages, 1)

    def show_slice(self, row: int) -> None:
        """Name, times, launch, links, statistics, surroundings and arguments of one slice."""
        profile = self._context.profile
        slices = profile.trace.slices
        self.title.setText(
            f"{profile.strings[int(slices.name[row])][:200]}  ·  "
            f"{format_duration(int(slices.duration_ns[row]))}"
        )
        self.facts.clear()
        facts = self._slice_facts.of(row)
        self.facts.addTopLevelItems([_item(label, text) for label, text in facts])
        self.facts.resizeColumnToContents(0)
        self._pages.setCurrentWidget(self.facts)

    def show_range(self, begin_ns: int, end_ns: int) -> None:
        """Sums by name of what ran within the range."""
        begin_text = format_duration(begin_ns - self._context.origin_ns)
        sums = range_sums(self._scene.lanes, self._scene.lanes.name, begin_ns, end_ns)
        self._show_sums(sums, begin_ns, end_ns)
        self.title.setText(
            self.tr("{} from {}: {} slices of {} names").format(
                format_duration(end_ns - begin_ns),
                begin_text,
                int(sums.count.sum()),
                len(sums.entry),
            )
        )

    def show_whole(self) -> None:
        """Sums by name over the whole trace, for when nothing is picked."""
        begin_ns, end_ns = self._scene.extent_ns
        sums = self._sums_of_all
        self._show_sums(sums, begin_ns, end_ns)
        self.title.setText(
            self.tr("The whole trace: {} slices in {}. Click one, or drag on the ruler.").format(
                format_count(int(sums.count.sum())), format_duration(end_ns - begin_ns)
            )
        )

    @cached_property
    def _sums_of_all(self) -> RangeSums:
        return range_sums(self._scene.lanes, self._scene.lanes.name, *self._scene.extent_ns)

    def _show_sums(self, sums: RangeSums, begin_ns: int, end_ns: int) -> None:
        profile = self._context.profile
        names = [profile.strings[row] for row in sums.entry.tolist()]
        share = sums.total_ns / max(end_ns - begin_ns, 1)
        columns = [
            Column(self.tr("Name"), np.array(names, str), names.__getitem__),
            Column(
                self.tr("Time"),
                sums.total_ns,
                lambda at: format_duration(sums.total_ns[at]),
                share,
                self.tr("Only what lies within the range; enclosed slices count again"),
            ),
            Column(
                self.tr("Of range"),
                share,
                lambda at: format_percent(share[at]),
                tooltip=self.tr("Above 100 % where tracks ran at the same time"),
            ),
            Column(self.tr("Slices"), sums.count, lambda at: str(int(sums.count[at]))),
        ]
        self.sums.show_columns(columns, sort_by=1)
        self._pages.setCurrentWidget(self.sums)


def _item(label: str, text: str) -> QTreeWidgetItem:
    short = text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
    item = QTreeWidgetItem([label, short.replace("\n", "  ←  ")])  # lines of a call stack
    item.setToolTip(1, short)
    return item
