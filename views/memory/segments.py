"""The allocator's segments at a moment: what lies where in them, and how fragmented they are."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractScrollArea, QLabel, QToolTip, QVBoxLayout, QWidget

from profilers.analysis.memory.owners import owner_names
from profilers.analysis.memory.segments import SegmentMap, segment_map
from profilers.profile.table import Float64, Int64
from profilers.units import format_bytes, format_percent
from views.context import ViewContext
from views.focus_frame import FocusFrame
from views.memory.moment_steps import moment_step

_ROW, _BAR = 22, 16
_GUTTER = 150
_SMALLEST_EDGE = 4  # pixels from which on a block has an edge


class SegmentsPane(QWidget):
    """A sentence with the figures above the picture."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.figures = QLabel()
        self.figures.setWordWrap(True)
        self.figures.setContentsMargins(6, 2, 6, 0)
        self.picture = SegmentsPicture(context)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.figures)
        layout.addWidget(self.picture, 1)

    def show_moment(self, device: int, time_ns: int) -> None:
        found = segment_map(self._context.profile, device, time_ns)
        reserved, free = found.reserved_bytes, found.free_bytes
        text = self.tr("{} reserved in {} segments  ·  {} free ({})").format(
            format_bytes(reserved),
            f"{len(found.begin):,}",
            format_bytes(free),
            format_percent(free / max(reserved, 1)),
        )
        text += self.tr("  ·  {} of it in segments in use").format(format_bytes(found.split_bytes))
        text += self.tr("  ·  largest free piece {}  ·  fragmentation {}").format(
            format_bytes(found.largest_free_bytes), format_percent(found.fragmentation)
        )
        self.figures.setText(text)
        self.figures.setToolTip(
            self.tr(
                "Fragmentation is the share of the free bytes that one request cannot have: "
                "1 - largest free piece / free bytes. Only a segment without blocks can be given "
                "back to the device."
            )
        )
        self.picture.show_map(found)


