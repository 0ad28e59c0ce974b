"""The whole graph, small, with a frame around what is in sight."""

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from views.graph.camera import Camera
from views.graph.canvas import GraphCanvas
from views.theme import Theme

_LONGEST, _NARROWEST = 150.0, 44.0
_MOST_OF_IT = 1 / 3  # of the canvas, in either direction
_MARGIN = 10
_SMALLEST_FRAME = 4.0


class Minimap(QWidget):
    """In the canvas's lower right corner while not all of the graph is in sight.

    A click or a drag moves the view there.
    """

    def __init__(self, canvas: GraphCanvas, theme: Theme) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._theme = theme
        self._camera = Camera()
        self._picture: QPixmap | None = None
        self.setAccessibleName(self.tr("Overview of the graph"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        canvas.scene_changed.connect(self.renew)
        canvas.moved.connect(self._follow)
        self.hide()

    def renew(self) -> None:
        """The scene or its colours have changed."""
        self._picture = None
        self._follow()

    def _follow(self) -> None:
        scene, view = self._canvas.scene, self._canvas.camera.viewport()
        seen = QRectF(view.left, view.top, view.width / view.scale, view.height / view.scale)
        whole = QRectF(0, 0, scene.width, scene.height)
        self.setVisible(bool(len(scene.boxes)) and not seen.contains(whole))
        if self.isHidden():
            return
        longest = min(
            _LONGEST, _MOST_OF_IT * self._canvas.width(), _MOST_OF_IT * self._canvas.height()
        )
        scale = longest / max(whole.width(), whole.height(), 1.0)
        size = QSizeF(
            max(whole.width() * scale, _NARROWEST), max(whole.height() * scale, _NARROWEST)
        ).toSize()
        if size != self.size():
            self._picture = None
        self.setGeometry(
            self._canvas.width() - size.width() - _MARGIN,
            self._canvas.height() - size.height() - _MARGIN,
            size.width(),
            size.height(),
        )
        self._camera.size = QSizeF(size)
        self._camera.scale = min(
            size.width() / max(whole.width(), 1.0), size.height() / max(whole.height(), 1.0)
        )
        self._camera.centre(whole.center())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            self._picture = self._drawn()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        view = self._canvas.camera.viewport()
        left_top = self._camera.to_widget(QPointF(view.left, view.top))
        right_bottom = self._camera.to_widget(QPointF(view.right, view.bottom))
        frame = QRectF(left_top, right_bottom) & QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if frame.height() < _SMALLEST_FRAME:
            frame.setHeight(_SMALLEST_FRAME)
        inside = QColor(self._theme.accent)
        inside.setAlpha(40)
        painter.setBrush(inside)
        painter.setPen(QPen(self._theme.accent, 1.5))
        painter.drawRect(frame)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._canvas.centre_on(self._camera.to_scene(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._canvas.centre_on(self._camera.to_scene(event.position()))

    def _drawn(self) -> QPixmap:
        scene, ratio = self._canvas.scene, self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        painter = QPainter(picture)
        self._canvas.painter.paint(painter, scene, self._camera.viewport(), ratio)
        painter.setPen(self._theme.grid)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()
        return picture
