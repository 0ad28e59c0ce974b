"""The drawn timeline: lanes, ruler, steps, arrows; and what the mouse and keys do on it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from profilers.units import format_count, format_duration
from views.context import ViewContext
from views.timeline.lanes import ROW_HEIGHT, Lane, Row, TrackIndex, lay_out, total_height
from views.timeline.raster import (
    NOTHING,
    begins,
    covering,
    highest_per_pixel,
    pixel_edges,
    slice_at,
)
from views.timeline.ruler import ticks_ns

LABEL_WIDTH = 150
RULER_HEIGHT = 36
_ZOOM_STEP = 1.25
_DRAG_PIXELS = 4
_SHORTEST_LABEL_PIXELS = 34
_TOLERANCE_PIXELS = 2
_DIMMED = 0.72
_MOST_ARROWS = 60


class TimelineCanvas(QWidget):
    """Draws what `context.time_axis` shows; the vertical offset is its own."""

    scrolled = Signal()

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._index = TrackIndex(context.profile)
        self._folded: frozenset[int] = frozenset()
        self.lanes: tuple[Lane, ...] = ()
        self.offset = 0
        self._fill = _Fill(context)
        self._press: QPointF | None = None
        self._pressed_range = (0.0, 0.0)
        self._is_dragging = False
        self._range_from: float | None = None
        self._marked_ns: tuple[float, float] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(RULER_HEIGHT + 3 * ROW_HEIGHT)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("Timeline"))
        context.time_axis.changed.connect(self.update)
        context.selection.changed.connect(self._follow)
        self._lay_out()

    # What others ask

    @property
    def hidden_height(self) -> int:
        """Pixels of lanes that do not fit."""
        return max(total_height(self.lanes) - (self.height() - RULER_HEIGHT), 0)

    def scroll_to(self, offset: int) -> None:
        self.offset = min(max(offset, 0), self.hidden_height)
        self.update()
        self.scrolled.emit()

    def show_slice(self, row: int, *, zoom: bool = False) -> None:
        """Bring a slice into sight with the least movement, or let it fill most of the width."""
        slices, axis = self._context.profile.trace.slices, self._context.time_axis
        begin = float(slices.start_ns[row]) - self._context.origin_ns
        end = begin + float(slices.duration_ns[row])
        span = axis.end_ns - axis.begin_ns
        if zoom:
            margin = max((end - begin) * 0.6, 50.0)
            axis.show(begin - margin, end + margin)
        elif end - begin > span:
            axis.show(begin - 0.1 * (end - begin), end + 0.1 * (end - begin))
        elif begin < axis.begin_ns:
            axis.show(begin - 0.1 * span, begin + 0.9 * span)
        elif end > axis.end_ns:
            axis.show(end - 0.9 * span, end + 0.1 * span)
        box = self._box_of(row)
        if box is not None and box.top() < RULER_HEIGHT:
            self.scroll_to(self.offset - round(RULER_HEIGHT - box.top()) - ROW_HEIGHT)
        elif box is not None and box.bottom() > self.height():
            self.scroll_to(self.offset + round(box.bottom() - self.height()) + ROW_HEIGHT)

    def toggle_fold(self, track: int) -> None:
        self._folded = self._folded ^ {track}
        self._lay_out()

    def slice_under(self, position: QPointF) -> int:
        """The slice drawn at a position, -1 if there is none."""
        lane = self._lane_at(position)
        if lane is None or position.x() < LABEL_WIDTH or not lane.rows:
            return -1
        depth = int((position.y() - RULER_HEIGHT + self.offset - lane.top) // ROW_HEIGHT)
        if not 0 <= depth < len(lane.rows):
            return -1
        time_ns = self._time_at(position.x()) + self._context.origin_ns
        return slice_at(lane.rows[depth], time_ns, _TOLERANCE_PIXELS * self._pixel_ns())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = self._context.theme
        painter.fillRect(self.rect(), theme.panel)
        self._paint_steps(painter)
        painter.setClipRect(0, RULER_HEIGHT, self.width(), self.height() - RULER_HEIGHT)
        self._paint_lanes(painter)
        self._paint_outlines(painter)
        self._paint_arrows(painter)
        painter.setClipping(False)
        self._paint_range(painter)
        self._paint_labels(painter)
        self._paint_ruler(painter)
        if self.hasFocus():
            painter.setPen(QPen(theme.accent, 1))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_steps(self, painter: QPainter) -> None:
        """Every other step is a band."""
        steps, theme = self._context.profile.steps, self._context.theme
        shade = QColor(theme.raised)
        shade.setAlpha(110)
        for row in range(len(steps)):
            left, right = (
                self._x_of(int(steps.start_ns[row])),
                self._x_of(int(steps.start_ns[row] + steps.duration_ns[row])),
            )
            if row % 2 == 0 and right > LABEL_WIDTH and left < self.width():
                left = max(left, LABEL_WIDTH)
                painter.fillRect(
                    QRectF(left, RULER_HEIGHT, right - left, self.height() - RULER_HEIGHT), shade
                )

    def _paint_lanes(self, painter: QPainter) -> None:
        width = max(self.width() - LABEL_WIDTH, 1)
        ratio = self.devicePixelRatioF()
        axis, origin = self._context.time_axis, self._context.origin_ns
        columns = max(round(width * ratio), 1)
        edges = pixel_edges(axis.begin_ns + origin, axis.end_ns + origin, columns)
        for lane in self._visible_lanes():
            top = RULER_HEIGHT + lane.top - self.offset
            if lane.track in self._index.samples and not lane.rows:
                self._paint_counter(painter, lane, top, edges)
            for depth, row in enumerate(lane.rows):
                y = top + depth * ROW_HEIGHT
                if y + ROW_HEIGHT < RULER_HEIGHT or y > self.height():
                    continue
                places = covering(row, edges)
                self._paint_row(
                    painter, QRectF(LABEL_WIDTH, y + 1, width, ROW_HEIGHT - 2), row, places
                )

    def _paint_row(
        self, painter: QPainter, box: QRectF, row: Row, places: NDArray[np.int64]
    ) -> None:
        colours = self._fill.colours(row, places)
        # the buffer must live as long as the image, which does not copy it
        image = QImage(
            colours.data,
            len(colours),
            1,
            4 * len(colours),
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        painter.drawImage(box, image)
        self._paint_names(painter, box, row, places)

    def _paint_names(
        self, painter: QPainter, box: QRectF, row: Row, places: NDArray[np.int64]
    ) -> None:
        """Names of the slices that are wide enough to read them."""
        first = np.flatnonzero(begins(places))
        if not len(first):
            return
        last = np.append(first[1:], len(places))
        wide = np.flatnonzero(last - first > _SHORTEST_LABEL_PIXELS * self.devicePixelRatioF())
        profile, metrics = self._context.profile, painter.fontMetrics()
        for at in wide.tolist():
            place = int(places[first[at]])
            here = np.flatnonzero(places[first[at] : last[at]] != place)
            end = first[at] + (int(here[0]) if len(here) else last[at] - first[at])
            left = box.left() + first[at] / self.devicePixelRatioF()
            width = (end - first[at]) / self.devicePixelRatioF()
            if width < _SHORTEST_LABEL_PIXELS:
                continue
            index = int(row.slices[place])
            name = profile.strings[int(profile.trace.slices.name[index])]
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(width) - 6)
            painter.setPen(self._fill.text_colour(index))
            painter.drawText(
                QRectF(left + 3, box.top(), width - 6, box.height()),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                text,
            )

    def _paint_counter(
        self, painter: QPainter, lane: Lane, top: int, edges: NDArray[np.float64]
    ) -> None:
        time_ns, values = self._index.samples[lane.track]
        highest = float(values.max(initial=0.0))
        levels = highest_per_pixel(time_ns, values, edges)
        base = top + lane.height
        scale = (lane.height - 12) / highest if highest > 0 else 0.0
        path = QPainterPath(QPointF(LABEL_WIDTH, base))
        for column, level in enumerate(levels.tolist()):
            x = LABEL_WIDTH + column / self.devicePixelRatioF()
            path.lineTo(x, base - scale * level)
        path.lineTo(self.width(), base)
        colour = QColor(self._context.theme.accent)
        colour.setAlpha(90)
        painter.fillPath(path, colour)
        painter.setPen(self._context.theme.muted)
        painter.drawText(
            QRectF(LABEL_WIDTH + 4, top, 200, 12), Qt.AlignmentFlag.AlignLeft, format_count(highest)
        )

    def _paint_outlines(self, painter: QPainter) -> None:
        """Frames around the picked slices that are wide enough for one."""
        slices = self._context.profile.trace.slices
        painter.setPen(QPen(self._context.theme.selection, 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        visible = self._picked_in_sight()
        shortest = 3 * self._pixel_ns()
        for row in visible[slices.duration_ns[visible] > shortest][:500].tolist():
            box = self._box_of(row)
            if box is not None:
                painter.drawRect(box.adjusted(0, 1, 0, -1))

    def _paint_arrows(self, painter: QPainter) -> None:
        """Launches and other flows of the slice that was picked."""
        kind, row = self._context.selection.picked.focus
        flows = self._context.profile.trace.flows
        if kind != "slice":
            return
        ends = np.flatnonzero((flows.source == row) | (flows.target == row))[:_MOST_ARROWS]
        painter.setPen(QPen(self._context.theme.selection, 1.4))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for flow in ends.tolist():
            source, target = (
                self._box_of(int(flows.source[flow])),
                self._box_of(int(flows.target[flow])),
            )
            if source is not None and target is not None:
                _draw_arrow(painter, source, target)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_range(self, painter: QPainter) -> None:
        """The picked or marked range of time, with its length."""
        picked = self._context.selection.picked.time_range_ns
        theme, origin = self._context.theme, self._context.origin_ns
        bounds = self._marked_ns
        if picked is not None:
            bounds = (picked[0] - origin, picked[1] - origin)
        if bounds is None:
            return
        left, right = (self._x_of(time + origin) for time in bounds)
        left, right = max(left, LABEL_WIDTH), min(right, self.width())
        if right < left:
            return
        shade = QColor(theme.selection)
        shade.setAlpha(38)
        painter.fillRect(QRectF(left, 0, right - left, self.height()), shade)
        painter.setPen(theme.selection)
        for x in (left, right):
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))

    def _paint_labels(self, painter: QPainter) -> None:
        theme = self._context.theme
        painter.fillRect(0, RULER_HEIGHT, LABEL_WIDTH, self.height() - RULER_HEIGHT, theme.window)
        metrics = painter.fontMetrics()
        painter.setClipRect(0, RULER_HEIGHT, self.width(), self.height() - RULER_HEIGHT)
        for lane in self._visible_lanes():
            top = RULER_HEIGHT + lane.top - self.offset
            mark = "▸ " if lane.is_folded else "▾ "
            if lane.is_header:
                painter.fillRect(0, top, self.width(), lane.height - 1, theme.raised)
            painter.setPen(theme.text if lane.is_header else theme.muted)
            can_fold = lane.is_header or lane.is_folded or len(lane.rows) > 1
            text = (mark if can_fold else "") + lane.label
            width = (self.width() if lane.is_header else LABEL_WIDTH) - 10
            left = 4 if lane.is_header else 12
            painter.drawText(
                QRect(left, top, width - left + 6, min(lane.height, 18)),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, width - left),
            )
        painter.setClipping(False)
        painter.setPen(theme.grid)
        painter.drawLine(LABEL_WIDTH, RULER_HEIGHT, LABEL_WIDTH, self.height())

    def _paint_ruler(self, painter: QPainter) -> None:
        theme, axis = self._context.theme, self._context.time_axis
        painter.fillRect(0, 0, self.width(), RULER_HEIGHT, theme.window)
        painter.setClipRect(LABEL_WIDTH, 0, self.width() - LABEL_WIDTH, self.height())
        width = self.width() - LABEL_WIDTH
        grid = QColor(theme.grid)
        for time_ns in ticks_ns(axis.begin_ns, axis.end_ns, width):
            x = self._x_of(time_ns + self._context.origin_ns)
            painter.setPen(grid)
            painter.drawLine(QPointF(x, 14), QPointF(x, RULER_HEIGHT - 2))
            painter.setPen(theme.text)
            painter.drawText(QPointF(x + 3, 13), format_duration(time_ns))
        steps = self._context.profile.steps
        painter.setPen(theme.muted)
        for row in range(len(steps)):
            left = self._x_of(int(steps.start_ns[row]))
            right = self._x_of(int(steps.start_ns[row] + steps.duration_ns[row]))
            label = self.tr("step {}").format(int(steps.number[row]))
            if right - left > 54 and right > LABEL_WIDTH and left < self.width():
                painter.fillRect(QRectF(left, 18, max(right - left - 1, 1), 16), theme.raised)
                painter.drawText(
                    QRectF(max(left, LABEL_WIDTH) + 4, 18, right - left, 16),
                    Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
                    label,
                )
        painter.setClipping(False)
        painter.setPen(theme.grid)
        painter.drawLine(0, RULER_HEIGHT - 1, self.width(), RULER_HEIGHT - 1)
        picked = self._context.selection.picked.time_range_ns
        if picked is not None:
            painter.setPen(theme.selection)
            painter.drawText(QPointF(6, 24), "↔ " + format_duration(picked[1] - picked[0]))

    # Mouse and keys

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        axis = self._context.time_axis
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            axis.zoom(_ZOOM_STEP ** (delta.y() / 120), self._time_at(event.position().x()))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or delta.x():
            axis.pan(-0.1 * (delta.x() or delta.y()) / 120)
        elif self.hidden_height and 0 <= self.offset - delta.y() // 2 <= self.hidden_height:
            self.scroll_to(self.offset - delta.y() // 2)
        else:
            event.ignore()  # the page scrolls on where the lanes end
            return
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._press = event.position()
        self._is_dragging = False
        axis = self._context.time_axis
        self._pressed_range = (axis.begin_ns, axis.end_ns)
        is_range = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        on_ruler = event.position().y() < RULER_HEIGHT and event.position().x() > LABEL_WIDTH
        self._range_from = self._time_at(event.position().x()) if is_range or on_ruler else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        moved = event.position() - self._press
        self._is_dragging = self._is_dragging or moved.manhattanLength() > _DRAG_PIXELS
        if not self._is_dragging:
            return
        if self._range_from is not None:
            begin, end = sorted((self._range_from, self._time_at(event.position().x())))
            self._marked_ns = (begin, end)
            self.update()
            return
        begin, end = self._pressed_range
        shift = moved.x() * (end - begin) / max(self.width() - LABEL_WIDTH, 1)
        self._context.time_axis.show(begin - shift, end - shift)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        if self._is_dragging and self._range_from is not None and self._marked_ns is not None:
            begin, end = self._marked_ns
            origin = self._context.origin_ns
            self._context.selection.pick_time_range(round(begin) + origin, round(end) + origin)
        elif not self._is_dragging:
            self._click(event.position())
        self._marked_ns = None
        self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        row = self.slice_under(event.position())
        if row >= 0:
            self.show_slice(row, zoom=True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        axis = self._context.time_axis
        middle = (axis.begin_ns + axis.end_ns) / 2
        actions: dict[Qt.Key, Callable[[], object]] = {
            Qt.Key.Key_W: lambda: axis.zoom(_ZOOM_STEP, middle),
            Qt.Key.Key_S: lambda: axis.zoom(1 / _ZOOM_STEP, middle),
            Qt.Key.Key_A: lambda: axis.pan(-0.1),
            Qt.Key.Key_D: lambda: axis.pan(0.1),
            Qt.Key.Key_F: self._fit,
            Qt.Key.Key_M: self._mark,
            Qt.Key.Key_Period: lambda: self._walk(1),
            Qt.Key.Key_Comma: lambda: self._walk(-1),
            Qt.Key.Key_BracketRight: lambda: self._follow_flow("source", "target"),
            Qt.Key.Key_BracketLeft: lambda: self._follow_flow("target", "source"),
            Qt.Key.Key_Escape: self._context.selection.clear,
        }
        action = actions.get(Qt.Key(event.key()))
        if action is None or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        else:
            action()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.slice_under(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._tip(row) if row >= 0 else "", self)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scroll_to(self.offset)

    def _click(self, position: QPointF) -> None:
        lane = self._lane_at(position)
        if lane is not None and (lane.is_header or position.x() < LABEL_WIDTH):
            if lane.is_header or lane.is_folded or len(lane.rows) > 1:
                self.toggle_fold(lane.track)
            return
        row = self.slice_under(position)
        if row >= 0:
            self._context.selection.pick_slice(row)
        elif position.y() > RULER_HEIGHT:
            self._context.selection.clear()

    def _fit(self) -> None:
        """Show the selection; all of the time if it is shown already."""
        axis = self._context.time_axis
        before = (axis.begin_ns, axis.end_ns)
        row = self._focused_slice()
        if row >= 0:
            self.show_slice(row, zoom=True)
        if (axis.begin_ns, axis.end_ns) == before:
            axis.fit()

    def _mark(self) -> None:
        row = self._focused_slice()
        if row >= 0:
            slices = self._context.profile.trace.slices
            begin = int(slices.start_ns[row])
            self._context.selection.pick_time_range(begin, begin + int(slices.duration_ns[row]))

    def _walk(self, direction: int) -> None:
        """The next or previous slice of the same track and depth."""
        row = self._focused_slice()
        place = self._place_of(row) if row >= 0 else None
        if place is None:
            return
        lane_row, at = place
        if 0 <= at + direction < len(lane_row.slices):
            chosen = int(lane_row.slices[at + direction])
            self._context.selection.pick_slice(chosen)
            self.show_slice(chosen)

    def _follow_flow(self, here: str, there: str) -> None:
        flows, row = self._context.profile.trace.flows, self._focused_slice()
        found = np.flatnonzero(getattr(flows, here) == row)
        if row >= 0 and len(found):
            chosen = int(getattr(flows, there)[found[0]])
            self._context.selection.pick_slice(chosen)
            self.show_slice(chosen)

    # Geometry

    def _lay_out(self) -> None:
        self.lanes = lay_out(self._context.profile, self._index, self._folded)
        self.scroll_to(self.offset)

    def _visible_lanes(self) -> list[Lane]:
        bottom = self.offset + self.height() - RULER_HEIGHT
        return [
            lane
            for lane in self.lanes
            if lane.top < bottom and lane.top + lane.height > self.offset
        ]

    def _lane_at(self, position: QPointF) -> Lane | None:
        y = position.y() - RULER_HEIGHT + self.offset
        if position.y() < RULER_HEIGHT:
            return None
        return next((each for each in self.lanes if each.top <= y < each.top + each.height), None)

    def _pixel_ns(self) -> float:
        axis = self._context.time_axis
        return (axis.end_ns - axis.begin_ns) / max(self.width() - LABEL_WIDTH, 1)

    def _time_at(self, x: float) -> float:
        """Time from the first step."""
        return self._context.time_axis.begin_ns + (x - LABEL_WIDTH) * self._pixel_ns()

    def _x_of(self, time_ns: float) -> float:
        """Position of a time since the profile's start."""
        from_origin = time_ns - self._context.origin_ns
        return LABEL_WIDTH + (from_origin - self._context.time_axis.begin_ns) / self._pixel_ns()

    def _place_of(self, row: int) -> tuple[Row, int] | None:
        """The row of a lane that holds a slice, and its place in it."""
        slices = self._context.profile.trace.slices
        track = int(slices.track[row])
        lane = next((each for each in self.lanes if each.track == track), None)
        for lane_row in lane.rows if lane is not None else ():
            at = int(np.searchsorted(lane_row.start_ns, slices.start_ns[row], "left"))
            while at < len(lane_row.slices) and lane_row.start_ns[at] == slices.start_ns[row]:
                if lane_row.slices[at] == row:
                    return lane_row, at
                at += 1
        return None

    def _box_of(self, row: int) -> QRectF | None:
        """Where a slice is drawn, also out of sight; None in a folded lane."""
        slices = self._context.profile.trace.slices
        track = int(slices.track[row])
        lane = next((each for each in self.lanes if each.track == track), None)
        if lane is None:
            return None
        depths = [int(slices.depth[each.slices[0]]) for each in lane.rows]
        if int(slices.depth[row]) not in depths:
            return None
        y = (
            RULER_HEIGHT
            + lane.top
            - self.offset
            + depths.index(int(slices.depth[row])) * ROW_HEIGHT
        )
        left = self._x_of(int(slices.start_ns[row]))
        right = self._x_of(int(slices.start_ns[row] + slices.duration_ns[row]))
        left, right = max(left, LABEL_WIDTH - 10.0), min(right, self.width() + 10.0)
        return QRectF(left, y, max(right - left, 1.0), ROW_HEIGHT)

    def _picked_in_sight(self) -> NDArray[np.int32]:
        slices, axis = self._context.profile.trace.slices, self._context.time_axis
        picked = self._context.selection.picked.slices
        begin, end = axis.begin_ns + self._context.origin_ns, axis.end_ns + self._context.origin_ns
        starts = slices.start_ns[picked]
        return picked[(starts < end) & (starts + slices.duration_ns[picked] > begin)]

    def _focused_slice(self) -> int:
        picked = self._context.selection.picked
        if picked.focus[0] == "slice":
            return picked.focus[1]
        return int(picked.slices[0]) if len(picked.slices) else -1

    def _follow(self) -> None:
        self._fill.follow_selection()
        picked = self._context.selection.picked
        if picked.focus[0] != "slice" and len(picked.slices) and not len(self._picked_in_sight()):
            self.show_slice(int(picked.slices[0]))
        self.update()

    def _tip(self, row: int) -> str:
        profile = self._context.profile
        slices = profile.trace.slices
        track = profile.strings[int(profile.trace.tracks.name[slices.track[row]])]
        name = profile.strings[int(slices.name[row])]
        return f"{name}\n{format_duration(int(slices.duration_ns[row]))}\n{track}"


