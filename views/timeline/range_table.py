"""What ran within a time range as a table: by name, by category or by track."""

from enum import Enum
from functools import cached_property

import numpy as np
from PySide6.QtCore import QObject

from profilers.analysis.shared_scopes import without_shared_scope
from profilers.profile.table import Int32
from profilers.units import format_duration, format_percent
from views.column_table import Column
from views.timeline.busy import BusyTimes
from views.timeline.layout import TrackOrder
from views.timeline.prepared import instants_of, lanes_of, sums_by_name
from views.timeline.range_sums import RangeSums, range_sums
from views.timeline.scene import Scene


class SumBy(Enum):
    NAME = "name"
    CATEGORY = "category"
    TRACK = "track"


class RangeTable(QObject):
    """Sums and their columns, also of slices that are not drawn.

    A track counts a moment once, however many slices lie over it.
    """

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._profile = scene.context.profile
        self._order, self._lanes = TrackOrder.of(self._profile), lanes_of(self._profile)
        self._busy_of: dict[int, BusyTimes] = {}

    def sums(self, by: SumBy, begin_ns: int, end_ns: int) -> RangeSums:
        """Milliseconds for ten million slices; the first one by category or track some more."""
        if by is SumBy.NAME:
            sums = sums_by_name(self._profile, begin_ns, end_ns)
            return self._without_instants(sums, self._lanes.name, begin_ns, end_ns)
        if by is SumBy.CATEGORY:
            sums = range_sums(self._lanes, self._categories, begin_ns, end_ns)
            return self._without_instants(sums, self._categories, begin_ns, end_ns)
        sums = range_sums(self._lanes, self._tracks, begin_ns, end_ns)
        bounds = np.array([begin_ns, end_ns], np.float64)
        busy = [np.diff(self._busy(track).until(bounds))[0] for track in sums.entry.tolist()]
        return RangeSums(sums.entry, np.array(busy, np.int64), sums.count)

    def columns(self, by: SumBy, sums: RangeSums, length_ns: int) -> list[Column]:
        labels = [self._label(by, entry) for entry in sums.entry.tolist()]
        shorts = without_shared_scope(labels)
        share = sums.total_ns / max(length_ns, 1)
        titles = {
            SumBy.NAME: self.tr("Name"),
            SumBy.CATEGORY: self.tr("Category"),
            SumBy.TRACK: self.tr("Track"),
        }
        if by is SumBy.TRACK:
            hint = self.tr("Only what lies within the range; slices over each other count once")
        else:
            hint = self.tr("Only what lies within the range; enclosed slices count again")
        return [
            Column(titles[by], np.array(labels, str), shorts.__getitem__, whole=labels.__getitem__),
            Column(
                self.tr("Time"),
                sums.total_ns,
                lambda at: format_duration(sums.total_ns[at]),
                share,
                hint,
            ),
            Column(
                self.tr("Of range"),
                share,
                lambda at: format_percent(share[at]),
                tooltip=self.tr("Above 100 % where tracks ran at the same time"),
            ),
            Column(self.tr("Slices"), sums.count, lambda at: f"{int(sums.count[at]):,}"),
        ]

    def _without_instants(
        self, sums: RangeSums, index: Int32, begin_ns: int, end_ns: int
    ) -> RangeSums:
        """Slices of no length are drawn 1 ns long; they add nothing to the time."""
        instants = instants_of(self._profile)
        start_ns = self._lanes.start_ns[instants]
        inside = instants[(start_ns >= begin_ns) & (start_ns < end_ns)]
        if not len(inside):
            return sums
        extra = np.bincount(index[inside] + 1, minlength=int(sums.entry.max()) + 2)
        return RangeSums(sums.entry, sums.total_ns - extra[sums.entry + 1], sums.count)

    @cached_property
    def _categories(self) -> Int32:
        return np.ascontiguousarray(self._profile.trace.slices.category[self._lanes.row])

    @cached_property
    def _tracks(self) -> Int32:
        return np.repeat(self._order.track_of_lane, np.diff(self._lanes.bounds))

    def _busy(self, track: int) -> BusyTimes:
        """The union of a track's slices: of the outermost ones, since the others lie inside them."""
        if track not in self._busy_of:
            slices = self._profile.trace.slices
            rows = slice(*self._order.first_row[track : track + 2].tolist())
            is_outermost = slices.parent[rows] < 0
            start_ns = slices.start_ns[rows][is_outermost]
            end_ns = start_ns + slices.duration_ns[rows][is_outermost]
            self._busy_of[track] = BusyTimes.union(start_ns, end_ns)
        return self._busy_of[track]

    def _label(self, by: SumBy, entry: int) -> str:
        if by is SumBy.TRACK:
            name = self._profile.strings[int(self._profile.trace.tracks.name[entry])]
            return f"{self._order.group_of[entry]} · {name}"
        return self._profile.strings[entry] or self.tr("no category")
