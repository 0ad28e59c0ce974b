"""All that is known of the picked node."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from profilers.profile import Edges, Graph, Parameters, decode
from profilers.units import format_bytes, format_count, format_duration
from views.context import ViewContext
from views.graph.figures import NodeFigures

_MOST_ROWS = 40


class NodeInspector(QTreeWidget):
    """Two columns of text, in groups."""

    def __init__(
        self, context: ViewContext, figures: NodeFigures, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._figures = figures
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setIndentation(10)
        self.header().setStretchLastSection(True)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.header().resizeSection(
            0, self.fontMetrics().horizontalAdvance("Self time per step") + 28
        )
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Details of the picked node"))

    def show_node(self, graph: Graph, node: int, authored: list[int]) -> None:
        """`node` is of `graph`; `authored` are the nodes it was made from."""
        self.clear()
        strings, nodes = self._context.profile.strings, graph.nodes
        top = self._group(strings[int(nodes.name[node])])
        _line(top, self.tr("Operator"), strings[int(nodes.operator[node])])
        path = self._path(graph, int(nodes.scope[node]))
        if path:
            _line(top, self.tr("Module"), path)
        if nodes.source[node] >= 0:
            _line(top, self.tr("Source"), strings[int(nodes.source[node])])
        _line(top, "FLOPs", format_count(int(nodes.flops[node])))
        for each in authored[:_MOST_ROWS]:
            self._measured(top, each, several=len(authored) > 1)
        self._tensors(graph, node)
        self._parameters(graph, node)
        attributes = decode(graph.attributes, node)
        if attributes:
            group = self._group(self.tr("Attributes"))
            for name, value in list(attributes.items())[:_MOST_ROWS]:
                _line(group, str(name), str(value))
        self.expandAll()

    def show_graph(self, graph: Graph) -> None:
        """A summary of the whole graph, while nothing is picked."""
        self.clear()
        top = self._group(self.tr("{} graph").format(graph.stage.capitalize()))
        _line(top, self.tr("Nodes"), f"{len(graph.nodes):,}")
        _line(top, self.tr("Edges"), f"{len(graph.edges):,}")
        if len(graph.parameters):
            size = format_bytes(int(graph.parameters.bytes.sum()))
            _line(top, self.tr("Parameters"), f"{len(graph.parameters):,}  ·  {size}")
        flops = graph.nodes.flops
        if (flops >= 0).any():
            _line(top, "FLOPs", format_count(int(flops[flops >= 0].sum())))
        time_ns = self._figures.time_ns
        if (time_ns >= 0).any():
            _line(top, self.tr("Self time per step"), format_duration(time_ns[time_ns >= 0].sum()))
        self.expandAll()

    def show_many(self, count: int, nodes: list[int]) -> None:
        """A summary of several nodes of the authored graph."""
        self.clear()
        top = self._group(self.tr("{} nodes").format(count))
        rows = np.array(nodes, np.int64)
        time_ns = self._figures.time_ns[rows]
        flops = self._figures.flops[rows]
        _line(top, self.tr("Self time per step"), format_duration(time_ns[time_ns > 0].sum()))
        _line(top, "FLOPs", format_count(flops[flops > 0].sum()))
        self.expandAll()

    def _measured(self, group: QTreeWidgetItem, node: int, *, several: bool) -> None:
        strings, nodes = self._context.profile.strings, self._context.profile.authored.nodes
        prefix = strings[int(nodes.name[node])] + ": " if several else ""
        if self._figures.time_ns[node] >= 0:
            text = format_duration(self._figures.time_ns[node])
            _line(group, prefix + self.tr("Self time per step"), text)
        if self._figures.memory_bytes[node] >= 0:
            text = format_bytes(self._figures.memory_bytes[node])
            _line(group, prefix + self.tr("Largest block"), text)

    def _tensors(self, graph: Graph, node: int) -> None:
        strings, edges = self._context.profile.strings, graph.edges
        for title, rows in (
            (self.tr("Inputs"), np.flatnonzero(edges.target == node)),
            (self.tr("Outputs"), np.flatnonzero(edges.source == node)),
        ):
            seen: set[int] = set()
            group = self._group(title) if len(rows) else None
            for row in rows[:_MOST_ROWS].tolist():
                if title == self.tr("Outputs") and int(edges.tensor[row]) in seen:
                    continue
                seen.add(int(edges.tensor[row]))
                assert group is not None
                _line(group, strings[int(edges.tensor[row])], self._tensor(edges, row))

    def _parameters(self, graph: Graph, node: int) -> None:
        uses, strings = graph.parameter_uses, self._context.profile.strings
        rows = uses.parameter[uses.node == node]
        group = self._group(self.tr("Parameters")) if len(rows) else None
        for row in rows[:_MOST_ROWS].tolist():
            assert group is not None
            text = self._tensor(graph.parameters, row)
            _line(group, strings[int(graph.parameters.name[row])], text)

    def _tensor(self, table: Edges | Parameters, row: int) -> str:
        """Its shape, and below it the type and size."""
        strings = self._context.profile.strings
        shape = strings[int(table.shape[row])] if table.shape[row] >= 0 else "?"
        dtype = strings[int(table.dtype[row])] if table.dtype[row] >= 0 else "?"
        size = f"  {format_bytes(int(table.bytes[row]))}" if table.bytes[row] >= 0 else ""
        return f"{shape.replace(',', ' × ') or self.tr('scalar')}\n{dtype}{size}"

    def _path(self, graph: Graph, scope: int) -> str:
        parts = []
        while scope >= 0:
            parts.append(self._context.profile.strings[int(graph.scopes.name[scope])])
            scope = int(graph.scopes.parent[scope])
        return "/".join(reversed(parts))

    def _group(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([title])
        font = item.font(0)
        font.setBold(True)
        item.setFont(0, font)
        self.addTopLevelItem(item)
        item.setFirstColumnSpanned(True)
        return item


def _line(group: QTreeWidgetItem, name: str, value: str) -> None:
    item = QTreeWidgetItem([name, value])
    item.setToolTip(0, name)
    item.setToolTip(1, value)
    group.addChild(item)
