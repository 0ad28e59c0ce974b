"""The drawn graph: pan, zoom, fold, pick, walk."""

from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, QPointF, QRectF, QRunnable, Qt, QThreadPool, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from views.context import ViewContext
from views.graph.figures import NodeFigures
from views.graph.hierarchy import ROOT
from views.graph.model import StageModel
from views.graph.painter import ScenePainter
from views.graph.scene import Box, Scene, SceneBuilder

_ZOOM_STEP = 1.2
_LARGEST_SCALE, _SMALLEST_SCALE = 3.0, 0.02
_DRAG_PIXELS = 4
_MARGIN = 16.0
_BACKGROUND_FROM = 250  # boxes in one container; 200 take 40 ms
_BACKGROUND_FROM_IN_ALL = 1000  # boxes; they take 60 ms
_UNFOLD_FOR_AT_MOST = 4


class GraphCanvas(QWidget):
    """Shows one stage; `picked` carries nodes of the authored graph."""

    picked = Signal(list)
    stage_nodes_picked = Signal(list)

    def __init__(
        self, context: ViewContext, figures: NodeFigures, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._figures = figures
        self.scene = Scene()
        self.opened: frozenset[int] = frozenset()
        self.scale = 1.0
        self._corner = QPointF()  # of the widget, in the scene
        self._press: QPointF | None = None
        self._pressed_corner = QPointF()
        self._is_dragging = False
        self._is_fitted = True
        self._job = 0
        self._running: _LayoutJob | None = None
        self._wanted: int | None = None
        self._anchor: tuple[int, QPointF] | None = None  # a box to keep at a place of the widget
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(120, 120)
        self.setAccessibleName(self.tr("Graph"))

    def show_stage(self, model: StageModel) -> None:
        self.model = model
        self.painter = ScenePainter(self._context.theme, model, self._figures)
        self._builder = SceneBuilder(model.hierarchy, model.size_of)
        self._is_fitted = True
        self.scene = Scene()  # that of another stage has other items
        self.set_opened(model.hierarchy.first_opened())

    def is_settled(self) -> bool:
        return self._running is None

    def set_opened(self, opened: frozenset[int]) -> None:
        """Unfold exactly these containers; a large one is laid out in the background."""
        self.opened = opened
        self._job += 1
        largest, in_all = self._builder.shown_children(opened)
        if largest < _BACKGROUND_FROM and in_all < _BACKGROUND_FROM_IN_ALL:
            self._running = None
            self._show_scene(self._builder.build(opened))
            return
        job = _LayoutJob(self._job, self._builder, opened)
        job.signals.done.connect(self._take_scene)
        self._running = job
        QThreadPool.globalInstance().start(job)
        self.update()

    def toggle(self, item: int) -> None:
        """Fold or unfold, keeping the box where it is on the screen."""
        if not self.model.hierarchy.is_container(item):
            return
        before = self.scene.box_of().get(item)
        if before is not None:
            self._anchor = (item, self._to_widget(QPointF(before.x, before.y)))
        self._is_fitted = False
        self.set_opened(self.opened ^ {item})

    def fit(self) -> None:
        """Show all of the scene."""
        wide = (self.width() - 2 * _MARGIN) / max(self.scene.width, 1.0)
        high = (self.height() - 2 * _MARGIN) / max(self.scene.height, 1.0)
        self.scale = min(max(min(wide, high), _SMALLEST_SCALE), 1.0)
        middle = QPointF(self.scene.width / 2, self.scene.height / 2)
        self._corner = middle - QPointF(self.width(), self.height()) / (2 * self.scale)
        self._is_fitted = True
        self.update()

    def fit_readable(self) -> None:
        """Show all if it can be read, else the top of the graph."""
        self.fit()
        if self.scale < 0.6:
            self.scale = min(
                max((self.width() - 2 * _MARGIN) / max(self.scene.width, 1.0), 0.6), 1.0
            )
            below = self.height() / self.scale
            centres = sorted(
                box.x + box.width / 2
                for box in self.scene.boxes
                if not box.is_open and box.y < below
            )
            x = centres[len(centres) // 2] if centres else 0.0
            self._corner = QPointF(x - self.width() / (2 * self.scale), -_MARGIN / self.scale)
            self.update()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        at = at or QPointF(self.width() / 2, self.height() / 2)
        held = self._to_scene(at)
        self.scale = min(max(self.scale * factor, _SMALLEST_SCALE), _LARGEST_SCALE)
        self._corner = held - at / self.scale
        self._is_fitted = False
        self.update()

    def show_picked(self, nodes: list[int], *, come_into_sight: bool) -> None:
        """Mark nodes of this stage; unfold to them and move there if asked and out of sight."""
        self.painter.set_picked(nodes)
        if come_into_sight and nodes:
            if len(nodes) <= _UNFOLD_FOR_AT_MOST:
                needed = frozenset(
                    each for node in nodes for each in self.model.hierarchy.ancestors(node)
                )
                if not needed <= self.opened:
                    self._is_fitted = False
                    self._wanted = nodes[0]
                    self.set_opened(self.opened | needed)
            self._bring_into_sight(nodes[0])
        self.update()

    def box_at(self, position: QPointF) -> Box | None:
        """The innermost box drawn at a position of the widget."""
        point = self._to_scene(position)
        found = self.scene.boxes_in(point.x(), point.y(), point.x(), point.y())
        return max(found, key=lambda box: box.depth, default=None)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = self._context.theme
        painter.fillRect(self.rect(), theme.panel)
        if self._running is not None:
            painter.setPen(theme.muted)
            painter.drawText(
                self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("Laying out the graph…")
            )
        painter.save()
        painter.scale(self.scale, self.scale)
        painter.translate(-self._corner)
        sight = QRectF(self._corner, self._to_scene(QPointF(self.width(), self.height())))
        self.painter.paint(painter, self.scene, sight, self.scale)
        painter.restore()
        if self.hasFocus():
            painter.setPen(QPen(theme.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    # Mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not (self.hasFocus() or event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            event.ignore()  # the page scrolls until the graph was clicked
            return
        self.zoom(_ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position()
            self._pressed_corner = QPointF(self._corner)
            self._is_dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        moved = event.position() - self._press
        self._is_dragging = self._is_dragging or moved.manhattanLength() > _DRAG_PIXELS
        if self._is_dragging:
            self._corner = self._pressed_corner - moved / self.scale
            self._is_fitted = False
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None and not self._is_dragging:
            box = self.box_at(event.position())
            self._pick(box.item if box is not None else ROOT)
        self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        box = self.box_at(event.position())
        if box is not None:
            self.toggle(box.item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        actions: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_F: self.fit,
            Qt.Key.Key_Space: self.fit,
            Qt.Key.Key_Plus: lambda: self.zoom(_ZOOM_STEP),
            Qt.Key.Key_Equal: lambda: self.zoom(_ZOOM_STEP),
            Qt.Key.Key_Minus: lambda: self.zoom(1 / _ZOOM_STEP),
            Qt.Key.Key_Down: lambda: self._walk("source", "target"),
            Qt.Key.Key_Up: lambda: self._walk("target", "source"),
            Qt.Key.Key_Left: lambda: self._walk_beside(-1),
            Qt.Key.Key_Right: lambda: self._walk_beside(1),
            Qt.Key.Key_Return: self._toggle_picked,
            Qt.Key.Key_Backspace: self._fold_parent,
            Qt.Key.Key_Escape: lambda: self._pick(ROOT),
        }
        action = actions.get(Qt.Key(event.key()))
        if action is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        else:
            action()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit_readable()

    # Inside

    def _pick(self, item: int) -> None:
        nodes = self.model.hierarchy.nodes_in(item) if item != ROOT else []
        self.painter.set_picked(nodes)
        self.stage_nodes_picked.emit(nodes)
        self.picked.emit(self.model.authored(nodes))
        self.update()

    def _take_scene(self, job: int, scene: Scene) -> None:
        if job == self._job:
            self._running = None
            self._show_scene(scene)

    def _show_scene(self, scene: Scene) -> None:
        self.scene = scene
        if self._is_fitted:
            self.fit_readable()
        self._hold_anchor()
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self._bring_into_sight(wanted)
        self.update()

    def _hold_anchor(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor is not None and not self._is_fitted:
            item, place = anchor
            box = self.scene.box_of().get(item)
            if box is not None:
                self._corner = QPointF(box.x, box.y) - place / self.scale

    def _bring_into_sight(self, item: int) -> None:
        box = self._box_showing(item)
        if box is None:
            return
        middle = QPointF(box.x + box.width / 2, box.y + box.height / 2)
        where = self._to_widget(middle)
        inner = self.rect().adjusted(30, 20, -30, -20)
        if not inner.contains(where.toPoint()):
            self.scale = max(self.scale, 0.7)
            self._corner = middle - QPointF(self.width(), self.height()) / (2 * self.scale)
            self._is_fitted = False

    def _current(self) -> int | None:
        """The box of the picked node."""
        shown = self.scene.box_of()
        for node in sorted(self.painter.picked):
            for item in (node, *self.model.hierarchy.ancestors(node)):
                if item in shown and not shown[item].is_open:
                    return item
        return None

    def _box_showing(self, item: int) -> Box | None:
        """The box of an item, or of the innermost shown one around it."""
        boxes = self.scene.box_of()
        around = (item, *self.model.hierarchy.ancestors(item))
        return next((boxes[each] for each in around if each in boxes), None)

    def _walk(self, here: str, there: str) -> None:
        """Along a line, down or up, across the borders of open boxes."""
        current = self._current()
        ends = getattr(self.model.graph.edges, there)
        along = next((line for line in self.scene.lines if getattr(line, here) == current), None)
        reached = self._box_showing(int(ends[along.edges[0]])) if along is not None else None
        if reached is not None:
            self._pick(reached.item)
            self._bring_into_sight(reached.item)

    def _walk_beside(self, by: int) -> None:
        """To the next box in the same container that lies beside."""
        current = self._current()
        if current is None:
            return
        box = self.scene.box_of()[current]
        around = self.model.hierarchy.parent[current]
        beside = [
            each
            for each in self.scene.boxes
            if self.model.hierarchy.parent[each.item] == around
            and each.y < box.y + box.height
            and each.y + each.height > box.y
            and (each.x - box.x) * by > 0
        ]
        if beside:
            chosen = min(beside, key=lambda each: abs(each.x - box.x)).item
            self._pick(chosen)
            self._bring_into_sight(chosen)

    def _toggle_picked(self) -> None:
        current = self._current()
        if current is not None:
            self.toggle(current)

    def _fold_parent(self) -> None:
        current = self._current()
        around = int(self.model.hierarchy.parent[current]) if current is not None else ROOT
        if around in self.opened:
            self.toggle(around)

    def _to_scene(self, point: QPointF) -> QPointF:
        return point / self.scale + self._corner

    def _to_widget(self, point: QPointF) -> QPointF:
        return (point - self._corner) * self.scale


class _LayoutSignals(QObject):
    done = Signal(int, object)


class _LayoutJob(QRunnable):
    """A layout on a pool thread; its result counts only if no newer job was started."""

    def __init__(self, number: int, builder: SceneBuilder, opened: frozenset[int]) -> None:
        super().__init__()
        self.signals = _LayoutSignals()
        self._number = number
        self._builder = builder
        self._opened = opened

    def run(self) -> None:
        scene = self._builder.build(self._opened)
        with suppress(RuntimeError):  # the view was closed meanwhile
            self.signals.done.emit(self._number, scene)
