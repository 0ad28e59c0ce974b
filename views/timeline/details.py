"""The pane that tells what is picked: one slice in full, or a time range summed by name."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from profilers.units import format_count, format_duration
from views.column_table import ColumnTable
from views.elided_label import ElidedLabel
from views.timeline.flows import FlowIndex
from views.timeline.range_sums import RangeSums
from views.timeline.range_table import RangeTable, SumBy
from views.timeline.scene import Scene
from views.timeline.slice_facts import SliceFacts

_LONGEST_VALUE = 2000


class DetailsPane(QWidget):
    def __init__(self, scene: Scene, flows: FlowIndex, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._context = scene.context
        self._slice_facts = SliceFacts(scene.context, flows, self)
        self.title = ElidedLabel(cut=Qt.TextElideMode.ElideRight)
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
        self.sums.let_give_way(0)
        self._table = RangeTable(scene, self)
        self._sums_of_all: dict[SumBy, RangeSums] = {}
        self._shown_range = scene.extent_ns
        self.by = QComboBox()
        self.by.setAccessibleName(self.tr("Sum by"))
        for by, text in (
            (SumBy.NAME, self.tr("by name")),
            (SumBy.CATEGORY, self.tr("by category")),
            (SumBy.TRACK, self.tr("by track")),
        ):
            self.by.addItem(text, by.value)
        self.by.currentIndexChanged.connect(self._sum_anew)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.facts)
        self._pages.addWidget(self.sums)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.by)
        layout.addLayout(head)
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
        if self._scene.is_hidden(row):
            facts.insert(0, (self.tr("Not drawn"), self.tr("Framework noise is hidden (H)")))
        self.facts.addTopLevelItems([_item(label, text) for label, text in facts])
        self.facts.resizeColumnToContents(0)
        self._pages.setCurrentWidget(self.facts)
        self.by.hide()

    def show_range(self, begin_ns: int, end_ns: int) -> None:
        """What ran within the range, summed."""
        self._shown_range = (begin_ns, end_ns)
        sums = self._table.sums(self._by, begin_ns, end_ns)
        self._show_sums(sums)
        self.title.setText(
            self.tr("{} from {}: {} slices of {}").format(
                format_duration(end_ns - begin_ns),
                format_duration(begin_ns - self._context.origin_ns),
                format_count(int(sums.count.sum())),
                self._number_of(len(sums.entry)),
            )
        )

    def show_whole(self) -> None:
        """Sums over the whole trace, for when nothing is picked."""
        begin_ns, end_ns = self._shown_range = self._scene.extent_ns
        if self._by not in self._sums_of_all:
            self._sums_of_all[self._by] = self._table.sums(self._by, begin_ns, end_ns)
        sums = self._sums_of_all[self._by]
        self._show_sums(sums)
        self.title.setText(
            self.tr("The whole trace: {} slices in {}. Click one, or drag over a range.").format(
                format_count(int(sums.count.sum())), format_duration(end_ns - begin_ns)
            )
        )

    def _number_of(self, entries: int) -> str:
        texts = {
            SumBy.NAME: self.tr("{} names"),
            SumBy.CATEGORY: self.tr("{} categories"),
            SumBy.TRACK: self.tr("{} tracks"),
        }
        return texts[self._by].format(entries)

    def _show_sums(self, sums: RangeSums) -> None:
        begin_ns, end_ns = self._shown_range
        self.sums.show_columns(self._table.columns(self._by, sums, end_ns - begin_ns), sort_by=1)
        self._pages.setCurrentWidget(self.sums)
        self.by.show()

    @property
    def _by(self) -> SumBy:
        return SumBy(self.by.currentData())

    def _sum_anew(self) -> None:
        if self._shown_range == self._scene.extent_ns:
            self.show_whole()
        else:
            self.show_range(*self._shown_range)


def _item(label: str, text: str) -> QTreeWidgetItem:
    short = text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
    item = QTreeWidgetItem([label, short.replace("\n", "  ←  ")])  # lines of a call stack
    item.setToolTip(1, short)
    return item
