"""Draws the visible part of a scene: lanes, labels, counters, step bands and arrows."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from profilers.profile.table import Float64, Int64
from views.timeline.areas import paint_area
from views.timeline.counters import CounterSeries
from views.timeline.device_painting import paint_busy, paint_gaps
from views.timeline.flows import FlowIndex
from views.timeline.layout import Band, BandKind
from views.timeline.raster import LanePicture, Paint, picture, pixel_edges
from views.timeline.scene import Scene
from views.timeline.time_scale import TimeScale

_DIMMED = 0.55  # of what is not picked while something is
_BETWEEN_LANES = 2
_LABEL_PIXELS = 30
_OUTLINE_PIXELS = 3
_MOST_OUTLINES = 2000
_MOST_ARROWS = 60


class ScenePainter:
    """One frame; `width` and `height` are the widget's, `ratio` its device pixel ratio."""

    def __init__(
        self, scene: Scene, painter: QPainter, width: int, height: int, ratio: float
    ) -> None:
        self._scene = scene
        self._theme = scene.context.theme
        self._painter = painter
        self._width, self._height, self._ratio = width, height, ratio
        self._scale = scene.scale(width)
        self._columns = max(round(width * ratio), 1)
        self._in_sight: list[Band] = []
        self._edges = pixel_edges(self._scale.begin_ns, self._scale.end_ns, self._columns)

    def paint(self, counters: dict[int, CounterSeries], flows: FlowIndex) -> None:
        self._painter.fillRect(0, 0, self._width, self._height, self._theme.panel)
        self._paint_steps()
        pinned = self._scene.pinned_height
        self._paint_part(False, QRect(0, pinned, self._width, self._height - pinned), counters)
        self._paint_part(True, QRect(0, 0, self._width, pinned), counters)
        self._painter.setClipping(False)
        self._paint_outlines()
        self._paint_arrows(flows)
        self._paint_ranges()

    def _paint_part(self, is_pinned: bool, clip: QRect, counters: dict[int, CounterSeries]) -> None:
        """The pinned bands or those that scroll beneath them."""
        self._in_sight = [
            band
            for band in self._scene.bands
            if band.is_pinned == is_pinned and -band.height < self._scene.y_of(band) < self._height
        ]
        self._painter.setClipRect(clip)
        labels = self._paint_lanes()
        for band in self._visible(BandKind.COUNTER):
            if band.track in counters:
                self._paint_counter(band, counters[band.track])
        self._paint_devices()
        self._paint_groups()
        self._paint_labels(labels)

    def _visible(self, kind: BandKind) -> list[Band]:
        return [band for band in self._in_sight if band.kind is kind]

    def _paint_steps(self) -> None:
        """A faint tint over every second step."""
        steps = self._scene.context.profile.steps
        # Mixed beforehand: blending half the window costs 8 ms a frame in software.
        tint = _mixed(self._theme.grid, self._theme.panel, 90 / 255)
        ends = steps.start_ns + steps.duration_ns
        shown = np.flatnonzero(
            (ends > self._scale.begin_ns) & (steps.start_ns < self._scale.end_ns)
        )
        if len(shown) > self._width // 4:
            return
        for step in shown[shown % 2 == 0].tolist():
            left = max(self._scale.x_of(int(steps.start_ns[step])), -2.0)
            right = min(self._scale.x_of(int(ends[step])), self._width + 2.0)
            self._painter.fillRect(QRectF(left, 0, right - left, self._height), tint)

    def _paint_lanes(self) -> list[tuple[int, int]]:
        """Draw all visible lanes; gives the top and place of each slice that is worth a label."""
        lane_height = self._scene.heights.lane
        lanes: list[int] = []
        tops: list[int] = []
        for band in self._visible(BandKind.SLICES):
            for level in range(band.lanes):
                top = self._scene.y_of(band) + level * lane_height
                if -lane_height < top < self._height:
                    lanes.append(band.first_lane + level)
                    tops.append(top)
        if not lanes:
            return []
        drawn = self._picture(np.array(lanes, np.int64))
        image = QImage(
            drawn.pixels.data,
            self._columns,
            len(lanes),
            4 * self._columns,
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        for at, top in enumerate(tops):
            lane = image.copy(0, at, self._columns, 1)  # SVG knows no part of an image
            self._painter.drawImage(
                QRectF(0, top + 1, self._width, lane_height - _BETWEEN_LANES), lane
            )
        return [(tops[at], place) for at, place in drawn.wide]

    def _picture(self, lanes: Int64) -> LanePicture:
        """The lanes' pixels, with what is picked in full colour above the rest."""
        scene, background = self._scene, self._theme.panel.rgb()
        shortest_ns = _LABEL_PIXELS * self._scale.ns_per_pixel
        has_picks = len(scene.picked_lanes.row) > 0
        paint = Paint(scene.colour_index, scene.palette, background, _DIMMED if has_picks else 1.0)
        drawn = picture(scene.lanes, lanes, self._edges, paint, shortest_ns)
        if has_picks:
            bright = Paint(scene.picked_index, scene.palette, background)
            picked = picture(scene.picked_lanes, lanes, self._edges, bright, np.inf).pixels
            np.copyto(drawn.pixels, picked, where=picked != 0)
        return drawn

    def _paint_devices(self) -> None:
        """Idle gaps of streams, and how busy their devices are."""
        scene, painter = self._scene, self._painter
        for band in filter(scene.is_stream, self._visible(BandKind.SLICES)):
            box = scene.lanes_box(band, self._width)
            work = scene.work.of_stream(band.track)
            paint_gaps(painter, box, work, self._scale, self._theme, self._ratio)
        for band in self._visible(BandKind.BUSY):
            box = scene.lanes_box(band, self._width).adjusted(0, 2, 0, 0)
            work = scene.work.of_device(band.group)
            paint_busy(painter, box, work, self._edges, self._theme, self._ratio)

    def _paint_groups(self) -> None:
        painter = self._painter
        for band in self._visible(BandKind.GROUP):
            box = QRectF(0, self._scene.y_of(band), self._width, band.height)
            painter.fillRect(box, self._theme.raised)
            painter.setPen(self._theme.muted)
            painter.drawText(
                box.adjusted(6, 0, -8, 0),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                self._scene.summary_of(band.group),
            )

    def _paint_labels(self, wide: list[tuple[int, int]]) -> None:
        """Names of slices that are wide enough, as far as they fit into what is in sight."""
        if not wide:
            return
        scene, painter = self._scene, self._painter
        labels = scene.labels_in(painter.font())
        tops, places = np.array(wide, np.int64).T
        left = np.maximum(self._x_of(scene.lanes.start_ns[places]), 0.0) + 4
        room = np.minimum(self._x_of(scene.lanes.end_ns[places]), self._width) - 3 - left
        inks = self._inks(places)
        drop = (scene.heights.lane - labels.height) / 2
        for ink in np.unique(inks).tolist():
            painter.setPen(QColor.fromRgb(ink))
            chosen = np.flatnonzero((inks == ink) & (room >= _LABEL_PIXELS - 8))
            columns = (left[chosen], tops[chosen] + drop, room[chosen])
            names = scene.lanes.name[places[chosen]].tolist()
            for name, x, y, width in zip(names, *(each.tolist() for each in columns), strict=True):
                label = labels.fitted(name, width)
                if label is not None:
                    painter.drawStaticText(QPointF(x, y), label)

    def _x_of(self, times_ns: Int64) -> Float64:
        return np.asarray((times_ns - self._scale.begin_ns) / self._scale.ns_per_pixel, np.float64)

    def _inks(self, places: Int64) -> NDArray[np.uint32]:
        """Black or white on each slice's colour, the text colour on those that are dimmed."""
        scene = self._scene
        inks = scene.ink[scene.colour_index[places]]
        if len(scene.picked_lanes.row):
            is_dim = ~np.isin(scene.lanes.row[places], scene.picked_lanes.row)
            inks = np.where(is_dim, np.uint32(self._theme.text.rgb()), inks)
        return inks

    def _paint_outlines(self) -> None:
        """Frames around picked slices, thicker around the one that was picked itself."""
        picked = self._scene.picked_lanes
        in_sight = (picked.end_ns > self._scale.begin_ns) & (picked.start_ns < self._scale.end_ns)
        focus = self._scene.focused_slice
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        for place in np.flatnonzero(in_sight)[:_MOST_OUTLINES].tolist():
            box = self._scene.box_of(int(picked.row[place]), self._scale)
            if box is None or box.bottom() <= 0 or not box.height() or box.top() > self._height:
                continue
            is_focus = int(picked.row[place]) == focus
            if box.width() < _OUTLINE_PIXELS:
                box.setWidth(2.0)
                self._painter.fillRect(box, self._theme.selection)
            else:
                self._painter.setPen(QPen(self._theme.selection, 2.0 if is_focus else 1.0))
                self._painter.drawRect(box)

    def _paint_counter(self, band: Band, series: CounterSeries) -> None:
        low, height = self._scene.y_of(band) + band.height - 5, band.height - 10
        values = series.columns(self._edges)
        end_ns = max(self._scene.extent_ns[1], int(series.time_ns[-1]))
        values[self._edges[:-1] > end_ns] = np.nan  # nothing is known of a later time
        span = max(series.highest - min(series.lowest, 0.0), 1e-12)
        floor = min(series.lowest, 0.0)
        box = QRectF(0, low - height, self._width, height)
        paint_area(self._painter, box, (values - floor) / span, self._theme.accent, self._ratio)

    def _paint_arrows(self, flows: FlowIndex) -> None:
        """From where picked work was launched to where it ran."""
        rows = self._scene.context.selection.picked.slices
        focus = self._scene.focused_slice
        arrows = flows.touching([focus]) if focus >= 0 else []
        if not arrows and len(rows) <= _MOST_ARROWS:
            arrows = flows.touching(rows.tolist())
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for source, target in arrows[:_MOST_ARROWS]:
            begin, end = (self._scene.box_of(row, self._scale) for row in (source, target))
            if begin is not None and end is not None:
                self._paint_arrow(begin, end)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_arrow(self, begin: QRectF, end: QRectF) -> None:
        goes_down = begin.center().y() <= end.center().y()
        start = begin.bottomLeft() if goes_down else begin.topLeft()
        tip = end.topLeft() if goes_down else end.bottomLeft()
        bend = 0.5 * (tip.y() - start.y())
        path = QPainterPath(start)
        path.cubicTo(start + QPointF(0, bend), tip - QPointF(0, bend), tip)
        self._painter.setPen(QPen(self._theme.selection, 1.4))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        self._painter.drawPath(path)
        back = -6.0 if goes_down else 6.0
        self._painter.setBrush(self._theme.selection)
        self._painter.drawPolygon(
            QPolygonF([tip, tip + QPointF(-3.5, back), tip + QPointF(3.5, back)])
        )

    def _paint_ranges(self) -> None:
        for marked in self._scene.marks.all:
            paint_edges(self._painter, self._scale, marked, self._height, self._theme.accent)
        time_range = self._scene.context.selection.picked.time_range_ns
        if time_range is not None:
            paint_range(self._painter, self._scale, time_range, self._height, self._theme.selection)


def _mixed(over: QColor, under: QColor, share: float) -> QColor:
    """Opaque, as `over` would look with `share` of its strength on `under`."""
    red, green, blue = (
        round(below + (above - below) * share)
        for above, below in (
            (over.red(), under.red()),
            (over.green(), under.green()),
            (over.blue(), under.blue()),
        )
    )
    return QColor(red, green, blue)


def paint_range(
    painter: QPainter,
    scale: TimeScale,
    time_range_ns: tuple[float, float],
    height: int,
    colour: QColor,
) -> None:
    """A tint with two edges over a picked time range."""
    left = min(max(scale.x_of(time_range_ns[0]), -2.0), scale.width + 2.0)
    right = min(max(scale.x_of(time_range_ns[1]), -2.0), scale.width + 2.0)
    tint = QColor(colour)
    tint.setAlpha(36)
    painter.fillRect(QRectF(left, 0, right - left, height), tint)
    paint_edges(painter, scale, time_range_ns, height, colour)


def paint_edges(
    painter: QPainter,
    scale: TimeScale,
    time_range_ns: tuple[float, float],
    height: int,
    colour: QColor,
) -> None:
    """Lines where a time range begins and ends."""
    painter.setPen(QPen(colour, 1.0))
    for time_ns in time_range_ns:
        x = min(max(scale.x_of(time_ns), -2.0), scale.width + 2.0)
        painter.drawLine(QPointF(x, 0), QPointF(x, height))
