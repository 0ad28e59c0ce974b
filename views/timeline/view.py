"""The timeline's widget: ruler, tracks, drawing area, search and details put together."""

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QScrollBar,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from views.context import ViewContext
from views.timeline.canvas import TimelineCanvas
from views.timeline.details import DetailsPane
from views.timeline.flows import FlowIndex, neighbour
from views.timeline.labels import TrackLabels
from views.timeline.layout import LANE_HEIGHT
from views.timeline.ruler import TimeRuler
from views.timeline.scene import Scene
from views.timeline.search import SearchField

_ZOOM_STEP = 1.25
_MARGIN = 0.15  # of the view, left free at each side of what was zoomed to


class TimelineView(QWidget):
    """Follows the shared time axis; keys as in Perfetto."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        trace = context.profile.trace
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        if not len(trace.slices) and not len(trace.counters):
            self._layout.addWidget(self._why_empty())
            return
        self._is_picking = False
        self.scene = Scene(context, self)
        self._flows = FlowIndex(trace.flows, trace.slices)
        self.canvas = TimelineCanvas(self.scene, self._flows)
        self.ruler = TimeRuler(self.scene)
        self.labels = TrackLabels(self.scene)
        self.details = DetailsPane(context)
        self.search = SearchField(context.profile)
        self.search.hide()
        self._scroll_bar = QScrollBar(Qt.Orientation.Vertical)
        self._lay_out()
        self._connect()
        self.setFocusProxy(self.canvas)
        self._fit_scroll_bar()
        self._show_details()

    def reveal(self, row: int) -> None:
        """Scroll, and zoom out where it is longer than the view, so that a slice is in sight."""
        self.scene.unfold_to(row)
        axis, slices = self._context.time_axis, self._context.profile.trace.slices
        begin_ns = int(slices.start_ns[row]) - self._context.origin_ns
        end_ns = begin_ns + int(slices.duration_ns[row])
        span_ns = axis.end_ns - axis.begin_ns
        if end_ns - begin_ns > span_ns:
            if begin_ns > axis.end_ns or end_ns < axis.begin_ns:
                self._zoom_to(begin_ns, end_ns)
        elif begin_ns < axis.begin_ns or end_ns > axis.end_ns:
            middle = (begin_ns + end_ns) / 2
            axis.show(middle - span_ns / 2, middle + span_ns / 2)
        top = self.scene.lane_top(row)
        if top is not None:
            self._scroll_into_sight(top)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        axis = self._context.time_axis
        middle = (axis.begin_ns + axis.end_ns) / 2
        actions = {
            Qt.Key.Key_W: lambda: axis.zoom(_ZOOM_STEP, middle),
            Qt.Key.Key_S: lambda: axis.zoom(1 / _ZOOM_STEP, middle),
            Qt.Key.Key_A: lambda: axis.pan(-0.1),
            Qt.Key.Key_D: lambda: axis.pan(0.1),
            Qt.Key.Key_F: self._zoom_to_selection,
            Qt.Key.Key_M: self._mark_slice,
            Qt.Key.Key_Period: lambda: self._step(1),
            Qt.Key.Key_Comma: lambda: self._step(-1),
            Qt.Key.Key_BracketLeft: lambda: self._follow_flow(-1),
            Qt.Key.Key_BracketRight: lambda: self._follow_flow(1),
            Qt.Key.Key_Slash: self.search.open,
            Qt.Key.Key_Escape: self._context.selection.clear,
        } if hasattr(self, "scene") else {}  # fmt: skip
        action = actions.get(Qt.Key(event.key()))
        has_command_key = event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        )
        if action is None or has_command_key:
            event.ignore()
        else:
            action()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_scroll_bar()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit_scroll_bar()

    def _lay_out(self) -> None:
        drawing = QWidget()
        grid = QGridLayout(drawing)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        self._fold_details = QToolButton()
        self._fold_details.setText(self.tr("Details"))
        self._fold_details.setCheckable(True)
        self._fold_details.setChecked(True)
        self._fold_details.setAutoRaise(True)
        self._fold_details.setToolTip(self.tr("Show or hide what is known of the selection"))
        self._fold_details.toggled.connect(self.details.setVisible)
        grid.addWidget(self._fold_details, 0, 0)
        grid.addWidget(self.ruler, 0, 1)
        grid.addWidget(self.labels, 1, 0)
        grid.addWidget(self.canvas, 1, 1)
        grid.addWidget(self._scroll_bar, 0, 2, 2, 1)
        grid.setRowStretch(1, 1)
        grid.setColumnStretch(1, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(drawing)
        split.addWidget(self.details)
        split.setCollapsible(0, False)
        split.setStretchFactor(0, 1)
        split.setSizes([500, 130])
        split.splitterMoved.connect(self._fit_scroll_bar)
        self._layout.addWidget(self.search)
        self._layout.addWidget(split, 1)

    def _connect(self) -> None:
        self.scene.laid_out.connect(self._fit_scroll_bar)
        self.scene.changed.connect(self._follow_scroll)
        self._scroll_bar.valueChanged.connect(
            lambda top: self.scene.scroll_to(top, self.canvas.height())
        )
        self._fold_details.toggled.connect(self._fit_scroll_bar)
        self.canvas.range_measured.connect(self._pick_range)
        self.ruler.range_measured.connect(self._pick_range)
        self.canvas.clicked.connect(self._pick_clicked)
        self.canvas.zoom_wanted.connect(self._zoom_to_slice)
        self.search.found.connect(self._pick_and_reveal)
        self.search.closed.connect(self.canvas.setFocus)
        self._context.selection.changed.connect(self._follow_selection)

    def _fit_scroll_bar(self) -> None:
        if not hasattr(self, "scene"):
            return
        hidden = max(self.scene.height - self.canvas.height(), 0)
        self._scroll_bar.setRange(0, hidden)
        self._scroll_bar.setPageStep(self.canvas.height())
        self._scroll_bar.setSingleStep(LANE_HEIGHT)
        self._scroll_bar.setVisible(hidden > 0)
        self.scene.scroll_to(self.scene.top, self.canvas.height())

    def _follow_scroll(self) -> None:
        self._scroll_bar.setValue(self.scene.top)

    def _follow_selection(self) -> None:
        self._show_details()
        picked = self._context.selection.picked.slices
        if len(picked) and not self._is_picking:
            self.reveal(self._nearest_picked())

    def _nearest_picked(self) -> int:
        """The slice that was picked itself, else a picked one in sight, else the first."""
        picked = self._context.selection.picked
        if picked.focus[0] == "slice":
            return picked.focus[1]
        slices, axis = self._context.profile.trace.slices, self._context.time_axis
        begin_ns = slices.start_ns[picked.slices] - self._context.origin_ns
        end_ns = begin_ns + slices.duration_ns[picked.slices]
        in_sight = picked.slices[(begin_ns >= axis.begin_ns) & (end_ns <= axis.end_ns)]
        return int(in_sight[0]) if len(in_sight) else int(picked.slices[0])

    def _pick_clicked(self, row: int) -> None:
        """Pick what was clicked and stay: other columns that follow must not move this one."""
        selection, axis = self._context.selection, self._context.time_axis
        before = (axis.begin_ns, axis.end_ns)
        self._is_picking = True
        try:
            if row >= 0:
                selection.pick_slice(row)
            else:
                selection.clear()
        finally:
            self._is_picking = False
        axis.show(*before)

    def _show_details(self) -> None:
        time_range = self._context.selection.picked.time_range_ns
        row = self.scene.focused_slice
        if time_range is not None:
            self.details.show_range(*time_range)
        elif row >= 0:
            self.details.show_slice(row)
        else:
            self.details.show_whole()

    def _pick_range(self, begin_ns: float, end_ns: float) -> None:
        self._context.selection.pick_time_range(round(begin_ns), round(end_ns))

    def _pick_and_reveal(self, row: int) -> None:
        self._context.selection.pick_slice(row)
        self.reveal(row)

    def _zoom_to(self, begin_ns: float, end_ns: float) -> None:
        """Show a range counted from the first step, with a margin."""
        margin = (end_ns - begin_ns) * _MARGIN
        self._context.time_axis.show(begin_ns - margin, end_ns + margin)

    def _zoom_to_slice(self, row: int) -> None:
        slices = self._context.profile.trace.slices
        begin_ns = int(slices.start_ns[row]) - self._context.origin_ns
        self._zoom_to(begin_ns, begin_ns + max(int(slices.duration_ns[row]), 10))

    def _zoom_to_selection(self) -> None:
        """Zoom to what is picked; where that is in sight already, or nothing is, show all."""
        axis, origin_ns = self._context.time_axis, self._context.origin_ns
        time_range = self._context.selection.picked.time_range_ns
        row = self.scene.focused_slice
        before = (axis.begin_ns, axis.end_ns)
        if time_range is not None:
            self._zoom_to(time_range[0] - origin_ns, time_range[1] - origin_ns)
        elif row >= 0:
            self._zoom_to_slice(row)
        if before == (axis.begin_ns, axis.end_ns):
            axis.fit()

    def _mark_slice(self) -> None:
        row, slices = self.scene.focused_slice, self._context.profile.trace.slices
        if row >= 0:
            begin_ns = int(slices.start_ns[row])
            self._pick_range(begin_ns, begin_ns + int(slices.duration_ns[row]))

    def _step(self, direction: int) -> None:
        row, slices = self.scene.focused_slice, self._context.profile.trace.slices
        after = neighbour(slices, row, direction) if row >= 0 else self._first_in_sight()
        if after >= 0:
            self._pick_and_reveal(after)

    def _first_in_sight(self) -> int:
        slices, axis = self._context.profile.trace.slices, self._context.time_axis
        begin_ns = axis.begin_ns + self._context.origin_ns
        later = np.flatnonzero(slices.start_ns >= begin_ns)
        return int(later[0]) if len(later) else -1

    def _follow_flow(self, direction: int) -> None:
        row = self.scene.focused_slice
        if row < 0:
            return
        ends = self._flows.targets(row) if direction > 0 else self._flows.sources(row)
        if ends:
            self._pick_and_reveal(ends[0])

    def _scroll_into_sight(self, top: int) -> None:
        height = self.canvas.height()
        if top < self.scene.top:
            self.scene.scroll_to(top - LANE_HEIGHT, height)
        elif top + LANE_HEIGHT > self.scene.top + height:
            self.scene.scroll_to(top + 2 * LANE_HEIGHT - height, height)

    def _why_empty(self) -> QLabel:
        label = QLabel(
            self.tr(
                "This model was inspected, not run: there is no timeline to show. "
                "Profile it to see what ran when."
            )
        )
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignTop)
        label.setContentsMargins(12, 12, 12, 12)
        return label
