"""The drawn graph: pan, zoom, fold, pick."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from views.context import ViewContext
from views.graph import walking
from views.graph.arranging import Arranger
from views.graph.camera import Camera
from views.graph.drawing.painter import ScenePainter
from views.graph.keys import KEYS
from views.graph.model import StageModel
from views.graph.scene import Scene
from views.graph.structure.hierarchy import ROOT

ZOOM_STEP = 1.2
_DRAG_PIXELS = 4
_UNFOLD_FOR_AT_MOST = 4
_SEEN_SCALE = 0.7
_TINY_PIXELS = 16
_LINE_PIXELS = 5  # how near to a line the mouse must be


class GraphCanvas(QWidget):
    """Shows one stage; `picked` carries nodes of the authored graph."""

    picked = Signal(list)
    stage_nodes_picked = Signal(list)
    scene_changed = Signal()
    moved = Signal()
    unfolded = Signal()  # by the person
    travelled = Signal()  # by the person
    menu_wanted = Signal(int, object)  # item, global position
    path_wanted = Signal(int)  # to an item, from what is picked
    action_wanted = Signal(str)  # one of KEYS

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.camera = Camera()
        self._press: QPointF | None = None
        self._pressed_corner = QPointF()
        self._is_dragging = False
        self._is_fitted = True
        self._arranger = Arranger(self)
        self._arranger.arranged.connect(self._show_scene)
        self._wanted: int | None = None
        self._anchor: tuple[int, QPointF] | None = None  # a box to keep at a place of the widget
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(120, 120)
        self.setAccessibleName(self.tr("Graph"))

    @property
    def scene(self) -> Scene:
        return self._arranger.scene

    @property
    def opened(self) -> frozenset[int]:
        """The containers that are unfolded."""
        return self._arranger.opened

    @property
    def scale(self) -> float:
        return self.camera.scale

    def show_stage(self, model: StageModel) -> None:
        self.model = model
        self.painter = ScenePainter(self._context.theme, model, self.font())
        self._is_fitted = True
        self._arranger.show_stage(model)
        self.update()

    def resize_boxes(self) -> None:
        """Lay out again, with the sizes that the model gives now."""
        self._arranger.resize_boxes()
        self.update()

    def is_settled(self) -> bool:
        return not self._arranger.is_waiting

    def set_opened(self, opened: frozenset[int]) -> None:
        """Unfold exactly these containers; many boxes are laid out in the background."""
        self._arranger.open(opened)
        self.update()

    def unfold(self, opened: frozenset[int]) -> None:
        """As the person wishes: other columns are told."""
        self.set_opened(opened)
        self.unfolded.emit()

    def toggle(self, item: int) -> None:
        """Fold or unfold, keeping the box where it is on the screen."""
        if item == ROOT or not self.model.hierarchy.is_container(item):
            return
        row = self.scene.row_of(item)
        if row >= 0:
            corner = QPointF(self.scene.boxes.left[row], self.scene.boxes.top[row])
            self._anchor = item, self.camera.to_widget(corner)
        self._is_fitted = False
        self.unfold(self.opened ^ {item})

    def fit(self) -> None:
        """Show all of the scene."""
        self.camera.fit(QRectF(0, 0, self.scene.width, self.scene.height))
        self._is_fitted = True
        self._move()

    def fit_readable(self) -> None:
        """Show all if it can be read, else the top of the graph."""
        boxes = self.scene.boxes
        column = self.scene.width / 2
        if len(boxes):
            top = boxes.top < self.height() / self.scale
            closed = top & ~boxes.is_open
            centres = sorted((boxes.left + boxes.right)[closed].tolist())
            column = centres[len(centres) // 2] / 2 if centres else column
        self.camera.fit_readable(QRectF(0, 0, self.scene.width, self.scene.height), column)
        self._is_fitted = True
        self._move()

    def show_item(self, item: int) -> None:
        """Fit a box that is shown, or the one around it, into sight."""
        row = self.scene.row_of(walking.showing(self.scene, self.model.hierarchy, item))
        if row >= 0:
            self.camera.fit(self._rect(row))
            self._travel()

    def centre_on(self, point: QPointF) -> None:
        """Bring a point of the scene into the middle."""
        self.camera.centre(point)
        self._travel()

    def centre_item(self, item: int) -> None:
        """Bring a box, or the shown one around it, into the middle without telling others."""
        row = self.scene.row_of(walking.showing(self.scene, self.model.hierarchy, item))
        if row >= 0:
            self.camera.centre(self._rect(row).center())
            self._is_fitted = False
            self._move()

    def bring_into_sight(self, item: int) -> None:
        """Move to a box, or the shown one around it, if it is out of sight or tiny."""
        row = self.scene.row_of(walking.showing(self.scene, self.model.hierarchy, item))
        if row < 0:
            return
        middle = self._rect(row).center()
        is_tiny = self._rect(row).width() * self.scale < _TINY_PIXELS
        if is_tiny or not self.camera.sees(middle):
            self.camera.scale = max(self.scale, _SEEN_SCALE)
            self.camera.centre(middle)
            self._is_fitted = False
            self._move()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        self.camera.zoom(factor, at or QPointF(self.width() / 2, self.height() / 2))
        self._travel()

    def pan(self, across: float, down: float) -> None:
        """By shares of the widget."""
        self.camera.corner += QPointF(across * self.width(), down * self.height()) / self.scale
        self._travel()

    def show_picked(self, nodes: Sequence[int], *, come_into_sight: bool) -> None:
        """Mark nodes of this stage; unfold to them and move there if asked and out of sight."""
        self.painter.set_picked(nodes)
        if come_into_sight and nodes:
            if len(nodes) <= _UNFOLD_FOR_AT_MOST:
                self._unfold_to(nodes)
            self.bring_into_sight(nodes[0])
        self.update()

    def item_at(self, position: QPointF) -> int:
        """The innermost item drawn at a position of the widget, `ROOT` for none."""
        point = self.camera.to_scene(position)
        row = self.scene.innermost(point.x(), point.y())
        return int(self.scene.boxes.item[row]) if row >= 0 else ROOT

    def tip_at(self, position: QPointF) -> str:
        """About the edge or the box at a position of the widget."""
        point, item = self.camera.to_scene(position), self.item_at(position)
        line = -1
        if item == ROOT or item in self.opened:
            reach = _LINE_PIXELS / self.scale
            line = walking.line_at(self.scene, point.x(), point.y(), reach)
        if line >= 0:
            lines = self.scene.lines
            ends = int(lines.source[line]), int(lines.target[line])
            return self.model.edge_tip(
                self.model.hierarchy.edges_between(*ends, int(lines.container[line]))
            )
        return self.painter.tip(item) if item != ROOT else ""

    def current(self) -> int:
        """The innermost closed box that shows a picked node, `ROOT` for none."""
        for node in sorted(self.painter.picked):
            item = walking.showing(self.scene, self.model.hierarchy, node)
            row = self.scene.row_of(item)
            if row >= 0 and (not self.scene.boxes.is_open[row] or item == node):
                return item
        return ROOT

    def pick(self, item: int) -> None:
        """Pick all nodes in an item, or nothing for `ROOT`."""
        nodes = self.model.hierarchy.nodes_in(item).tolist() if item != ROOT else []
        self.pick_nodes(nodes)

    def pick_nodes(self, nodes: list[int]) -> None:
        self.painter.set_picked(nodes)
        self.stage_nodes_picked.emit(nodes)
        self.picked.emit(self.model.authored(nodes))
        self.update()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self._context.theme
        view = self.camera.viewport()
        self.painter.paint(painter, self.scene, view, self.devicePixelRatioF())
        if self._arranger.is_waiting:
            painter.setPen(theme.muted)
            text = self.tr("Laying out the graph…")
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        if self.hasFocus():
            painter.setPen(QPen(theme.accent, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    # Mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not (self.hasFocus() or event.modifiers() & Qt.KeyboardModifier.ControlModifier):
            event.ignore()  # the page scrolls until the graph was clicked
            return
        self.zoom(ZOOM_STEP ** (event.angleDelta().y() / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press = event.position()
            self._pressed_corner = QPointF(self.camera.corner)
            self._is_dragging = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        moved = event.position() - self._press
        self._is_dragging = self._is_dragging or moved.manhattanLength() > _DRAG_PIXELS
        if self._is_dragging:
            self.camera.corner = self._pressed_corner - moved / self.scale
            self._travel()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is not None and not self._is_dragging:
            item = self.item_at(event.position())
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._pick_also(item)
            elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.path_wanted.emit(item)
            else:
                self.pick(item)
        self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.toggle(self.item_at(event.position()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        item = self.item_at(QPointF(event.pos()))
        if item != ROOT and not self.painter.picked & set(
            self.model.hierarchy.nodes_in(item).tolist()
        ):
            self.pick(item)
        self.menu_wanted.emit(item, event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = KEYS.action_of(event)
        if action == "clear" and self._context.selection.picked.is_empty:
            event.ignore()
        elif action is not None:
            self.action_wanted.emit(action)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.camera.size = QSizeF(self.size())
        if self._is_fitted:
            self.fit_readable()

    # Inside

    def _pick_also(self, item: int) -> None:
        """Add an item to what is picked, or take it away."""
        if item != ROOT:
            nodes = set(self.model.hierarchy.nodes_in(item).tolist())
            picked = self.painter.picked
            self.pick_nodes(sorted(picked - nodes if nodes <= picked else picked | nodes))

    def _travel(self) -> None:
        """The person has moved the view."""
        self._is_fitted = False
        self._move()
        self.travelled.emit()

    def _move(self) -> None:
        self.update()
        self.moved.emit()

    def _show_scene(self) -> None:
        if self._is_fitted:
            self.fit_readable()
        self._hold_anchor()
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self.bring_into_sight(wanted)
        self.update()
        self.scene_changed.emit()

    def _hold_anchor(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor is None or self._is_fitted:
            return
        item, place = anchor
        row = self.scene.row_of(item)
        if row >= 0:
            corner = QPointF(self.scene.boxes.left[row], self.scene.boxes.top[row])
            self.camera.corner = corner - place / self.scale

    def _unfold_to(self, nodes: Sequence[int]) -> None:
        hierarchy = self.model.hierarchy
        needed = frozenset(each for node in nodes for each in hierarchy.ancestors(node))
        if not needed <= self.opened:
            self._is_fitted = False
            self._wanted = nodes[0]
            self.set_opened(self.opened | needed)

    def _rect(self, row: int) -> QRectF:
        boxes = self.scene.boxes
        corner = QPointF(boxes.left[row], boxes.top[row])
        return QRectF(corner, QPointF(boxes.right[row], boxes.bottom[row]))
