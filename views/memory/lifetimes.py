"""When the largest blocks were alive: a row for each place that makes them, a bar for each time."""

import html

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from profilers.analysis.memory.groups import category_name
from profilers.analysis.memory.owners import owner_names, tensor_text
from profilers.analysis.memory.sites import Lifetimes, largest_lifetimes
from profilers.profile import NEVER_NS
from profilers.profile.table import Float64, Int64
from profilers.units import format_bytes, format_duration
from views.context import ViewContext
from views.focus_frame import FocusFrame
from views.memory.colours import category_colour
from views.memory.moment_steps import moment_step
from views.memory.time_plot import move_by_key
from views.time_drag import TimeDrag
from views.timeline.painting import paint_range
from views.timeline.time_scale import TimeScale, ticks

_MOST_ROWS = 200
_RULER = 18
_ZOOM_STEP = 1.25
_REACH = 4  # pixels beside a bar that still hit it
_GUTTER_SHARE, _GUTTER_MOST = 0.44, 320
_SIZE_WIDTH = 66
_DIMMED = 90  # alpha of bars while others are picked


class LifetimesChart(QAbstractScrollArea):
    """The largest blocks first; a click picks one. Shares the time axis of the columns."""

    moment_chosen = Signal(float)  # ns from the first step
    range_measured = Signal(float, float)  # ns from the first step

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._found = Lifetimes(np.empty(0, np.int32), np.empty(0, np.int64), np.zeros(1, np.int64))
        self._names: list[str] = []
        self._moment_ns = self._end_ns = 0
        self.drag = TimeDrag(context.time_axis, self._time_at, self)
        self.drag.measured.connect(self.range_measured)
        self._row_height = self.fontMetrics().height() + 4
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        FocusFrame(self, context.theme.accent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Lifetimes of the largest allocations"))
        self.drag.changed.connect(self.viewport().update)
        context.time_axis.changed.connect(self.viewport().update)
        context.selection.changed.connect(self.viewport().update)

    @property
    def found(self) -> Lifetimes:
        return self._found

    def show_device(self, device: int, end_ns: int, *, with_lasting: bool) -> None:
        """List the largest of a device; `end_ns` is where the trace ends."""
        profile = self._context.profile
        found = largest_lifetimes(profile, device, _MOST_ROWS, with_lasting)
        if found is self._found:
            return
        self._found, self._end_ns = found, end_ns
        first = self._found.blocks[self._found.offsets[:-1]]
        self._names = [name or self.tr("(not known)") for name in owner_names(profile, first)]
        self._fit_scroll_bar()
        self.viewport().update()

    def show_moment(self, time_ns: int) -> None:
        self._moment_ns = time_ns
        self.viewport().update()

    def block_at(self, position: QPointF) -> int:
        """The block drawn at a place of the viewport, -1 for none; near ones count."""
        row = self._row_at(position.y())
        if row < 0:
            return -1
        blocks, scale = self._blocks(row), self._scale()
        begin, end = self._spans(blocks, scale)
        x = position.x() - self._gutter()
        distance = np.maximum(np.maximum(begin - x, x - end), 0)
        nearest = int(np.argmin(distance))
        return int(blocks[nearest]) if distance[nearest] <= _REACH else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        theme, width, height = (
            self._context.theme,
            self.viewport().width(),
            self.viewport().height(),
        )
        painter.fillRect(self.viewport().rect(), theme.panel)
        if not self._names:
            painter.setPen(theme.muted)
            text = self.tr(
                "Nothing was allocated during the run: all that is alive lasts throughout."
            )
            box = self.viewport().rect().adjusted(12, 12, -12, -12)
            painter.drawText(box, Qt.TextFlag.TextWordWrap, text)
            return
        scale = self._scale()
        self._paint_ticks(painter, scale)
        first = self.verticalScrollBar().value() // self._row_height
        last = min(first + height // self._row_height + 2, len(self._names))
        painter.setClipRect(0, _RULER, width, height - _RULER)
        for row in range(first, last):
            self._paint_label(painter, row)
        painter.setClipRect(self._gutter(), _RULER, width - self._gutter(), height - _RULER)
        for row in range(first, last):
            self._paint_bars(painter, row, scale)
        picked = self._context.selection.picked.time_range_ns
        if self.drag.range_ns is not None:
            begin, end = self.drag.range_ns
            picked = (
                round(begin + self._context.origin_ns),
                round(end + self._context.origin_ns),
            )
        if picked is not None:
            painter.translate(self._gutter(), 0)
            paint_range(painter, scale, picked, height, theme.selection)
            painter.translate(-self._gutter(), 0)
        x = self._gutter() + scale.x_of(self._moment_ns)
        painter.setPen(theme.accent)
        painter.drawLine(QPointF(x, _RULER), QPointF(x, height))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.drag.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.drag.is_pressed:
            self.drag.move(event)
        else:
            self._tell(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.drag.release():
            self._click(event.position())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            return
        factor = _ZOOM_STEP ** (event.angleDelta().y() / 120)
        self._context.time_axis.zoom(factor, self._time_at(event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if moment_step(event):
            event.ignore()  # the view's, not the scroll bar's
        elif not move_by_key(self._context.time_axis, event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QEvent) -> None:
        self._fit_scroll_bar()

    def _click(self, position: QPointF) -> None:
        block = self.block_at(position)
        row = self._row_at(position.y())
        if block < 0 and row >= 0 and position.x() < self._gutter():
            block = int(self._blocks(row)[0])
        if block >= 0:
            self._context.selection.pick_allocation(block)
        elif position.x() >= self._gutter():
            self.moment_chosen.emit(self._time_at(position.x()))

    def _tell(self, event: QMouseEvent) -> None:
        profile, block = self._context.profile, self.block_at(event.position())
        row = self._row_at(event.position().y())
        if block < 0 and (row < 0 or event.position().x() >= self._gutter()):
            QToolTip.hideText()
            return
        block = block if block >= 0 else int(self._blocks(row)[0])
        allocations = profile.memory.allocations
        begin, end = int(allocations.allocated_ns[block]), int(allocations.freed_ns[block])
        lived = self.tr("to the end") if end == NEVER_NS else format_duration(end - begin)
        lines = [
            f"<b>{html.escape(self._names[row])}</b>",
            f"{format_bytes(int(allocations.bytes[block]))} {tensor_text(profile, block)}",
            category_name(int(allocations.category[block])),
            self.tr("alive {}").format(lived),
            self.tr("made {} times").format(f"{len(self._blocks(row)):,}"),
        ]
        text = "<br>".join(line for line in lines if line)
        QToolTip.showText(event.globalPosition().toPoint(), text, self.viewport())

    def _paint_ticks(self, painter: QPainter, scale: TimeScale) -> None:
        theme, origin_ns = self._context.theme, self._context.origin_ns
        marks = ticks(scale.begin_ns - origin_ns, scale.end_ns - origin_ns, scale.width)
        for time_ns in marks.times_ns:
            x = self._gutter() + scale.x_of(time_ns + origin_ns)
            painter.setPen(theme.grid)
            painter.drawLine(QPointF(x, 0), QPointF(x, self.viewport().height()))
            painter.setPen(theme.muted)
            painter.drawText(QPointF(x + 3, _RULER - 5), marks.text(time_ns))

    def _paint_label(self, painter: QPainter, row: int) -> None:
        theme, metrics = self._context.theme, self.fontMetrics()
        top = self._top(row)
        size = int(self._context.profile.memory.allocations.bytes[self._blocks(row)[0]])
        box = QRectF(4, top, self._gutter() - 10, self._row_height)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.muted)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, format_bytes(size))
        box.setRight(box.right() - _SIZE_WIDTH)
        painter.setPen(theme.text)
        name = self._names[row]
        if metrics.horizontalAdvance(name) > box.width():
            module = name.partition(" · ")[0]  # or all there is
            name = metrics.elidedText(module, Qt.TextElideMode.ElideLeft, int(box.width()))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | middle, name)

    def _paint_bars(self, painter: QPainter, row: int, scale: TimeScale) -> None:
        theme, blocks = self._context.theme, self._blocks(row)
        allocations = self._context.profile.memory.allocations
        picked = np.isin(blocks, self._context.selection.picked.allocations)
        fill = category_colour(theme, int(allocations.category[blocks[0]]))
        if len(self._context.selection.picked.allocations) and not picked.any():
            fill.setAlpha(_DIMMED)
        self._paint_spans(painter, row, scale, blocks[~picked], fill)
        self._paint_spans(painter, row, scale, blocks[picked], theme.selection)

    def _paint_spans(
        self, painter: QPainter, row: int, scale: TimeScale, blocks: Int64, fill: QColor
    ) -> None:
        """Bars of at least a pixel; what would lie on the same pixels is drawn once."""
        begin, end = self._spans(blocks, scale)
        seen = (end >= 0) & (begin <= scale.width)
        left = np.floor(np.maximum(begin[seen], 0)).astype(np.int64)
        right = np.maximum(np.ceil(np.minimum(end[seen], scale.width)).astype(np.int64), left + 1)
        order = np.lexsort((-right, left))
        left, first = np.unique(left[order], return_index=True)
        right = right[order][first]
        top, gutter = self._top(row) + 2, self._gutter()
        edge = fill.darker(125)
        for x0, x1 in zip(left.tolist(), right.tolist(), strict=True):
            box = QRectF(gutter + x0, top, x1 - x0, self._row_height - 4)
            painter.fillRect(box, fill)
            if x1 - x0 > 3:
                painter.setPen(edge)
                painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _spans(self, blocks: Int64, scale: TimeScale) -> tuple[Float64, Float64]:
        """Left and right pixels of blocks, from the gutter on."""
        allocations = self._context.profile.memory.allocations
        end_ns = np.minimum(allocations.freed_ns[blocks], self._end_ns)
        times_ns = np.stack((allocations.allocated_ns[blocks], end_ns)).astype(np.float64)
        begin, end = (times_ns - scale.begin_ns) / scale.ns_per_pixel
        return begin, end

    def _blocks(self, row: int) -> Int64:
        blocks: Int64 = self._found.blocks[self._found.offsets[row] : self._found.offsets[row + 1]]
        return blocks

    def _scale(self) -> TimeScale:
        axis, origin_ns = self._context.time_axis, self._context.origin_ns
        width = max(self.viewport().width() - self._gutter(), 1)
        return TimeScale(axis.begin_ns + origin_ns, axis.end_ns + origin_ns, width)

    def _time_at(self, x: float) -> float:
        """Counted from the first step."""
        return self._scale().time_at(x - self._gutter()) - self._context.origin_ns

    def _gutter(self) -> int:
        return min(int(self.viewport().width() * _GUTTER_SHARE), _GUTTER_MOST)

    def _top(self, row: int) -> int:
        return _RULER + row * self._row_height - self.verticalScrollBar().value()

    def _row_at(self, y: float) -> int:
        row = int(y - _RULER + self.verticalScrollBar().value()) // self._row_height
        return row if y >= _RULER and 0 <= row < len(self._names) else -1

    def _fit_scroll_bar(self) -> None:
        room = self.viewport().height() - _RULER
        bar = self.verticalScrollBar()
        bar.setPageStep(room)
        bar.setSingleStep(self._row_height)
        bar.setRange(0, max(len(self._names) * self._row_height - room, 0))
