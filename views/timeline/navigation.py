"""Moving about a timeline: to a slice, its neighbours, namesakes and the ends of its arrows."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject

from views.timeline.flows import FlowIndex, namesake, neighbour
from views.timeline.layout import BandKind
from views.timeline.scene import Scene

_ZOOM_STEP = 1.25
_PAN_SHARE = 0.1
_SHORTEST_NS = 10
_MARGIN = 0.15  # of the view, left free at each side of what was zoomed to


class Navigator(QObject):
    """What keys and clicks do to the axis, the scroll position and the selection.

    `view_height` is the drawing area's in pixels; `time_at_cursor` counts from the first step.
    """

    def __init__(
        self,
        scene: Scene,
        flows: FlowIndex,
        view_height: Callable[[], int],
        time_at_cursor: Callable[[], float | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._scene = scene
        self._flows = flows
        self._view_height = view_height
        self._time_at_cursor = time_at_cursor
        self._axis = scene.context.time_axis
        self._selection = scene.context.selection
        self._slices = scene.context.profile.trace.slices

    # Where the view is

    def zoom_in(self) -> None:
        self._axis.zoom(_ZOOM_STEP, self._anchor_ns)

    def zoom_out(self) -> None:
        self._axis.zoom(1 / _ZOOM_STEP, self._anchor_ns)

    def pan_left(self) -> None:
        self._axis.pan(-_PAN_SHARE)

    def pan_right(self) -> None:
        self._axis.pan(_PAN_SHARE)

    def scroll_up(self) -> None:
        self._scene.scroll_to(self._scene.top - 3 * self._scene.heights.lane, self._view_height())

    def scroll_down(self) -> None:
        self._scene.scroll_to(self._scene.top + 3 * self._scene.heights.lane, self._view_height())

    def page_up(self) -> None:
        self._scene.scroll_to(self._scene.top - self._page(), self._view_height())

    def page_down(self) -> None:
        self._scene.scroll_to(self._scene.top + self._page(), self._view_height())

    def to_begin(self) -> None:
        self._axis.show_from(0.0)

    def to_end(self) -> None:
        self._axis.show_from(1.0)

    def reset(self) -> None:
        self._axis.fit()
        self._scene.scroll_to(0, self._view_height())

    def focus(self) -> None:
        """Zoom to what is picked; where that is in sight already, or nothing is, show all."""
        before = (self._axis.begin_ns, self._axis.end_ns)
        self.zoom_to_picked()
        if before == (self._axis.begin_ns, self._axis.end_ns):
            self._axis.fit()

    def zoom_to_picked(self) -> None:
        picked = self.picked_range
        if picked is not None:
            origin_ns = self._scene.context.origin_ns
            self.zoom_to(picked[0] - origin_ns, picked[1] - origin_ns)

    def zoom_to(self, begin_ns: float, end_ns: float) -> None:
        """Show a range counted from the first step, with a margin."""
        end_ns = max(end_ns, begin_ns + _SHORTEST_NS)
        margin = (end_ns - begin_ns) * _MARGIN
        self._axis.show(begin_ns - margin, end_ns + margin)

    def zoom_to_slice(self, row: int) -> None:
        begin_ns, end_ns = self._times_of(row)
        self.zoom_to(begin_ns, end_ns)

    def reveal(self, row: int) -> None:
        """Scroll, and zoom out where it is longer than the view, so that a slice is in sight."""
        self._scene.unfold_to(row)
        begin_ns, end_ns = self._times_of(row)
        span_ns = self._axis.end_ns - self._axis.begin_ns
        if end_ns - begin_ns > span_ns:
            if begin_ns > self._axis.end_ns or end_ns < self._axis.begin_ns:
                self.zoom_to(begin_ns, end_ns)
        elif begin_ns < self._axis.begin_ns or end_ns > self._axis.end_ns:
            middle = (begin_ns + end_ns) / 2
            self._axis.show(middle - span_ns / 2, middle + span_ns / 2)
        self._scroll_to_lane(row)

    # What is picked and marked

    @property
    def picked_range(self) -> tuple[int, int] | None:
        """The picked time range, else the picked slice's, in profile times."""
        time_range = self._selection.picked.time_range_ns
        row = self._scene.focused_slice
        if time_range is not None or row < 0:
            return time_range
        begin_ns = int(self._slices.start_ns[row])
        return begin_ns, begin_ns + int(self._slices.duration_ns[row])

    def pick(self, row: int) -> None:
        self._selection.pick_slice(row)
        self.reveal(row)

    @property
    def is_clear(self) -> bool:
        """Whether nothing is picked or marked."""
        return self._selection.picked.is_empty and self._scene.marks.passing is None

    def clear(self) -> None:
        self._scene.marks.mark(None)
        self._selection.clear()

    def mark(self) -> None:
        if self.picked_range is not None:
            self._scene.marks.mark(self.picked_range)

    def keep_mark(self) -> None:
        if self.picked_range is not None:
            self._scene.marks.toggle_kept(self.picked_range)

    def select_all(self) -> None:
        """The time of all slices, from the first begin to the last end."""
        if len(self._slices):
            end_ns = int((self._slices.start_ns + self._slices.duration_ns).max())
            self._selection.pick_time_range(int(self._slices.start_ns.min()), end_ns)

    def select_range(self) -> None:
        if self.picked_range is not None:
            self._selection.pick_time_range(*self.picked_range)

    def pin(self) -> None:
        row = self._scene.focused_slice
        if row >= 0:
            self._scene.tracks.toggle_pin(int(self._slices.track[row]))

    # From one slice to another

    def next_on_track(self) -> None:
        self._step(1)

    def previous_on_track(self) -> None:
        self._step(-1)

    def next_of_name(self) -> None:
        self._step_by_name(1)

    def previous_of_name(self) -> None:
        self._step_by_name(-1)

    def follow_arrow(self) -> None:
        row = self._scene.focused_slice
        targets = self._flows.targets(row) if row >= 0 else np.empty(0, np.int32)
        if len(targets):
            self.pick(int(targets[0]))

    def follow_arrow_back(self) -> None:
        row = self._scene.focused_slice
        sources = self._flows.sources(row) if row >= 0 else []
        if sources:
            self.pick(sources[0])

    def _step(self, direction: int) -> None:
        row, scene = self._scene.focused_slice, self._scene
        after = (
            neighbour(scene.lanes, scene.lane_of(row), row, direction)
            if row >= 0
            else self._first_in_sight()
        )
        if after >= 0:
            self.pick(after)

    def _step_by_name(self, direction: int) -> None:
        row = self._scene.focused_slice
        after = namesake(self._slices, row, direction) if row >= 0 else self._first_in_sight()
        if after >= 0:
            self.pick(after)

    def _first_in_sight(self) -> int:
        """The first slice from the left edge on, in the first shown lane that has one."""
        lanes = self._scene.lanes
        begin_ns = int(self._axis.begin_ns) + self._scene.context.origin_ns
        for band in self._scene.bands:
            if band.kind is not BandKind.SLICES:
                continue
            begin, end = lanes.bounds[band.first_lane : band.first_lane + 2].tolist()
            place = begin + int(np.searchsorted(lanes.start_ns[begin:end], begin_ns))
            if place < end:
                return int(lanes.row[place])
        return -1

    def _page(self) -> int:
        lane = self._scene.heights.lane
        return max(self._view_height() - self._scene.pinned_height - lane, lane)

    @property
    def _anchor_ns(self) -> float:
        """What stays in place while zooming: the time at the cursor, else the middle."""
        at_cursor = self._time_at_cursor()
        middle = (self._axis.begin_ns + self._axis.end_ns) / 2
        return middle if at_cursor is None else at_cursor

    def _times_of(self, row: int) -> tuple[int, int]:
        begin_ns = int(self._slices.start_ns[row]) - self._scene.context.origin_ns
        return begin_ns, begin_ns + int(self._slices.duration_ns[row])

    def _scroll_to_lane(self, row: int) -> None:
        scene, height = self._scene, self._view_height()
        top = scene.lane_top(row)
        band = scene.band_of(int(self._slices.track[row]))
        if top is None or band is None or band.is_pinned:
            return
        if top < scene.top + scene.pinned_height:
            scene.scroll_to(top - scene.pinned_height - scene.heights.lane, height)
        elif top + scene.heights.lane > scene.top + height:
            scene.scroll_to(top + 2 * scene.heights.lane - height, height)