class _Fill:
    """Colours of slices: their family's, dimmed while something else is picked."""

    def __init__(self, context: ViewContext) -> None:
        self._context = context
        slices, strings = context.profile.trace.slices, context.profile.strings
        used = np.unique(slices.name)
        colours = [context.theme.family_colour(strings[row]) for row in used.tolist()]
        self._bright = np.array([colour.rgba() for colour in colours], np.uint32)
        self._dim = np.array(
            [_mixed(colour, context.theme.panel, _DIMMED).rgba() for colour in colours], np.uint32
        )
        self._edge = np.array([colour.darker(125).rgba() for colour in colours], np.uint32)
        self._colour_of = np.searchsorted(used, slices.name)
        self._texts = [context.theme.text_on(colour) for colour in colours]
        self._is_picked: NDArray[np.bool_] | None = None

    def follow_selection(self) -> None:
        picked = self._context.selection.picked.slices
        self._is_picked = None
        if len(picked):
            self._is_picked = np.zeros(len(self._context.profile.trace.slices), np.bool_)
            self._is_picked[picked] = True

    def colours(self, row: Row, places: NDArray[np.int64]) -> NDArray[np.uint32]:
        """One ARGB value per pixel; transparent where nothing lies."""
        shown = places != NOTHING
        slices = row.slices[np.where(shown, places, 0)]
        names = self._colour_of[slices]
        colours = self._bright[names]
        first = begins(places)
        is_lone = np.concatenate((first[1:], [True]))
        edge = first & ~is_lone
        colours[edge] = self._edge[names[edge]]
        if self._is_picked is not None:
            dimmed = ~self._is_picked[slices]
            colours[dimmed] = self._dim[names[dimmed]]
        colours[~shown] = 0
        return colours

    def text_colour(self, row: int) -> QColor:
        if self._is_picked is not None and not self._is_picked[row]:
            return self._context.theme.muted
        return self._texts[int(self._colour_of[row])]


def _mixed(over: QColor, under: QColor, share: float) -> QColor:
    """`over` with a share of `under`."""
    return QColor(
        round(over.red() * (1 - share) + under.red() * share),
        round(over.green() * (1 - share) + under.green() * share),
        round(over.blue() * (1 - share) + under.blue() * share),
    )


def _draw_arrow(painter: QPainter, source: QRectF, target: QRectF) -> None:
    begin = QPointF(min(source.right(), max(source.left(), target.left())), source.center().y())
    end = QPointF(target.left(), target.center().y())
    path = QPainterPath(begin)
    bend = max(abs(end.x() - begin.x()) * 0.4, 18)
    path.cubicTo(QPointF(begin.x() + bend, begin.y()), QPointF(end.x() - bend, end.y()), end)
    painter.drawPath(path)
    for side in (-3.5, 3.5):
        painter.drawLine(end, QPointF(end.x() - 6, end.y() + side))
