"""What the keys do on the canvas itself: walk, fold, zoom, pan and fit."""

from collections.abc import Callable

from views.graph import walking
from views.graph.canvas import ZOOM_STEP, GraphCanvas
from views.graph.structure.hierarchy import ROOT

_PAN_SHARE = 0.15  # of the canvas, for one press of a letter


class Steering:
    """`acts` are by name of an action in `views.graph.keys`."""

    def __init__(self, canvas: GraphCanvas) -> None:
        self._canvas = canvas
        self.acts: dict[str, Callable[[], object]] = {
            "walk_down": lambda: self._walk(down=True),
            "walk_up": lambda: self._walk(down=False),
            "walk_left": lambda: self._walk_beside(-1),
            "walk_right": lambda: self._walk_beside(1),
            "toggle": lambda: canvas.toggle(canvas.current()),
            "fold_around": self._fold_parent,
            "focus": self._show_picked_or_all,
            "fit": canvas.fit,
            "zoom_in": lambda: canvas.zoom(ZOOM_STEP),
            "zoom_out": lambda: canvas.zoom(1 / ZOOM_STEP),
            "actual_size": lambda: canvas.zoom(1 / canvas.scale),
            "pan_left": lambda: canvas.pan(-_PAN_SHARE, 0),
            "pan_right": lambda: canvas.pan(_PAN_SHARE, 0),
            "pan_up": lambda: canvas.pan(0, -_PAN_SHARE),
            "pan_down": lambda: canvas.pan(0, _PAN_SHARE),
            "clear": lambda: canvas.pick(ROOT),
        }

    def _show_picked_or_all(self) -> None:
        """What is picked fills the view; once it does, or if nothing is, all of the graph."""
        canvas = self._canvas
        item, before = canvas.current(), canvas.camera.viewport()
        if item != ROOT:
            canvas.show_item(item)
        if item == ROOT or canvas.camera.viewport() == before:
            canvas.fit()

    def _walk(self, *, down: bool) -> None:
        """Along a line, down or up, across the borders of open boxes."""
        canvas, current = self._canvas, self._canvas.current()
        if current == ROOT:
            self._begin()
        else:
            self._go(walking.along(canvas.scene, canvas.model.hierarchy, current, down=down))

    def _walk_beside(self, by: int) -> None:
        canvas, current = self._canvas, self._canvas.current()
        if current == ROOT:
            self._begin()
        else:
            self._go(walking.beside(canvas.scene, canvas.model.hierarchy, current, by))

    def _begin(self) -> None:
        """Nothing is picked yet: walks begin at what is seen first."""
        self._go(walking.first_seen(self._canvas.scene, self._canvas.camera.viewport()))

    def _go(self, item: int) -> None:
        if item != ROOT:
            self._canvas.pick(item)
            self._canvas.bring_into_sight(item)

    def _fold_parent(self) -> None:
        canvas, current = self._canvas, self._canvas.current()
        around = int(canvas.model.hierarchy.tree.parent[current]) if current != ROOT else ROOT
        if around in canvas.opened:
            canvas.toggle(around)
