"""Rows of views, columns of profiles."""

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.window.board_places import Placeholder, RowsArea, discard, exchange, holds
from app.window.column_header import ColumnHeader
from app.window.compare_row import Apart, CompareRow
from app.window.preparations import Preparations
from app.window.row_pane import RowPane
from profilers.analysis.comparison.figures import Rounds
from profilers.profile.table import Int32
from views import VIEWS
from views.axes import TimeAxes, TimeAxis, ValueAxis
from views.context import Peer, ViewContext
from views.empty_note import EmptyNote
from views.one_stop import OneStop
from views.plain_label import PlainLabel
from views.preferences import Preferences
from views.theme import Theme

logger = logging.getLogger(__name__)

Twins = Callable[[Document, Document, Int32], Int32]
_COMPARE_PLACE = 1  # below the summary
_Missing = tuple[RowPane, int, Document]


class Board(QWidget):
    """Builds each view when its row is first unfolded; columns keep one width in all rows."""

    header_added = Signal(object)

    def __init__(
        self,
        theme: Theme,
        twins: Twins,
        apart: Apart,
        preferences: Preferences,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._preferences = preferences
        self._twins = twins
        self._documents: list[Document] = []
        self._contexts: dict[Document, ViewContext] = {}
        self._time_axes = TimeAxes(self)
        self._time_axis_of: dict[Document, TimeAxis] = {}
        self.align = self._align_action()
        self._bytes_axis = ValueAxis(self)
        self._filling: RowPane | None = None
        self._is_held = False
        self._preparations = Preparations(self)
        self._filler = QTimer(self, singleShot=True, interval=0)
        self._filler.timeout.connect(self._fill_next)
        self._preparations.advanced.connect(self._filler.start)
        self._headers = QSplitter(Qt.Orientation.Horizontal)
        self._headers.setChildrenCollapsible(False)
        self._headers.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.rows = [RowPane(spec) for spec in VIEWS]
        for row in self.rows:
            row.fold_changed.connect(self._fill_open_rows)
            row.fill_asked.connect(self.toggle_fill)
        self.compare = CompareRow(theme, apart)
        self.compare.fill_asked.connect(self.toggle_fill)
        self.row("timeline").add_action(self.align)
        self._scroll = RowsArea()
        self._scroll.setWidget(self._stacked_rows())
        OneStop([button for row in self._shown_rows for button in row.title_buttons], self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._headers)
        layout.addWidget(self._scroll, 1)
        for splitter in self._splitters():
            splitter.splitterMoved.connect(lambda *_, moved=splitter: self._follow_widths(moved))

    def _align_action(self) -> QAction:
        action = QAction(self.tr("Aligned"), self)
        action.setCheckable(True)
        action.setChecked(True)
        action.setToolTip(
            self.tr("Columns move and zoom together, aligned where their first steps begin")
        )
        action.setVisible(False)
        action.toggled.connect(self._time_axes.set_together)
        return action

    def _stacked_rows(self) -> QSplitter:
        stack = QSplitter(Qt.Orientation.Vertical)
        stack.setChildrenCollapsible(False)
        for at, row in enumerate(self._shown_rows):
            stack.addWidget(row)
            stack.setStretchFactor(at, row.stretch)
        return stack

    @property
    def documents(self) -> list[Document]:
        return list(self._documents)

    def row(self, view_id: str) -> RowPane:
        return next(row for row in (*self.rows, self.compare) if row.spec.id == view_id)

    def view(self, document: Document, view_id: str) -> QWidget:
        """The view of one column in one row; unfolds the row."""
        row = self.row(view_id)
        row.set_folded(False)
        at = self._documents.index(document)
        if isinstance(row.columns.widget(at), Placeholder):
            self._fill(row, at, document)
        view = row.columns.widget(at)
        assert view is not None
        return view

    def place_of(self, widget: QWidget | None) -> tuple[RowPane | None, Document | None]:
        """The row and the column that a widget belongs to."""
        document = next(
            (
                each
                for at, each in enumerate(self._documents)
                if any(holds(splitter.widget(at), widget) for splitter in self._splitters())
            ),
            None,
        )
        row = next((each for each in (*self.rows, self.compare) if holds(each, widget)), None)
        return row, document

    def header(self, document: Document) -> ColumnHeader:
        header = self._headers.widget(self._documents.index(document))
        assert isinstance(header, ColumnHeader)
        return header

    def is_settled(self) -> bool:
        """True when every view is built and none computes in the background."""
        if not self.compare.is_settled():
            return False
        return not self._missing() and all(
            getattr(row.columns.widget(at), "is_settled", lambda: True)()
            for row in self.rows
            for at in range(row.columns.count())
        )

    def hold(self, is_held: bool) -> None:
        """Build no view while this is held; what is missing is built afterwards."""
        self._is_held = is_held
        if not is_held:
            self._filler.start()

    def insert(self, document: Document, at: int) -> None:
        self._documents.insert(at, document)
        self._time_axis_of[document] = self._time_axes.add()
        self.align.setVisible(len(self._documents) > 1)
        self._headers.insertWidget(at, ColumnHeader(document, self._theme))
        for row in self.rows:
            row.columns.insertWidget(at, Placeholder())
        document.profile_changed.connect(lambda: self._rebuild(document))
        document.renamed.connect(self._show_compared)
        self._new_context(document)
        self._even_widths()
        self._fill_open_rows()
        self.header_added.emit(self.header(document))

    def remove(self, document: Document) -> None:
        at = self._documents.index(document)
        self._documents.pop(at)
        self._contexts.pop(document)
        self._time_axes.remove(self._time_axis_of.pop(document))
        self.align.setVisible(len(self._documents) > 1)
        for splitter in self._splitters():
            discard(splitter.widget(at))
        self._even_widths()
        self._fill_open_rows()

    def set_theme(self, theme: Theme) -> None:
        """Draw everything anew in another theme."""
        self._theme = theme
        self.compare.set_theme(theme)
        for document in self._documents:
            self._rebuild(document)

    def toggle_fill(self, row: RowPane) -> None:
        """Let one row fill the window, or bring the others back."""
        self._filling = None if self._filling is row else row
        for each in (*self.rows, self.compare):
            is_there = each is not self.compare or self.compare.has_two
            each.setVisible(is_there and (self._filling is None or each is self._filling))
        if self._filling is not None:
            row.set_folded(False)

    @property
    def filling(self) -> RowPane | None:
        """The row that fills the window."""
        return self._filling

    def show_row(self, row: RowPane) -> None:
        """Unfold a row and bring it into sight; it fills the window where another one did."""
        if self._filling not in (None, row):
            self.toggle_fill(row)
        self._set_folded_in_sight(row, False)

    def toggle_fold(self, row: RowPane) -> None:
        """Fold or unfold a row where it can be seen; one that another row hides is shown instead."""
        if row.is_folded or self._filling not in (None, row):
            self.show_row(row)
            return
        if self._filling is row:
            self.toggle_fill(row)
        self._set_folded_in_sight(row, True)

    def _set_folded_in_sight(self, row: RowPane, is_folded: bool) -> None:
        row.set_folded(is_folded)
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self._scroll.ensureWidgetVisible(row, 0, 0)

    def bring_into_sight(self, widget: QWidget) -> None:
        """Scroll to the row of a part of it; where not all of a row can be seen, to the part."""
        row, _ = self.place_of(widget)
        if row is not None:
            self._scroll.ensureWidgetVisible(row, 0, 0)
            if row.height() > self._scroll.viewport().height():
                self._scroll.ensureWidgetVisible(widget)

    def show_rounds(self, a: Document, b: Document, rounds: Rounds) -> None:
        """What measuring two columns in turns gave."""
        if self.compare.view is not None:
            self.compare.view.show_rounds(a, b, rounds)

    def ask_turns(self) -> None:
        """Measure the two columns again that are compared."""
        if self.compare.view is not None:
            self.compare.view.ask_turns()

    def _show_compared(self) -> None:
        if self._filling is self.compare and len(self._documents) < 2:
            self.toggle_fill(self.compare)
        self.compare.set_documents(self._documents)
        if self._filling is not None and self._filling is not self.compare:
            self.compare.hide()

    def _splitters(self) -> list[QSplitter]:
        return [self._headers, *(row.columns for row in self.rows)]

    def _new_context(self, document: Document) -> None:
        axis = self._time_axis_of[document]
        context = ViewContext(
            document.profile,
            document.selection,
            self._theme,
            axis,
            self._bytes_axis,
            lambda: self._peers_of(document),
            document.counterpart,
            document.notes,
            self._preferences,
        )
        self._contexts[document] = context
        slices = document.profile.trace.slices
        if len(slices):
            begin = int(slices.start_ns.min()) - context.origin_ns
            end = int((slices.start_ns + slices.duration_ns).max()) - context.origin_ns
            self._time_axes.extend(axis, begin, end)

    def _peers_of(self, document: Document) -> list[Peer]:
        return [
            Peer(other.title, other.profile, partial(self._twins, document, other))
            for other in self._documents
            if other is not document
        ]

    def _rebuild(self, document: Document) -> None:
        at = self._documents.index(document)
        self._new_context(document)
        for row in self.rows:
            exchange(row.columns, at, Placeholder())
        self._fill_open_rows()

    def _fill_open_rows(self) -> None:
        """Build what is missing in unfolded rows, one view per turn of the event loop."""
        profiles = [document.profile for document in self._documents]
        for row in self.rows:
            row.set_blank(bool(profiles) and all(map(row.spec.is_blank, profiles)))
        self._show_compared()
        self._preparations.keep_to(profiles)
        self._filler.start()

    def _fill_next(self) -> None:
        """Have the first missing view prepared in the background, and build the first ready one."""
        if self._is_held:
            return
        missing = self._missing()
        ready = [each for each in missing if self._is_ready(each)]
        waiting = [each for each in missing if not self._is_ready(each)]
        if waiting:
            row, _, document = waiting[0]
            self._preparations.want(row.spec, document.profile)
        if ready:
            self._fill(*ready[0])
            self._filler.start()

    @property
    def _shown_rows(self) -> list[RowPane]:
        """From the top."""
        above, below = self.rows[:_COMPARE_PLACE], self.rows[_COMPARE_PLACE:]
        return [*above, self.compare, *below]

    def _is_ready(self, missing: _Missing) -> bool:
        row, _, document = missing
        return self._preparations.is_ready(row.spec, document.profile)

    def _missing(self) -> list[_Missing]:
        """The views of unfolded rows that are not built yet, from the top."""
        return [
            (row, at, document)
            for row in self.rows
            for at, document in enumerate([] if row.is_folded else self._documents)
            if isinstance(row.columns.widget(at), Placeholder)
        ]

    def _fill(self, row: RowPane, at: int, document: Document) -> None:
        try:
            view: QWidget = row.spec.create(self._contexts[document])
        except Exception as error:  # one broken view must not take the window with it
            logger.exception("the %s view failed", row.spec.id)
            view = PlainLabel(self.tr("This view failed: {}").format(error))
            view.setWordWrap(True)
        view.setMinimumWidth(120)
        exchange(row.columns, at, view)
        note = view if isinstance(view, EmptyNote) else view.findChild(EmptyNote)
        if note is not None:
            row.tell_why_blank(note.text())

    def _even_widths(self) -> None:
        for splitter in self._splitters():
            splitter.setSizes([10_000] * max(splitter.count(), 1))

    def _follow_widths(self, moved: QSplitter) -> None:
        for splitter in self._splitters():
            if splitter is not moved:
                splitter.setSizes(moved.sizes())
