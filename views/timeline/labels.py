"""Names of groups and tracks at the left: a click folds, dragging moves, a menu has the rest."""

from functools import partial

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from views.timeline.layout import Band, BandKind
from views.timeline.scene import Scene

_INDENT = 18
_NARROWEST, _WIDEST = 132, 190
_DRAG_PIXELS = 5


class TrackLabels(QWidget):
    filter_asked = Signal()

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._pressed: Band | None = None
        self._press_y = 0.0
        self._target: Band | None = None  # the band whose place the dragged one is to take
        titles = [band.title for band in scene.bands]
        widest = max((self.fontMetrics().horizontalAdvance(title) for title in titles), default=0)
        self.setMinimumWidth(min(max(widest + _INDENT + 14, _NARROWEST), _WIDEST))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Tracks"))
        scene.changed.connect(self.update)

    def menu_of(self, band: Band | None) -> QMenu:
        """What can be done to a track or group, and to all of them."""
        tracks, menu = self._scene.tracks, QMenu(self)
        if band is not None and band.track >= 0:
            pin = self.tr("Unpin") if band.is_pinned else self.tr("Pin to the top")
            menu.addAction(pin, lambda: tracks.toggle_pin(band.track))
        if band is not None and band.can_fold:
            title = self.tr("Unfold") if band.is_folded else self.tr("Fold")
            menu.addAction(title, lambda: self._fold(band))
        for title, step in ((self.tr("Move up"), -1), (self.tr("Move down"), 1)):
            other = self._beside(band, step)
            if band is not None and other is not None:
                menu.addAction(title, partial(self._move, band, other))
        menu.addSeparator()
        menu.addAction(self.tr("Fold all tracks"), tracks.fold_tracks)
        menu.addAction(self.tr("Fold all groups"), tracks.fold_groups)
        menu.addAction(self.tr("Unfold all"), tracks.unfold_all)
        if tracks.pinned:
            menu.addAction(self.tr("Unpin all"), tracks.unpin_all)
        menu.addSeparator()
        menu.addAction(self.tr("Find tracks…"), self.filter_asked.emit)
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme, pinned = self._scene.context.theme, self._scene.pinned_height
        painter.fillRect(self.rect(), theme.window)
        for is_pinned, top, bottom in ((False, pinned, self.height()), (True, 0, pinned)):
            painter.setClipRect(0, top, self.width(), bottom - top)
            for band in self._scene.bands:
                y = self._scene.y_of(band)
                if band.is_pinned == is_pinned and -band.height < y < self.height():
                    self._paint_band(painter, band, y)
        painter.setClipping(False)
        if pinned:
            painter.setPen(theme.muted)
            painter.drawLine(0, pinned - 1, self.width(), pinned - 1)
        if self._pressed is not None and self._target is not None:
            self._paint_drop_line(painter, self._pressed, self._target)
        painter.setPen(theme.grid)
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._scene.band_at(event.position().y())
            self._press_y = event.position().y()
            self._target = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        y = event.position().y()
        has_moved = self._target is not None or abs(y - self._press_y) >= _DRAG_PIXELS
        if self._pressed is None or not has_moved:
            return
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        beyond = min(y, 0.0) + max(y - self.height(), 0.0)
        if beyond:
            self._scene.scroll_to(self._scene.top + round(beyond), self.height())
        under = self._scene.band_at(y)
        if under is not None and self._can_take_place(self._pressed, under):
            self._target = self._header_of(under) if self._is_group(self._pressed) else under
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, target = self._pressed, self._target
        was_dragged = abs(event.position().y() - self._press_y) >= _DRAG_PIXELS
        self._pressed = self._target = None
        self.unsetCursor()
        if pressed is not None and target is not None:
            self._move(pressed, target)
        elif pressed is not None and not was_dragged:
            self._fold(pressed)
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.show_menu(self._scene.band_at(event.pos().y()), event.globalPos())

    def show_menu(self, band: Band | None, at: QPoint) -> None:
        menu = self.menu_of(band)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            band = self._scene.band_at(event.pos().y())
            QToolTip.showText(event.globalPos(), self.tooltip_of(band) if band else "", self)
            return True
        return super().event(event)

    def tooltip_of(self, band: Band) -> str:
        if band.kind is BandKind.GROUP:
            return f"{band.title}\n{self._scene.summary_of(band.group)}"
        if band.kind is BandKind.BUSY:
            return self.tr("{}: share of time in which any stream ran a kernel or copy").format(
                band.group
            )
        return f"{band.group} · {band.title}"

    def _fold(self, band: Band) -> None:
        if self._is_group(band):
            self._scene.tracks.toggle_group(band.group)
        elif band.can_fold:
            self._scene.tracks.toggle_track(band.track)

    def _move(self, band: Band, target: Band) -> None:
        if self._is_group(band):
            self._scene.tracks.move_group(band.group, target.group)
        else:
            self._scene.tracks.move_track(band.track, target.track)

    def _is_group(self, band: Band) -> bool:
        return band.kind is BandKind.GROUP

    def _can_take_place(self, band: Band, under: Band) -> bool:
        """Groups change places with groups, tracks with those of their group, pinned with pinned."""
        if self._is_group(band):
            return not under.is_pinned
        if band.track < 0 or under.track < 0 or band.is_pinned != under.is_pinned:
            return False
        return band.is_pinned or band.group == under.group

    def _header_of(self, band: Band) -> Band:
        return next(
            each for each in self._scene.bands if self._is_group(each) and each.group == band.group
        )

    def _beside(self, band: Band | None, step: int) -> Band | None:
        """The next band up or down with which a band can change places."""
        if band is None:
            return None
        others = [
            each
            for each in self._scene.bands
            if self._is_group(each) == self._is_group(band)
            and (each == band or self._can_take_place(band, each))
        ]
        if band not in others:
            return None
        at = others.index(band) + step
        return others[at] if 0 <= at < len(others) else None

    def _paint_drop_line(self, painter: QPainter, band: Band, target: Band) -> None:
        goes_down = target.top > band.top
        last = target
        if goes_down and self._is_group(target):
            last = [each for each in self._scene.bands if each.group == target.group][-1]
        y = self._scene.y_of(last) + (last.height if goes_down else 0)
        painter.setPen(QPen(self._scene.context.theme.accent, 2.0))
        painter.drawLine(0, y, self.width(), y)

    def _paint_band(self, painter: QPainter, band: Band, top: int) -> None:
        theme, is_group = self._scene.context.theme, self._is_group(band)
        if is_group:
            painter.fillRect(0, top, self.width(), band.height, theme.raised)
        else:
            painter.setPen(theme.grid)
            painter.drawLine(0, top + band.height - 1, self.width(), top + band.height - 1)
        if band == self._pressed and self._target is not None:
            painter.fillRect(0, top, self.width(), band.height, theme.grid)
        left = 4 if is_group else 14
        line = band.height if is_group else self._scene.heights.lane
        if band.can_fold:
            self._paint_triangle(painter, QPointF(left + 4, top + line / 2), band.is_folded)
        font = painter.font()
        font.setBold(is_group)
        font.setItalic(band.kind is BandKind.BUSY)
        painter.setFont(font)
        room = QRectF(left + 13, top, self.width() - left - 18, line)
        title = band.title
        if band.is_pinned:
            self._paint_pin(painter, QPointF(self.width() - 12, top + line / 2))
            room.setRight(self.width() - 20)
            title = f"{band.group} · {band.title}"
        painter.setPen(theme.text)
        text = painter.fontMetrics().elidedText(
            title, Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if band.track in self._scene.counters:
            series = self._scene.counters[band.track]
            painter.setPen(theme.muted)
            painter.drawText(room.translated(0, line), f"≤ {series.text(series.highest)}")

    def _paint_triangle(self, painter: QPainter, middle: QPointF, is_folded: bool) -> None:
        corners = [(-2, -4), (3, 0), (-2, 4)] if is_folded else [(-4, -2), (4, -2), (0, 3)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._scene.context.theme.muted)
        painter.drawPolygon(QPolygonF([middle + QPointF(x, y) for x, y in corners]))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_pin(self, painter: QPainter, middle: QPointF) -> None:
        colour = self._scene.context.theme.accent
        painter.setPen(QPen(colour, 1.4))
        painter.drawLine(middle + QPointF(0, 1), middle + QPointF(0, 6))
        painter.drawLine(middle + QPointF(-4, 1), middle + QPointF(4, 1))
        painter.fillRect(QRectF(middle.x() - 2, middle.y() - 5, 4, 6), colour)
