"""Picks by the flow of data: neighbours, everything before or after, and the path between two."""

from PySide6.QtCore import QObject, Signal

from profilers.analysis.graph_walk import Direction
from views.graph.canvas import GraphCanvas
from views.graph.prepared import walk_of
from views.graph.structure.hierarchy import ROOT

EVERYWHERE = 1 << 30


class Reach(QObject):
    """Begins at what is picked in the canvas; `said` tells what came of it."""

    said = Signal(str)

    def __init__(self, canvas: GraphCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas

    def spread(self, depth: int, direction: Direction) -> None:
        """Pick also what lies at most `depth` edges away."""
        model, picked = self._canvas.model, sorted(self._canvas.painter.picked)
        if picked:
            near = walk_of(model.profile, model.stage).near(picked, depth, direction)
            self._canvas.pick_nodes(sorted({*picked, *near.tolist()}))
            self.said.emit(self.tr("{:,} nodes").format(len(self._canvas.painter.picked)))

    def path_to(self, item: int) -> None:
        """Pick the shortest path from what is picked to the first node of an item."""
        picked = sorted(self._canvas.painter.picked)
        inside = self._canvas.model.hierarchy.nodes_in(item).tolist() if item != ROOT else []
        if picked and inside:
            self.path_between(picked[0], inside[0])

    def path_between(self, begin: int, end: int) -> None:
        model = self._canvas.model
        walk = walk_of(model.profile, model.stage)
        path = walk.path(begin, end)
        if path is None or not path.is_directed:
            path = walk.path(end, begin) or path
        if path is None:
            self.said.emit(self.tr("No path leads from one to the other."))
            return
        self._canvas.pick_nodes(path.nodes.tolist())
        edges = self.tr("{:,} edges").format(len(path.nodes) - 1)
        note = "" if path.is_directed else self.tr(", in part against the flow")
        self.said.emit(self.tr("Path of {}").format(edges) + note)
