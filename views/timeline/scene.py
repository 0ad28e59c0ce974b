"""What the parts of one timeline share: its bands, lanes, colours, scroll position and picks."""

from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QFont, QGuiApplication

from profilers.profile import Profile, TrackKind
from profilers.profile.table import Int32
from profilers.units import format_percent
from views.context import ViewContext
from views.timeline.colouring import ColourBy, colour_by
from views.timeline.counters import CounterSeries, allocated_by_device, series_by_track
from views.timeline.heights import Heights
from views.timeline.lane_state import LaneState
from views.timeline.layout import TRACK_GAP, Band, BandKind, TrackOrder, memory_track
from views.timeline.marks import Marks
from views.timeline.prepared import device_work_of, lanes_of, shared_slice_scope
from views.timeline.raster import Pixels
from views.timeline.slice_labels import SliceLabels
from views.timeline.time_scale import TimeScale


class Scene(QObject):
    """Emits `changed` when something must be drawn anew, `laid_out` when bands moved.

    Bands count from the top of the first one; heights named ``y`` count from the top of the
    widget: pinned bands stay there, all others move up by `top`.
    """

    changed = Signal()
    laid_out = Signal()

    def __init__(self, context: ViewContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.top = 0
        self.heights = Heights.of(QGuiApplication.font())
        self._labels: tuple[str, SliceLabels] | None = None
        self._preferences = context.preferences
        self.hides_noise = self._preferences.hides_noise
        self.order = TrackOrder.of(context.profile, self.hides_noise)
        self.tracks = LaneState(self.order.tracks, self.order.group_of, self)
        self.marks = Marks(context.notes, context.profile.trace.slices, self)
        self.lanes = lanes_of(context.profile, self.hides_noise)
        self.counters = _counters(context.profile)
        self.work = device_work_of(context.profile)
        self.colouring = colour_by(ColourBy.OPERATOR, context, self.lanes, self.order)
        self.picked_lanes = self.lanes.subset(np.empty(0, np.int32))
        self.picked_index: Int32 = np.empty(0, np.int32)
        self._arrange()
        self.tracks.changed.connect(self._lay_out)
        self.marks.changed.connect(self.changed)
        context.selection.changed.connect(self._follow_selection)
        self._preferences.changed.connect(self._follow_preferences)
        context.time_axis.changed.connect(self.changed)
        self._follow_selection()

    @property
    def palette(self) -> Pixels:
        """One 0xffRRGGBB per entry of `colour_index`."""
        return self.colouring.palette

    @property
    def ink(self) -> Pixels:
        """What text on each entry of the palette is written in."""
        return self.colouring.ink

    def labels_in(self, font: QFont) -> SliceLabels:
        """Texts for slices, prepared for the last font that was asked for."""
        if self._labels is None or self._labels[0] != font.key():
            profile = self.context.profile
            self._labels = (
                font.key(),
                SliceLabels(profile.strings, font, shared_slice_scope(profile)),
            )
        return self._labels[1]

    @property
    def colour_index(self) -> Int32:
        """The palette's entry for every place of the lanes."""
        return self.colouring.index

    @property
    def height(self) -> int:
        return self.bands[-1].bottom if self.bands else 0

    @cached_property
    def extent_ns(self) -> tuple[int, int]:
        """From the first slice's start to the last one's end; (0, 0) without slices."""
        return self.lanes.extent_ns

    @property
    def shown_tracks(self) -> int:
        """How many tracks the filter lets through."""
        return len(self.order.matching(self.tracks))

    @property
    def focused_slice(self) -> int:
        """The slice that was picked itself, else the first of the picked ones, else -1."""
        picked = self.context.selection.picked
        table, row = picked.focus
        if table == "slice":
            return row
        return int(picked.slices[0]) if len(picked.slices) else -1

    def scale(self, width: int) -> TimeScale:
        """The shared axis in profile times, over `width` pixels."""
        axis, origin_ns = self.context.time_axis, self.context.origin_ns
        return TimeScale(axis.begin_ns + origin_ns, axis.end_ns + origin_ns, width)

    def colour_by(self, by: ColourBy) -> None:
        self.colouring = colour_by(by, self.context, self.lanes, self.order)
        self.picked_index = self.colouring.entry_of(self.picked_lanes.row)
        self.changed.emit()

    def scroll_to(self, top: int, view_height: int) -> None:
        top = max(0, min(top, self.height - view_height))
        if top != self.top:
            self.top = top
            self.changed.emit()

    def y_of(self, band: Band) -> int:
        """Where a band's top is seen."""
        return band.top if band.is_pinned else band.top - self.top

    def band_at(self, y: float) -> Band | None:
        """The band that is seen at a height."""
        if y >= self.pinned_height:
            y += self.top
        return next((band for band in self.bands if band.top <= y < band.bottom), None)

    def lane_at(self, y: float) -> int:
        """The lane that is seen at a height, -1 between lanes."""
        band = self.band_at(y)
        if band is None or band.kind is not BandKind.SLICES:
            return -1
        level = int(y - self.y_of(band)) // self.heights.lane
        return band.first_lane + level if level < band.lanes else -1

    def band_of(self, track: int) -> Band | None:
        """The band of a track; None where its group is folded or it is filtered out."""
        return self._band_of_track.get(track)

    @property
    def focused_band(self) -> Band | None:
        """The band that holds the picked slice."""
        row, slices = self.focused_slice, self.context.profile.trace.slices
        return self.band_of(int(slices.track[row])) if row >= 0 else None

    def is_hidden(self, row: int) -> bool:
        """True for noise, while that is hidden."""
        slices = self.lanes.slices
        return int(slices.depth[row]) >= int(self.order.depths[slices.track[row]])

    def lane_top(self, row: int) -> int | None:
        """Top of a slice's lane; of its track's if that is folded; None if it is not drawn."""
        slices = self.lanes.slices
        band = self.band_of(int(slices.track[row]))
        if band is None or self.is_hidden(row):
            return None
        return band.top + self.heights.lane * min(int(slices.depth[row]), band.lanes - 1)

    def lane_of(self, row: int) -> int:
        slices = self.lanes.slices
        return int(self.order.first_lane[slices.track[row]]) + int(slices.depth[row])

    def box_of(self, row: int, scale: TimeScale) -> QRectF | None:
        """Where a slice is seen, cut a little beyond the sides and where pinned tracks hide it."""
        slices = self.context.profile.trace.slices
        top = self.lane_top(row)
        band = self.band_of(int(slices.track[row]))
        if top is None or band is None:
            return None
        top += self.y_of(band) - band.top + 1
        bottom = top + self.heights.lane - 2
        if not band.is_pinned:
            top, bottom = max(top, self.pinned_height), max(bottom, self.pinned_height)
        begin_ns = int(slices.start_ns[row])
        left = min(max(scale.x_of(begin_ns), -20.0), scale.width + 20.0)
        right = scale.x_of(begin_ns + int(slices.duration_ns[row]))
        right = min(max(right, left + 1.0), scale.width + 20.0)
        return QRectF(left, top, max(right - left, 1.0), bottom - top)

    def gap_at(self, y: float, time_ns: float) -> tuple[int, int] | None:
        """Begin and end of a stream's idle time at a point, if that is one."""
        band = self.band_at(y)
        if band is None or not self.is_stream(band):
            return None
        return self.work.of_stream(band.track).gap_at(time_ns)

    def is_stream(self, band: Band) -> bool:
        kinds = self.context.profile.trace.tracks.kind
        return band.kind is BandKind.SLICES and kinds[band.track] == TrackKind.STREAM

    def lanes_box(self, band: Band, width: int) -> QRectF:
        """Where a band is seen, less the gap below it."""
        return QRectF(0, self.y_of(band), width, band.height - TRACK_GAP)

    def summary_of(self, group: str) -> str:
        """How much a group holds; of a device also how busy it is in the time that is in sight."""
        tracks, count = self.order.members[group], self.order.slices_of(group)
        parts = [
            self.tr("1 track") if len(tracks) == 1 else self.tr("{} tracks").format(len(tracks)),
            self.tr("1 slice") if count == 1 else self.tr("{:,} slices").format(count),
        ]
        if self.order.streams[group]:
            parts.append(self.tr("{} busy").format(format_percent(self.busy_share(group))))
        return "  ·  ".join(parts)

    def busy_share(self, group: str) -> float:
        """Of the recorded time in sight, the share in which any of a device's streams worked."""
        scale, (begin_ns, end_ns) = self.scale(1), self.extent_ns
        edges = np.array([max(scale.begin_ns, begin_ns), min(scale.end_ns, end_ns)])
        if edges[1] <= edges[0]:
            return 0.0
        return float(self.work.of_device(group).shares(edges)[0])

    def unfold_to(self, row: int) -> None:
        """Open the group and the track that hold a slice."""
        self.tracks.open(int(self.context.profile.trace.slices.track[row]))

    def _follow_preferences(self) -> None:
        if self._preferences.hides_noise == self.hides_noise:
            return
        self.hides_noise = self._preferences.hides_noise
        self.order = TrackOrder.of(self.context.profile, self.hides_noise)
        self.lanes = lanes_of(self.context.profile, self.hides_noise)
        self.colouring = colour_by(self.colouring.by, self.context, self.lanes, self.order)
        self._follow_selection()
        self._lay_out()

    def _arrange(self) -> None:
        self.bands = self.order.bands(self.tracks, self.heights)
        self.pinned_height = max((band.bottom for band in self.bands if band.is_pinned), default=0)
        self._band_of_track = {band.track: band for band in self.bands if band.track >= 0}

    def _lay_out(self) -> None:
        self._arrange()
        self.laid_out.emit()
        self.changed.emit()

    def _follow_selection(self) -> None:
        self.picked_lanes = self.lanes.subset(self.context.selection.picked.slices)
        self.picked_index = self.colouring.entry_of(self.picked_lanes.row)
        self.changed.emit()


def _counters(profile: Profile) -> dict[int, CounterSeries]:
    """By the track of the band that draws them."""
    counters = series_by_track(profile.trace.counters)
    for device, series in allocated_by_device(profile.memory.counters).items():
        counters[memory_track(device)] = series
    return counters
