"""Lets a canvas and those of matched graphs in other columns unfold and centre together."""

from collections.abc import Iterable

from PySide6.QtCore import QObject, QPointF, QTimer

from views.counterpart import Counterpart, Folding, Spot
from views.graph.canvas import GraphCanvas
from views.graph.structure.hierarchy import ROOT, Hierarchy

_STANDS_STILL_MS = 120  # after this without a move the middle is told


class Follower(QObject):
    """Tells the counterpart what the person did on the authored stage, and does what it asks."""

    def __init__(self, canvas: GraphCanvas, counterpart: Counterpart) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._counterpart = counterpart
        self._told = Spot()
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STANDS_STILL_MS)
        self._still.timeout.connect(self._tell_middle)
        canvas.unfolded.connect(self._tell_opened)
        canvas.travelled.connect(self._still.start)
        counterpart.folding_asked.connect(self._fold)
        counterpart.centre_asked.connect(self._centre)

    @property
    def _hierarchy(self) -> Hierarchy:
        return self._canvas.model.hierarchy

    def _tell_opened(self) -> None:
        if self._canvas.model.is_authored:
            rows = map(self._hierarchy.scope_row, self._canvas.opened)
            self._counterpart.tell_opened(frozenset(row for row in rows if row >= 0))

    def _tell_middle(self) -> None:
        canvas = self._canvas
        if not canvas.model.is_authored:
            return
        item = canvas.item_at(QPointF(canvas.width() / 2, canvas.height() / 2))
        if 0 <= item < self._hierarchy.node_count:
            spot = Spot(node=item)
        else:
            spot = Spot(scope=self._hierarchy.scope_row(item) if item != ROOT else -1)
        if spot not in (Spot(), self._told):
            self._told = spot
            self._counterpart.tell_centred(spot)

    def _fold(self, folding: Folding) -> None:
        canvas, hierarchy = self._canvas, self._hierarchy
        if not canvas.model.is_authored:
            return
        opened = {item for item in self._items(folding.opened) if hierarchy.is_container(item)}
        for item in tuple(opened):
            opened.update(hierarchy.ancestors(item))
        wanted = frozenset(canvas.opened - self._items(folding.closed) | opened)
        if wanted != canvas.opened:
            canvas.set_opened(wanted)

    def _centre(self, spot: Spot) -> None:
        if not self._canvas.model.is_authored:
            return
        item = spot.node if spot.node >= 0 else self._hierarchy.node_count + spot.scope
        self._told = spot
        self._canvas.centre_item(item)

    def _items(self, scopes: Iterable[int]) -> set[int]:
        return {item for scope in scopes for item in self._hierarchy.items_of(scope)}