class SegmentsPicture(QAbstractScrollArea):
    """A bar for each segment, as long as it is large; a click picks a block."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._map: SegmentMap | None = None
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.viewport().setMouseTracking(True)
        self.setAccessibleName(self.tr("Segments"))
        FocusFrame(self, context.theme.accent)
        context.selection.changed.connect(self.viewport().update)

    def show_map(self, found: SegmentMap) -> None:
        self._map = found
        self._order = np.argsort(-(found.end - found.begin), kind="stable")
        self._first_block = np.searchsorted(found.block_segment, np.arange(len(found.begin) + 1))
        self._fit_scroll_bar()
        self.viewport().update()

    def block_at(self, position: QPointF) -> int:
        """The allocation drawn at a place of the viewport, -1 for none."""
        row = int(position.y() + self.verticalScrollBar().value()) // _ROW
        if self._map is None or not 0 <= row < len(self._order) or position.x() < _GUTTER:
            return -1
        segment = int(self._order[row])
        address = self._map.begin[segment] + (position.x() - _GUTTER) * self._bytes_per_pixel()
        blocks = slice(self._first_block[segment], self._first_block[segment + 1])
        inside = np.flatnonzero(
            (self._map.block_begin[blocks] <= address) & (self._map.block_end[blocks] > address)
        )
        return int(self._map.allocation[blocks][inside[0]]) if len(inside) else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(self.viewport().rect(), self._context.theme.panel)
        if self._map is None:
            return
        first = self.verticalScrollBar().value() // _ROW
        last = min(first + self.viewport().height() // _ROW + 2, len(self._order))
        for row in range(first, last):
            self._paint_segment(painter, row, int(self._order[row]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        block = self.block_at(event.position())
        if block >= 0:
            self._context.selection.pick_allocation(block)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        block = self.block_at(event.position())
        if block < 0:
            QToolTip.hideText()
            return
        profile = self._context.profile
        size = format_bytes(int(profile.memory.allocations.bytes[block]))
        (name,) = owner_names(profile, np.array([block]))
        text = f"{size}  {name or self.tr('(not known)')}"
        QToolTip.showText(event.globalPosition().toPoint(), text, self.viewport())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if moment_step(event):
            event.ignore()  # the view's, not the scroll bar's
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QEvent) -> None:
        self._fit_scroll_bar()

    def _paint_segment(self, painter: QPainter, row: int, segment: int) -> None:
        assert self._map is not None
        theme, found = self._context.theme, self._map
        top = row * _ROW - self.verticalScrollBar().value() + (_ROW - _BAR) // 2
        size, used = int(found.end[segment] - found.begin[segment]), int(found.used[segment])
        table, strings = self._context.profile.memory.segments, self._context.profile.strings
        kind = strings[int(table.kind[found.segment[segment]])]
        label = f"{format_bytes(size)}  {format_percent(used / max(size, 1))}  {kind}"
        painter.setPen(theme.text)
        box = QRectF(4, top - 2, _GUTTER - 8, _BAR + 4)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, label)
        width = max(round(size / self._bytes_per_pixel()), 1)
        painter.drawImage(QPointF(_GUTTER, top), self._bar(segment, width))
        blocks = slice(self._first_block[segment], self._first_block[segment + 1])
        self._paint_edges(painter, segment, blocks, top)
        painter.setPen(theme.muted)
        painter.drawRect(QRectF(_GUTTER, top, width, _BAR))

    def _bar(self, segment: int, width: int) -> QImage:
        """Pixels between the colours of free and used, by the share of their bytes in use."""
        assert self._map is not None
        found, theme = self._map, self._context.theme
        blocks = slice(self._first_block[segment], self._first_block[segment + 1])
        edges = np.linspace(found.begin[segment], found.end[segment], width + 1)
        share = np.diff(_used_below(edges, found.block_begin[blocks], found.block_end[blocks]))
        share = np.clip(share / max(edges[1] - edges[0], 1e-9), 0, 1)[:, None]
        free, used = (
            np.array([colour.blue(), colour.green(), colour.red(), 255])
            for colour in (theme.raised, theme.hue_colour(212))
        )
        line = np.round(free + (used - free) * share).astype(np.uint8)
        pixels = np.ascontiguousarray(np.broadcast_to(line, (_BAR, width, 4)))
        image = QImage(pixels.tobytes(), width, _BAR, 4 * width, QImage.Format.Format_RGB32)
        return image.copy()

    def _paint_edges(self, painter: QPainter, segment: int, blocks: slice, top: int) -> None:
        """Lines between blocks that are wide enough, and a frame around picked ones."""
        assert self._map is not None
        found, scale, theme = self._map, self._bytes_per_pixel(), self._context.theme
        left = _GUTTER + (found.block_begin[blocks] - found.begin[segment]) / scale
        right = _GUTTER + (found.block_end[blocks] - found.begin[segment]) / scale
        picked = np.isin(found.allocation[blocks], self._context.selection.picked.allocations)
        painter.setPen(theme.panel)
        for at in np.flatnonzero(right - left >= _SMALLEST_EDGE).tolist():
            painter.drawLine(QPointF(right[at], top), QPointF(right[at], top + _BAR))
        for at in np.flatnonzero(picked).tolist():
            width = max(right[at] - left[at], 2.0)
            painter.fillRect(QRectF(left[at], top, width, _BAR), theme.selection)

    def _bytes_per_pixel(self) -> float:
        assert self._map is not None
        room = max(self.viewport().width() - _GUTTER - 8, 1)
        return max(int((self._map.end - self._map.begin).max(initial=1)), 1) / room

    def _fit_scroll_bar(self) -> None:
        count = len(self._order) if self._map is not None else 0
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(_ROW)
        bar.setRange(0, max(count * _ROW - self.viewport().height(), 0))


def _used_below(addresses: Float64, begin: Int64, end: Int64) -> Float64:
    """Bytes of ascending, disjoint blocks below each address."""
    if not len(begin):
        return np.zeros(len(addresses))
    sizes = (end - begin).astype(np.float64)
    before = np.cumsum(sizes) - sizes
    corners = np.column_stack((begin, end)).ravel().astype(np.float64)
    sums = np.column_stack((before, before + sizes)).ravel()
    found: Float64 = np.interp(addresses, corners, sums, left=0.0, right=float(sums[-1]))
    return found
