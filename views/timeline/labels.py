"""Names of groups and tracks at the left; a click folds and opens them."""

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from views.timeline.layout import LANE_HEIGHT, Band, BandKind
from views.timeline.scene import Scene

_INDENT = 18
_NARROWEST, _WIDEST = 90, 190


class TrackLabels(QWidget):
    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        titles = [band.title for band in scene.bands]
        widest = max((self.fontMetrics().horizontalAdvance(title) for title in titles), default=0)
        self.setFixedWidth(min(max(widest + _INDENT + 14, _NARROWEST), _WIDEST))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Tracks"))
        scene.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = self._scene.context.theme
        painter.fillRect(self.rect(), theme.window)
        for band in self._scene.bands:
            top = self._scene.y_of(band)
            if top < self.height() and top + band.height > 0:
                self._paint_band(painter, band, top)
        painter.setPen(theme.grid)
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        band = self._scene.band_at(event.position().y())
        if band is not None and event.button() == Qt.MouseButton.LeftButton:
            fold(self._scene, band)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            band = self._scene.band_at(event.pos().y())
            QToolTip.showText(event.globalPos(), band.title if band else "", self)
            return True
        return super().event(event)

    def _paint_band(self, painter: QPainter, band: Band, top: int) -> None:
        theme, is_group = self._scene.context.theme, band.kind is BandKind.GROUP
        if is_group:
            painter.fillRect(0, top, self.width(), band.height, theme.raised)
        else:
            painter.setPen(theme.grid)
            painter.drawLine(0, top + band.height - 1, self.width(), top + band.height - 1)
        left = 4 if is_group else 14
        line = band.height if is_group else LANE_HEIGHT
        if band.can_fold:
            self._paint_triangle(painter, QPointF(left + 4, top + line / 2), band.is_folded)
        font = painter.font()
        font.setBold(is_group)
        painter.setFont(font)
        painter.setPen(theme.text)
        room = QRectF(left + 13, top, self.width() - left - 18, line)
        text = painter.fontMetrics().elidedText(
            band.title, Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_triangle(self, painter: QPainter, middle: QPointF, is_folded: bool) -> None:
        corners = [(-2, -4), (3, 0), (-2, 4)] if is_folded else [(-4, -2), (4, -2), (0, 3)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._scene.context.theme.muted)
        painter.drawPolygon(QPolygonF([middle + QPointF(x, y) for x, y in corners]))
        painter.setBrush(Qt.BrushStyle.NoBrush)


def fold(scene: Scene, band: Band) -> None:
    """Fold a group or track, or open it again."""
    if band.kind is BandKind.GROUP:
        scene.tracks.toggle_group(band.group)
    elif band.can_fold:
        scene.tracks.toggle_track(band.track)
