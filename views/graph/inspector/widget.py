"""A tree of sections; it remembers which of them are folded."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from profilers.analysis.stage_figures import stage_figures
from profilers.profile import UNKNOWN
from profilers.units import format_bytes, format_count, format_duration
from views.context import ViewContext
from views.graph.inspector import graph_facts, run_facts
from views.graph.inspector.bar_chart import BarChart
from views.graph.inspector.section import Fact, Section
from views.graph.inspector.wrapping import Wrapping
from views.graph.stage_title import stage_title

_KEY = Qt.ItemDataRole.UserRole
_LABEL_SHARE = 0.58


class NodeInspector(QTreeWidget):
    """Two columns of text, in sections that fold; Ctrl+C copies what is picked in it."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._folded: set[str] = set()
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setIndentation(10)
        self.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self.setWordWrap(True)
        self.setItemDelegate(Wrapping(self))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QTreeWidget.ScrollMode.ScrollPerPixel)
        self.setAccessibleName(self.tr("Details of the picked node"))
        header = self.header()
        header.setStretchLastSection(False)  # it would reach below the scroll bar
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._label_width = self.fontMetrics().horizontalAdvance(self.tr("Self time per step")) + 28
        self.itemCollapsed.connect(lambda item: self._folded.add(item.data(0, _KEY)))
        self.itemExpanded.connect(lambda item: self._folded.discard(item.data(0, _KEY)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow pane labels leave room for what they tell."""
        super().resizeEvent(event)
        room = self.viewport().width()
        labels = min(self._label_width, round(_LABEL_SHARE * room))
        self.header().resizeSection(0, labels)
        self.header().resizeSection(1, room - labels)
        self.scheduleDelayedItemsLayout()

    def show_node(self, stage: int, node: int, authored: list[int]) -> None:
        """`node` is of that stage; `authored` are the nodes it was made from."""
        profile = self._context.profile
        graph = profile.graphs[stage]
        flops = int(graph.nodes.flops[node])
        only = authored[0] if stage == 0 and authored else -1
        self._show(
            [
                graph_facts.problems(profile, graph, node),
                graph_facts.identity(profile, graph, node),
                graph_facts.origins(profile, graph, node),
                run_facts.timing(profile, authored, flops),
                run_facts.kernels(profile, authored),
                run_facts.fusion(profile, only) if only >= 0 else Section("fusion", ""),
                run_facts.memory(profile, authored),
                *graph_facts.tensors(profile, graph, node),
                graph_facts.parameters(profile, graph, node),
                graph_facts.attributes(graph, node),
                run_facts.generated(profile, stage, node),
            ]
        )

    def show_many(self, count: int, authored: list[int]) -> None:
        """Sums of several nodes, and the heaviest of them."""
        profile, nodes = self._context.profile, self._context.profile.authored.nodes
        top = Section("identity", self.tr("{:,} nodes").format(count))
        flops = nodes.flops[authored]
        known = int(flops[flops >= 0].sum()) if (flops >= 0).any() else UNKNOWN
        top.add("FLOPs", format_count(known))
        top.add(self.tr("Parameters"), format_bytes(int(nodes.parameter_bytes[authored].sum())))
        self._show(
            [
                top,
                run_facts.timing(profile, authored, known),
                run_facts.heaviest(profile, authored),
                run_facts.kernels(profile, authored),
                run_facts.memory(profile, authored),
            ]
        )

    def show_graph(self, stage: int) -> None:
        """A summary of a whole stage, while nothing is picked."""
        profile = self._context.profile
        graph = profile.graphs[stage]
        top = Section("graph", self.tr("{} graph").format(stage_title(graph.stage)))
        top.add(self.tr("Nodes"), f"{len(graph.nodes):,}")
        top.add(self.tr("Edges"), f"{len(graph.edges):,}")
        if len(graph.parameters):
            size = format_bytes(int(graph.parameters.bytes.sum()))
            top.add(self.tr("Parameters"), size)
            top.add(self.tr("Weight tensors"), f"{len(graph.parameters):,}")
        flops = graph.nodes.flops
        if (flops >= 0).any():
            top.add("FLOPs", format_count(int(flops[flops >= 0].sum())))
        times = stage_figures(profile, stage).time_ns
        if (times >= 0).any():
            top.add(self.tr("Self time per step"), format_duration(times[times >= 0].sum()))
        if len(graph.problems):
            top.add(
                self.tr("Problems"),
                self.tr("{:,}: find them by has:problem").format(len(graph.problems)),
                is_warning=True,
            )
        self._show([top])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            lines = [f"{item.text(0)}\t{item.text(1)}".strip() for item in self.selectedItems()]
            QGuiApplication.clipboard().setText("\n".join(lines))
        else:
            super().keyPressEvent(event)

    def _show(self, sections: list[Section]) -> None:
        self.clear()
        for section in sections:
            if section.facts:
                self._add(section)

    def _add(self, section: Section) -> None:
        top = QTreeWidgetItem([section.title])
        font = top.font(0)
        font.setBold(True)
        top.setFont(0, font)
        top.setData(0, _KEY, section.key)
        top.setToolTip(0, section.title[:300])
        self.addTopLevelItem(top)
        top.setFirstColumnSpanned(True)
        for fact in section.facts:
            self._add_fact(top, fact)
        top.setExpanded(section.key not in self._folded)

    def _add_fact(self, top: QTreeWidgetItem, fact: Fact) -> None:
        item = QTreeWidgetItem([fact.label, fact.text])
        item.setToolTip(0, fact.label[:300])
        item.setToolTip(1, fact.text[:1000])
        for column in range(2):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        if fact.is_warning:
            for column in range(2):
                item.setForeground(column, QBrush(self._context.theme.error))
        top.addChild(item)
        if not fact.label and not fact.bars:
            item.setText(0, fact.text)
            item.setText(1, "")
            item.setFirstColumnSpanned(True)
        if fact.bars is not None:
            self.setItemWidget(item, 1, BarChart(fact.bars, self._context.theme, self))
