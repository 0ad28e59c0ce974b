"""The timeline's widget: ruler, tracks, drawing area, search and details put together."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollBar,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from profilers.profile import Pin
from views.context import ViewContext
from views.empty_note import EmptyNote, why_nothing_ran
from views.notes_pane import NotesPane, picked_time, titled_notes
from views.one_stop import OneStop
from views.time_drag import Way
from views.timeline.canvas import TimelineCanvas
from views.timeline.colour_menu import ColourMenu
from views.timeline.details import DetailsPane
from views.timeline.keys import KEYS
from views.timeline.labels import TrackLabels
from views.timeline.mark_row import MarkRow
from views.timeline.navigation import Navigator
from views.timeline.noise_button import NoiseButton
from views.timeline.prepared import flows_of
from views.timeline.ruler import TimeRuler
from views.timeline.scene import Scene
from views.timeline.search import SearchField
from views.timeline.track_filter import TrackFilter


class TimelineView(QWidget):
    """Follows the shared time axis; keys as in Perfetto, see `keys.KEYS`."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        trace = context.profile.trace
        self.actions_by_name: dict[str, Callable[[], object]] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        if not len(trace.slices) and not len(trace.counters):
            self._layout.addWidget(self._why_empty())
            return
        self._is_picking = False
        self.scene = Scene(context, self)
        self.flows = flows_of(context.profile)
        self.canvas = TimelineCanvas(self.scene, self.flows)
        self.ruler = TimeRuler(self.scene)
        self.marks = MarkRow(self.scene)
        self.labels = TrackLabels(self.scene)
        self.colours = ColourMenu(self.scene)
        self.quiet = NoiseButton(self.scene)
        self.details = DetailsPane(self.scene, self.flows)
        self.notes = NotesPane(
            context, picked_time, self.tr("Pick a slice or a time range to note")
        )
        self.notes.hide()
        self.search = SearchField(context.profile)
        self.search.hide()
        self.filter = TrackFilter(self.scene)
        self.navigator = Navigator(
            self.scene, self.flows, self.canvas.height, self.canvas.time_at_cursor, self
        )
        self._scroll_bar = QScrollBar(Qt.Orientation.Vertical)
        self._lay_out()
        self._connect()
        self.actions_by_name = self._actions()
        self.keys_go_to = self.canvas
        self._fit_scroll_bar()
        self._show_details()

    def open_finder(self) -> None:
        if hasattr(self, "search"):
            self.search.open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = KEYS.action_of(event) or ""
        action = self.actions_by_name.get(name)
        if action is None or (name == "clear" and self.navigator.is_clear):
            event.ignore()
        else:
            action()

    def _lay_out(self) -> None:
        drawing = QWidget()
        grid = QGridLayout(drawing)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addLayout(self._corner(), 0, 0)
        grid.addWidget(self.ruler, 0, 1)
        grid.addWidget(self.marks, 1, 1)
        grid.addWidget(self.labels, 2, 0)
        grid.addWidget(self.canvas, 2, 1)
        grid.addWidget(self._scroll_bar, 0, 2, 3, 1)
        grid.setRowStretch(2, 1)
        grid.setColumnStretch(1, 1)
        above = _split(Qt.Orientation.Vertical, drawing, self.details, (500, 130))
        above.setStretchFactor(0, 4)
        above.setStretchFactor(1, 1)  # of a view that fills a tall window
        self._layout.addWidget(self.search)
        self._layout.addWidget(self.filter)
        self._layout.addWidget(_split(Qt.Orientation.Horizontal, above, self.notes, (700, 260)), 1)

    def _corner(self) -> QHBoxLayout:
        """What stands above the tracks' names: colours, noise, and what folds the panes."""
        self._fold_details = _folding_button(self.details, is_open=True)
        self._fold_details.setText(self.tr("Details"))
        self._fold_details.setToolTip(self.tr("Show or hide what is known of the selection"))
        self._fold_notes = _folding_button(self.notes, is_open=False)
        self._fold_notes.setToolTip(self.tr("Show or hide what was written about this profile"))
        self._tell_notes()
        self._context.notes.changed.connect(self._tell_notes)
        corner = QHBoxLayout()
        corner.setContentsMargins(2, 0, 2, 0)
        corner.setSpacing(2)
        corner.addWidget(self.colours)
        corner.addWidget(self.quiet)
        corner.addStretch(1)
        corner.addWidget(self._fold_notes)
        corner.addWidget(self._fold_details)
        OneStop([self.colours, self.quiet, self._fold_notes, self._fold_details], self)
        return corner

    def _connect(self) -> None:
        self.scene.laid_out.connect(self._fit_scroll_bar)
        self.scene.changed.connect(self._follow_scroll)
        self._scroll_bar.valueChanged.connect(
            lambda top: self.scene.scroll_to(top, self.canvas.height())
        )
        self.canvas.resized.connect(self._fit_scroll_bar)
        self.canvas.menu_wanted.connect(self.labels.show_menu)
        self.labels.filter_asked.connect(self.filter.open)
        self.filter.closed.connect(self.canvas.setFocus)
        self.canvas.range_measured.connect(self._pick_range)
        self.ruler.range_measured.connect(self._pick_range)
        self.canvas.clicked.connect(self._pick_clicked)
        self.canvas.zoom_wanted.connect(self.navigator.zoom_to_slice)
        self.marks.note_wanted.connect(self._show_note)
        self.search.found.connect(self.navigator.pick)
        self.search.closed.connect(self.canvas.setFocus)
        self._context.selection.changed.connect(self._follow_selection)

    def _fit_scroll_bar(self) -> None:
        hidden = max(self.scene.height - self.canvas.height(), 0)
        self._scroll_bar.setRange(0, hidden)
        self._scroll_bar.setPageStep(self.canvas.height())
        self._scroll_bar.setSingleStep(self.scene.heights.lane)
        self._scroll_bar.setVisible(hidden > 0)
        self.scene.scroll_to(self.scene.top, self.canvas.height())

    def _follow_scroll(self) -> None:
        self._scroll_bar.setValue(self.scene.top)

    def _follow_selection(self) -> None:
        self._show_details()
        picked = self._context.selection.picked.slices
        if len(picked) and not self._is_picking:
            self.navigator.reveal(self._nearest_picked())

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

    def _tell_notes(self) -> None:
        self._fold_notes.setText(titled_notes(self._context.notes))

    def _write_note(self) -> None:
        self._fold_notes.setChecked(True)
        self.notes.begin_note()

    def _show_note(self, pin: Pin) -> None:
        self._fold_notes.setChecked(True)
        self.notes.show_pin(pin)

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

    def _actions(self) -> dict[str, Callable[[], object]]:
        """By the names that the table of keys uses."""
        go = self.navigator
        return {
            "zoom_in": go.zoom_in,
            "zoom_out": go.zoom_out,
            "pan_left": go.pan_left,
            "pan_right": go.pan_right,
            "scroll_up": go.scroll_up,
            "scroll_down": go.scroll_down,
            "page_up": go.page_up,
            "page_down": go.page_down,
            "to_begin": go.to_begin,
            "to_end": go.to_end,
            "zoom_to_picked": go.zoom_to_picked,
            "undo_zoom": self._context.time_axis.undo_zoom,
            "select_all": go.select_all,
            "focus": go.focus,
            "reset": go.reset,
            "next_on_track": go.next_on_track,
            "previous_on_track": go.previous_on_track,
            "next_of_name": go.next_of_name,
            "previous_of_name": go.previous_of_name,
            "follow_arrow": go.follow_arrow,
            "follow_arrow_back": go.follow_arrow_back,
            "mark": go.mark,
            "keep_mark": go.keep_mark,
            "note": self._write_note,
            "select_range": go.select_range,
            "pin": go.pin,
            "clear": go.clear,
            "hide_noise": self.quiet.toggle,
            "search": self.search.open,
            "search_on": lambda: self.search.step(1),
            "search_back": lambda: self.search.step(-1),
            "find_track": self.filter.open,
            "toggle_details": self._fold_details.toggle,
            "drag_measures": lambda: self.canvas.drag_with(Way.MEASURE),
            "drag_moves": lambda: self.canvas.drag_with(Way.MOVE),
            "drag_zooms": lambda: self.canvas.drag_with(Way.ZOOM),
        }

    def _why_empty(self) -> QLabel:
        inspected = self.tr(
            "This model was inspected, not run: there is no timeline to show. "
            "Profile it to see what ran when."
        )
        return EmptyNote(why_nothing_ran(self._context.profile, inspected))


def _folding_button(pane: QWidget, *, is_open: bool) -> QToolButton:
    """Shows and hides a pane; its state is that of the pane, which has no parent yet."""
    button = QToolButton()
    button.setCheckable(True)
    button.setChecked(is_open)
    button.setAutoRaise(True)
    button.toggled.connect(pane.setVisible)
    return button


def _split(
    orientation: Qt.Orientation, main: QWidget, beside: QWidget, sizes: tuple[int, int]
) -> QSplitter:
    """`main` takes what room there is and cannot be folded away."""
    split = QSplitter(orientation)
    split.addWidget(main)
    split.addWidget(beside)
    split.setCollapsible(0, False)
    split.setStretchFactor(0, 1)
    split.setSizes(list(sizes))
    return split
