"""The model's graph: scopes that fold, figures on nodes, and the stages that compilers made of it."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QTabWidget, QVBoxLayout, QWidget

from profilers.analysis.graph_walk import Direction
from profilers.profile import Graph, Profile
from views.background import Latest
from views.context import ViewContext
from views.empty_note import EmptyNote, why_nothing_ran
from views.graph.breadcrumbs import Breadcrumbs
from views.graph.canvas import GraphCanvas
from views.graph.differences import DifferenceList
from views.graph.drawing.flags import Flags
from views.graph.drawing.look import growth
from views.graph.find_field import FindField
from views.graph.following import Follower
from views.graph.inspector import NodeInspector
from views.graph.keys import KEYS
from views.graph.legend_bar import LegendBar
from views.graph.menu import GraphMenu
from views.graph.minimap import Minimap
from views.graph.model import StageModel
from views.graph.prepared import flat_hierarchy_of, hierarchy_of, search_of
from views.graph.reach import Reach
from views.graph.side_split import SideSplit
from views.graph.steering import Steering
from views.graph.structure.hierarchy import ROOT
from views.graph.toolbar import Toolbar
from views.notes_pane import NotesPane, titled_notes
from views.plain_label import PlainLabel

_INDEXED_AT_ONCE = 5_000  # nodes; they take 15 ms
_MOST_UNFOLDED = 20_000  # boxes


class GraphView(QWidget):
    """Click picks, double click folds, Ctrl+F finds, arrows walk, F fits, Backspace folds the parent."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._is_picking = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        if not context.profile.graphs or not len(context.profile.authored.nodes):
            layout.addWidget(EmptyNote(self._why_empty()))
            return
        self.canvas = GraphCanvas(context)
        self.minimap = Minimap(self.canvas, context.theme)
        self.inspector = NodeInspector(context)
        self.finder = FindField(context.theme, lambda: context.notes.nodes)
        self.bar = Toolbar(context.profile, self.finder)
        self.path = Breadcrumbs()
        self.legend = LegendBar(context.theme)
        self.steering = Steering(self.canvas)
        self.reach = Reach(self.canvas)
        self.menu = GraphMenu(self.canvas, self.reach, self)
        self.follower = Follower(self.canvas, context.counterpart)
        self.notes = NotesPane(context)
        self.differences = DifferenceList(context)
        self.side = QTabWidget()
        self.side.tabBar().setAccessibleName(self.tr("Beside the graph"))
        self.side.setDocumentMode(True)
        self.side.setElideMode(Qt.TextElideMode.ElideRight)
        self.side.setUsesScrollButtons(False)
        for title, page in (
            (self.tr("Details"), self.inspector),
            (self.tr("Notes"), self.notes),
            (self.tr("Differences"), self.differences),
        ):
            self.side.addTab(page, title)
        self._tell_notes()
        context.notes.changed.connect(self._tell_notes)
        layout.addWidget(self.bar)
        self.said = PlainLabel()
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(self.said)
        layout.addLayout(row)
        layout.addWidget(SideSplit(self.canvas, self.side), 1)
        layout.addWidget(self.legend)
        self._indexed = Latest(self)
        self._connect()
        self.keys_go_to = self.canvas
        self._show_stage()

    def _why_empty(self) -> str:
        if len(self._context.profile.trace.slices):
            return self.tr("This profile has no graph: a trace alone does not tell it.")
        untold = self.tr("This model was not run yet, and its file does not tell its graph.")
        return why_nothing_ran(self._context.profile, untold)

    def is_settled(self) -> bool:
        if not hasattr(self, "canvas"):
            return True
        return self.canvas.is_settled() and not self._indexed.is_waiting

    def fold_all(self) -> None:
        self.canvas.unfold(frozenset())
        self.canvas.fit_readable()

    def unfold_all(self) -> None:
        """Unfold everything, from the outside in, as long as it can be drawn at once."""
        tree = self._model.hierarchy.tree
        containers = tree.containers[tree.depth[tree.containers].argsort(kind="stable")]
        shown = tree.child_count(ROOT)
        opened: set[int] = set()
        for item in containers[tree.depth[containers] >= 0].tolist():
            shown += tree.child_count(item)
            if shown > _MOST_UNFOLDED:
                break
            opened.add(item)
        self.canvas.unfold(frozenset(opened))
        self.canvas.fit_readable()

    def open_finder(self) -> None:
        if hasattr(self, "canvas"):
            self.finder.take_focus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if KEYS.action_of(event) == "find":
            self.open_finder()
        else:
            super().keyPressEvent(event)

    def _connect(self) -> None:
        self.bar.stage.currentIndexChanged.connect(self._show_stage)
        self.bar.flat.toggled.connect(self._show_stage)
        self.bar.colour_by.currentIndexChanged.connect(self._recolour)
        self.bar.size_by.currentIndexChanged.connect(self._resize_boxes)
        self.bar.fold_all.connect(self.fold_all)
        self.bar.unfold_all.connect(self.unfold_all)
        self.bar.fit.connect(self.canvas.fit)
        self._indexed.arrived.connect(self.finder.search_in)
        self.finder.found.connect(self._mark_found)
        self.finder.reached.connect(self._reach)
        self.finder.left.connect(lambda: self.canvas.setFocus(Qt.FocusReason.OtherFocusReason))
        self.path.chosen.connect(self._show_box)
        self.canvas.picked.connect(self._pick)
        self.canvas.stage_nodes_picked.connect(self._inspect)
        self.canvas.scene_changed.connect(self._tell_legend)
        self.canvas.menu_wanted.connect(self.menu.open)
        self.canvas.path_wanted.connect(self.reach.path_to)
        self.canvas.action_wanted.connect(self._act)
        self.reach.said.connect(self.said.setText)
        self._context.selection.changed.connect(self._follow)
        self._context.counterpart.changed.connect(self._reflag)
        self._context.notes.changed.connect(self._reflag)
        self.menu.note_wanted.connect(self._write_note)

    def _show_stage(self) -> None:
        profile, stage = self._context.profile, self.bar.stage.currentData()
        arranged = flat_hierarchy_of if self.bar.flat.isChecked() else hierarchy_of
        self._model = StageModel(profile, stage, arranged(profile, stage), self.font())
        self._set_growth()
        self.canvas.show_stage(self._model)
        self._reflag()
        self._recolour()
        self._index_names(profile, stage)
        self._follow()

    def _index_names(self, profile: Profile, stage: int) -> None:
        """So that finding can begin; for a large graph once the picture is there."""
        if len(self._graph.nodes) <= _INDEXED_AT_ONCE:
            self.finder.search_in(search_of(profile, stage))
        else:
            self._indexed.ask(lambda: search_of(profile, stage))

    def _tell_notes(self) -> None:
        tab = self.side.indexOf(self.notes)
        self.side.setTabText(tab, titled_notes(self._context.notes))

    def _write_note(self) -> None:
        self.side.setCurrentWidget(self.notes)
        self.notes.begin_note()

    def _reflag(self) -> None:
        self.canvas.painter.set_flags(Flags(self._context, self._model))
        self.canvas.update()

    def _recolour(self) -> None:
        self.canvas.painter.set_measure(self.bar.colour_by.currentData())
        self.canvas.update()
        self.minimap.renew()
        self._tell_legend()

    def _tell_legend(self) -> None:
        legend = self.canvas.painter.legend(self.canvas.scene)
        note = self.tr("the highest of the boxes shown") if legend.is_scale else ""
        self.legend.show_legend(legend, note)

    def _resize_boxes(self) -> None:
        self._set_growth()
        self.canvas.resize_boxes()

    def _set_growth(self) -> None:
        measure = self.bar.size_by.currentData()
        self._model.growth[:] = growth(self._model, measure) if measure else 1.0

    def _act(self, action: str) -> None:
        acts: dict[str, Callable[[], object]] = {
            **self.steering.acts,
            "find": self.finder.take_focus,
            "find_on": lambda: self.finder.step(1),
            "find_back": lambda: self.finder.step(-1),
            "about_all": self._show_about_all,
            "save_picture": self.menu.save_whole,
            "copy": self.menu.copy_text,
            "neighbours": lambda: self.reach.spread(1, Direction.BOTH),
            "note": self._write_note,
        }
        acts[action]()

    def _show_about_all(self) -> None:
        self.canvas.pick(ROOT)
        self.side.setCurrentWidget(self.inspector)

    def _pick(self, authored: list[int]) -> None:
        self._is_picking = True
        try:
            if authored:
                self._context.selection.pick_nodes(authored)
            else:
                self._context.selection.clear()
        finally:
            self._is_picking = False

    def _inspect(self, nodes: list[int]) -> None:
        self.said.clear()
        if len(nodes) == 1:
            authored = self._model.authored(nodes)
            self.inspector.show_node(self._model.stage, nodes[0], authored)
        elif nodes:
            self.inspector.show_many(len(nodes), self._model.authored(nodes))
        else:
            self.inspector.show_graph(self._model.stage)
        self.path.show_path(self._model, self._innermost_around(nodes))

    @property
    def _graph(self) -> Graph:
        return self._context.profile.graphs[self._model.stage]

    def _innermost_around(self, nodes: list[int]) -> int:
        """The innermost item that holds all of these nodes."""
        if not nodes:
            return ROOT
        hierarchy, rows = self._model.hierarchy, np.array(nodes, np.int32)
        around = (nodes[0], *hierarchy.ancestors(nodes[0]))
        return next((each for each in around if hierarchy.tree.holds(each, rows).all()), ROOT)

    def _follow(self) -> None:
        if self._is_picking:
            return
        picked = self._context.selection.picked
        nodes = self._model.from_authored(picked.nodes.tolist())
        self.canvas.show_picked(nodes, come_into_sight=True)
        self._inspect(nodes)

    def _mark_found(self, nodes: list[int]) -> None:
        self.canvas.painter.set_found(nodes)
        self.canvas.update()

    def _reach(self, node: int) -> None:
        self.canvas.show_picked([node], come_into_sight=True)
        self._inspect([node])
        self._pick(self._model.authored([node]))

    def _show_box(self, item: int) -> None:
        if item == ROOT:
            self.canvas.fit()
        else:
            self.canvas.pick(item)
            self.canvas.show_item(item)
