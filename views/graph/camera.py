"""Where the viewer stands: scale and corner of the visible part of a scene."""

from PySide6.QtCore import QPointF, QRectF, QSizeF

from views.graph.drawing.layers import Viewport

LARGEST_SCALE, SMALLEST_SCALE = 3.0, 0.0005
READABLE_SCALE = 0.6
_MARGIN = 16.0
_SIDE = 30.0  # pixels; what lies nearer to the border is not in sight


class Camera:
    """`scale` is pixels per unit of the scene, `corner` the scene's point in the upper left."""

    def __init__(self) -> None:
        self.scale = 1.0
        self.corner = QPointF()
        self.size = QSizeF(1.0, 1.0)

    def viewport(self) -> Viewport:
        return Viewport(
            self.scale, self.corner.x(), self.corner.y(), self.size.width(), self.size.height()
        )

    def to_scene(self, point: QPointF) -> QPointF:
        return point / self.scale + self.corner

    def to_widget(self, point: QPointF) -> QPointF:
        return (point - self.corner) * self.scale

    def zoom(self, factor: float, at: QPointF) -> None:
        """What lies at a point of the widget stays there."""
        held = self.to_scene(at)
        self.scale = min(max(self.scale * factor, SMALLEST_SCALE), LARGEST_SCALE)
        self.corner = held - at / self.scale

    def fit(self, area: QRectF) -> None:
        """Show an area of the scene as large as it can be, but not enlarged."""
        wide = (self.size.width() - 2 * _MARGIN) / max(area.width(), 1.0)
        high = (self.size.height() - 2 * _MARGIN) / max(area.height(), 1.0)
        self.scale = min(max(min(wide, high), SMALLEST_SCALE), 1.0)
        self.centre(area.center())

    def fit_readable(self, area: QRectF, column: float) -> None:
        """Show all if it can be read, else the top of it around a column."""
        self.fit(area)
        if self.scale < READABLE_SCALE:
            wide = (self.size.width() - 2 * _MARGIN) / max(area.width(), 1.0)
            self.scale = min(max(wide, READABLE_SCALE), 1.0)
            left = column - self.size.width() / (2 * self.scale)
            self.corner = QPointF(left, area.top() - _MARGIN / self.scale)

    def centre(self, point: QPointF) -> None:
        half = QPointF(self.size.width(), self.size.height()) / (2 * self.scale)
        self.corner = point - half

    def sees(self, point: QPointF) -> bool:
        """Whether a point of the scene is well within sight."""
        inner = QRectF(QPointF(), self.size).adjusted(_SIDE, _SIDE, -_SIDE, -_SIDE)
        return inner.contains(self.to_widget(point))
