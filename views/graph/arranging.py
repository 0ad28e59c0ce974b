"""The scene of a stage as it is unfolded: laid out at once, or in the background where it is large."""

from PySide6.QtCore import QObject, Signal

from profilers import compiled
from views.background import Latest
from views.graph.model import StageModel
from views.graph.scene import Scene
from views.graph.scene_builder import SceneBuilder

_AT_ONCE = 1500  # boxes that are laid out while the person waits: 15 ms
_AT_ONCE_UNCOMPILED = 200  # 40 ms


class Arranger(QObject):
    """Keeps the latest `scene`, and which containers are `opened`; `arranged` tells of a new scene."""

    arranged = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.scene = Scene.empty()
        self.opened: frozenset[int] = frozenset()
        self.is_waiting = False
        self._built = Latest(self)
        self._built.arrived.connect(self._take)

    def show_stage(self, model: StageModel) -> None:
        """Forget the scene of the stage before: another one has other items."""
        self._builder = SceneBuilder(model.hierarchy, model.sizes_of)
        self.scene = Scene.empty()
        self.open(model.hierarchy.first_opened())

    def resize_boxes(self) -> None:
        """Lay out again, with the sizes that the model gives now."""
        self._builder.forget_sizes()
        self.open(self.opened)

    def open(self, opened: frozenset[int]) -> None:
        """Unfold exactly these containers."""
        self.opened = opened
        most = _AT_ONCE if compiled.loaded() is not None else _AT_ONCE_UNCOMPILED
        builder = self._builder
        self.is_waiting = builder.cost(opened) > most
        if self.is_waiting:
            self._built.ask(lambda: (builder, opened, _built(builder, opened)))
        else:
            self._show(builder.build(opened))

    def _take(self, arrived: object) -> None:
        assert isinstance(arrived, tuple)
        builder, opened, scene = arrived
        if builder is self._builder and opened == self.opened and self.is_waiting:
            self.is_waiting = False
            self._show(scene)

    def _show(self, scene: Scene) -> None:
        self.scene = scene
        self.arranged.emit()


def _built(builder: SceneBuilder, opened: frozenset[int]) -> Scene:
    """With the compiled loops, once they are there."""
    compiled.load()
    return builder.build(opened)
