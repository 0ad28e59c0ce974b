"""The drawing area: slices by track and depth, picked and moved with the mouse."""

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from profilers.units import format_duration, format_percent
from views.time_drag import TimeDrag, Way
from views.timeline.flows import FlowIndex
from views.timeline.layout import Band, BandKind
from views.timeline.painting import ScenePainter, paint_range
from views.timeline.scene import Scene

_ZOOM_STEP = 1.25
_HIT_PIXELS = 3

_CURSORS = {
    Way.MEASURE: Qt.CursorShape.ArrowCursor,
    Way.MOVE: Qt.CursorShape.OpenHandCursor,
    Way.ZOOM: Qt.CursorShape.SizeHorCursor,
}


class TimelineCanvas(QWidget):
    """Dragging measures, with Shift it moves, with Ctrl it zooms; the wheel scrolls, or zooms with Ctrl."""

    range_measured = Signal(float, float)  # profile times in ns
    clicked = Signal(int)  # row of the slice, -1 between slices
    zoom_wanted = Signal(int)  # row of a slice
    menu_wanted = Signal(object, QPoint)  # of a band or None, at a place on the screen
    resized = Signal()

    def __init__(self, scene: Scene, flows: FlowIndex, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._flows = flows
        self._pressed_top = 0
        self._drag = TimeDrag(scene.context.time_axis, self._time_at, self)
        self._drag.changed.connect(self.update)
        self._drag.measured.connect(self._tell_measured)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Timeline"))
        self.setAccessibleDescription(
            self.tr("W and S zoom, A and D move, F fits, full stop and comma step along a track.")
        )
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 60)
        scene.changed.connect(self.update)

    def slice_at(self, position: QPointF) -> int:
        """Row of the slice under a point, else -1."""
        lane = self._scene.lane_at(position.y())
        if lane < 0:
            return -1
        scale = self._scene.scale(self.width())
        return self._scene.lanes.at(
            lane, scale.time_at(position.x()), _HIT_PIXELS * scale.ns_per_pixel
        )

    def time_at_cursor(self) -> float | None:
        """Time under the mouse, counted from the first step; None where it is elsewhere."""
        if not self.underMouse():
            return None
        return self._time_at(self.mapFromGlobal(QCursor.pos()).x())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ScenePainter(
            self._scene, painter, self.width(), self.height(), self.devicePixelRatioF()
        ).paint(self._scene.counters, self._flows)
        theme, pinned = self._scene.context.theme, self._scene.pinned_height
        if pinned:
            painter.setPen(theme.muted)
            painter.drawLine(0, pinned - 1, self.width(), pinned - 1)
        if self._drag.range_ns is not None:
            scale, origin_ns = self._scene.scale(self.width()), self._scene.context.origin_ns
            begin_ns, end_ns = self._drag.range_ns
            dragged = (begin_ns + origin_ns, end_ns + origin_ns)
            paint_range(painter, scale, dragged, self.height(), theme.selection)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.accent, 1.0))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.resized.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The track's menu: of the track under the mouse, or by key of the picked slice's."""
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            band = self._scene.band_at(event.pos().y())
        else:
            band = self._scene.focused_band
        self.menu_wanted.emit(band, event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        axis, delta = self._scene.context.time_axis, event.angleDelta()
        turned = delta.y() or delta.x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            axis.zoom(_ZOOM_STEP ** (turned / 120), self._time_at(event.position().x()))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not delta.y():
            axis.pan(-0.1 * turned / 120)
        else:
            step = round(3 * self._scene.heights.lane * delta.y() / 120)
            self._scene.scroll_to(self._scene.top - step, self.height())
        event.accept()

    def drag_with(self, way: Way) -> None:
        """What dragging does from now on, as the cursor tells."""
        self._drag.plain = way
        self.setCursor(_CURSORS[way])

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag.press(event)
        self._pressed_top = self._scene.top

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._drag.move(event)
        if self._drag.moved_down is not None:
            self._scene.scroll_to(round(self._pressed_top - self._drag.moved_down), self.height())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag.release():
            self.clicked.emit(self.slice_at(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.slice_at(event.position())
        if row >= 0:
            self.zoom_wanted.emit(row)

    def focusInEvent(self, event: QEvent) -> None:
        self.update()

    def focusOutEvent(self, event: QEvent) -> None:
        self.update()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tooltip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def tooltip_at(self, position: QPointF) -> str:
        """Of the slice under a point, else of the idle gap or the device, else nothing."""
        row = self.slice_at(position)
        if row >= 0:
            return self.tooltip_of(row)
        time_ns = self._scene.scale(self.width()).time_at(position.x())
        gap = self._scene.gap_at(position.y(), time_ns)
        if gap is not None:
            return self.tr("idle for {}").format(format_duration(gap[1] - gap[0]))
        band = self._scene.band_at(position.y())
        if band is not None and band.kind is BandKind.BUSY:
            return self._busy_text(band, position.x())
        if band is not None and band.track in self._scene.counters:
            return self._counter_text(band, position.x())
        return ""

    def tooltip_of(self, row: int) -> str:
        """Name, duration and track of a slice, one a line."""
        profile = self._scene.context.profile
        slices, tracks = profile.trace.slices, profile.trace.tracks
        track = int(slices.track[row])
        return "\n".join((
            profile.strings[int(slices.name[row])][:300],
            format_duration(int(slices.duration_ns[row])),
            f"{profile.strings[int(tracks.process[track])]} · {profile.strings[int(tracks.name[track])]}",
        ))  # fmt: skip

    def _busy_text(self, band: Band, x: float) -> str:
        """Busy share of the device in the pixel under the mouse and in all that is in sight."""
        scale, work = self._scene.scale(self.width()), self._scene.work.of_device(band.group)
        here = work.shares(np.array([scale.time_at(x), scale.time_at(x + 1)]))
        return self.tr("{} busy: {} here, {} in sight").format(
            band.group,
            format_percent(float(here[0])),
            format_percent(self._scene.busy_share(band.group)),
        )

    def _counter_text(self, band: Band, x: float) -> str:
        """The counter's highest value in the pixel under the mouse."""
        scale = self._scene.scale(self.width())
        edges = np.array([scale.time_at(x), scale.time_at(x + 1)])
        series = self._scene.counters[band.track]
        value = float(series.columns(edges)[0])
        return f"{band.title}: {series.text(value)}" if np.isfinite(value) else ""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()  # the view has the keys

    def _time_at(self, x: float) -> float:
        """Counted from the first step."""
        return self._scene.scale(self.width()).time_at(x) - self._scene.context.origin_ns

    def _tell_measured(self, begin_ns: float, end_ns: float) -> None:
        origin_ns = self._scene.context.origin_ns
        self.range_measured.emit(begin_ns + origin_ns, end_ns + origin_ns)
