"""What can be done with a box of the graph, or with all of it."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from profilers.analysis.graph_text import graph_text
from profilers.analysis.graph_walk import Direction
from views.graph.canvas import GraphCanvas
from views.graph.drawing import pictures
from views.graph.drawing.layers import Viewport
from views.graph.reach import EVERYWHERE, Reach
from views.graph.structure.hierarchy import ROOT


class GraphMenu(QObject):
    """Opened by a right click or the menu key."""

    note_wanted = Signal()

    def __init__(self, canvas: GraphCanvas, reach: Reach, parent: QObject) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._reach = reach

    def open(self, item: int, place: QPoint) -> None:
        self.built(item).popup(place)

    def built(self, item: int) -> QMenu:
        """The menu for a box, or for the whole graph at `ROOT`."""
        canvas = self._canvas
        menu = QMenu(canvas)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if item != ROOT:
            self._add_box_actions(menu, item)
            menu.addSeparator()
        picture = menu.addMenu(self.tr("Picture"))
        for title, act in (
            (self.tr("Copy what is in sight"), lambda: self._copy(self._visible())),
            (self.tr("Copy the whole graph"), lambda: self._copy(self._whole())),
            (self.tr("Save what is in sight…"), lambda: self._save(self._visible())),
            (self.tr("Save the whole graph…  (Ctrl+Shift+E)"), self.save_whole),
        ):
            picture.addAction(title, act)
        if item == ROOT:
            menu.addAction(self.tr("Copy as text  (Ctrl+C)"), self.copy_text)
        menu.addAction(self.tr("Fit  (Space)"), canvas.fit)
        return menu

    def _add_box_actions(self, menu: QMenu, item: int) -> None:
        canvas = self._canvas
        if canvas.model.hierarchy.is_container(item):
            is_open = item in canvas.opened
            title = self.tr("Fold  (Enter)") if is_open else self.tr("Unfold  (Enter)")
            menu.addAction(title, lambda: canvas.toggle(item))
            menu.addAction(self.tr("Unfold all inside"), lambda: self._open_inside(item))
        menu.addAction(self.tr("Show  (F)"), lambda: canvas.show_item(item))
        self._add_picks(menu.addMenu(self.tr("Pick also")))
        menu.addAction(self.tr("Write a note  (M)"), self.note_wanted.emit)
        menu.addAction(self.tr("Copy name"), lambda: _to_clipboard(canvas.model.titles.name(item)))
        menu.addAction(self.tr("Copy as text  (Ctrl+C)"), self.copy_text)

    def copy_text(self) -> None:
        """What is picked, or all of the stage, one line per node."""
        model, picked = self._canvas.model, sorted(self._canvas.painter.picked)
        _to_clipboard(graph_text(model.profile, model.stage, picked or None))

    def save_whole(self) -> None:
        """Ask where a picture of the whole graph goes."""
        self._save(self._whole())

    def _add_picks(self, menu: QMenu) -> None:
        reach, picked = self._reach, sorted(self._canvas.painter.picked)
        for depth in (1, 2, 3):
            title = self.tr("Neighbours to depth {}").format(depth)
            menu.addAction(title, partial(reach.spread, depth, Direction.BOTH))
        for title, direction in (
            (self.tr("All that feeds it"), Direction.UPSTREAM),
            (self.tr("All that depends on it"), Direction.DOWNSTREAM),
        ):
            menu.addAction(title, partial(reach.spread, EVERYWHERE, direction))
        if len(picked) == 2:
            menu.addAction(self.tr("Path between both"), partial(reach.path_between, *picked))

    def _open_inside(self, item: int) -> None:
        tree = self._canvas.model.hierarchy.tree
        inside = {each for each in tree.inside(item).tolist() if tree.child_count(each)}
        self._canvas.unfold(self._canvas.opened | inside)

    def _visible(self) -> Viewport:
        return self._canvas.camera.viewport()

    def _whole(self) -> Viewport:
        return pictures.whole(self._canvas.scene)

    def _copy(self, view: Viewport) -> None:
        image = pictures.drawn(self._canvas.painter, self._canvas.scene, view)
        QGuiApplication.clipboard().setImage(image)

    def _save(self, view: Viewport) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self._canvas, self.tr("Save picture"), "graph.svg", self.tr("Pictures (*.svg *.png)")
        )
        if not name:
            return
        try:
            pictures.save(Path(name), self._canvas.painter, self._canvas.scene, view)
        except OSError as error:
            text = self.tr("The picture could not be saved: {}").format(error)
            QMessageBox.warning(self._canvas, self.tr("Save picture"), text)


def _to_clipboard(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
