"""What the parts of one timeline share: its bands, lanes, colours, scroll position and picks."""

import numpy as np
from PySide6.QtCore import QObject, Signal

from views.context import ViewContext
from views.timeline.lanes import Lanes
from views.timeline.layout import LANE_HEIGHT, Band, BandKind, TrackOrder
from views.timeline.raster import Pixels
from views.timeline.time_scale import TimeScale


class Scene(QObject):
    """Emits `changed` when something must be drawn anew, `laid_out` when bands moved."""

    changed = Signal()
    laid_out = Signal()

    def __init__(self, context: ViewContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.top = 0
        self._order = TrackOrder.of(context.profile)
        self._folded_groups: set[str] = set()
        self._folded_tracks: set[int] = set()
        trace = context.profile.trace
        self.lanes = Lanes.of(trace.slices, self._order.first_lane, self._order.lane_count)
        self.picked_lanes = self.lanes.subset(np.empty(0, np.int32))
        self.palette = _palette(context)
        self.bands: tuple[Band, ...] = self._order.bands(set(), set())
        context.selection.changed.connect(self._follow_selection)
        context.time_axis.changed.connect(self.changed)
        self._follow_selection()

    @property
    def height(self) -> int:
        return self.bands[-1].bottom if self.bands else 0

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

    def scroll_to(self, top: int, view_height: int) -> None:
        top = max(0, min(top, self.height - view_height))
        if top != self.top:
            self.top = top
            self.changed.emit()

    def band_at(self, y: float) -> Band | None:
        """The band at a height, counted from the top of the first band."""
        return next((band for band in self.bands if band.top <= y < band.bottom), None)

    def lane_at(self, y: float) -> int:
        """The lane at a height, -1 between lanes."""
        band = self.band_at(y)
        if band is None or band.kind is not BandKind.SLICES:
            return -1
        level = int(y - band.top) // LANE_HEIGHT
        return band.first_lane + level if level < band.lanes else -1

    def lane_top(self, row: int) -> int | None:
        """Height of a slice's lane; of its track's if that is folded; None if its group is."""
        slices = self.context.profile.trace.slices
        track, depth = int(slices.track[row]), int(slices.depth[row])
        for band in self.bands:
            if band.track == track and band.kind is BandKind.SLICES:
                return band.top + LANE_HEIGHT * min(depth, band.lanes - 1)
        return None

    def fold(self, band: Band) -> None:
        """Fold a group or track, or open it again."""
        if band.kind is BandKind.GROUP:
            self._folded_groups ^= {band.group}
        elif band.can_fold:
            self._folded_tracks ^= {band.track}
        self._lay_out()

    def unfold_to(self, row: int) -> None:
        """Open the group and the track that hold a slice."""
        track = int(self.context.profile.trace.slices.track[row])
        if self.lane_top(row) is not None and track not in self._folded_tracks:
            return
        self._folded_tracks.discard(track)
        self._folded_groups.discard(self._order.group_of(track))
        self._lay_out()

    def _lay_out(self) -> None:
        self.bands = self._order.bands(self._folded_groups, self._folded_tracks)
        self.laid_out.emit()
        self.changed.emit()

    def _follow_selection(self) -> None:
        self.picked_lanes = self.lanes.subset(self.context.selection.picked.slices)
        self.changed.emit()


def _palette(context: ViewContext) -> Pixels:
    """One 0xffRRGGBB per string; only names of slices are filled in."""
    profile, theme = context.profile, context.theme
    palette = np.zeros(len(profile.strings), np.uint32)
    is_name = np.zeros(len(profile.strings), bool)
    is_name[profile.trace.slices.name] = True
    for row in np.flatnonzero(is_name).tolist():
        palette[row] = theme.family_colour(profile.strings[row]).rgb()
    return palette
