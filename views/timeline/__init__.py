"""What ran when: lanes of slices per thread and stream, on a time axis that columns share."""

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollBar,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from views.context import ViewContext
from views.timeline.canvas import TimelineCanvas
from views.timeline.details import SliceDetails

__all__ = ["TimelineView"]


class TimelineView(QWidget):
    """Canvas, search and details. Keys as in Perfetto: W A S D, F, M, comma and full stop, brackets."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._found: list[int] = []
        self._at = -1
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        trace = context.profile.trace
        if not len(trace.slices) and not len(trace.counters):
            nothing = QLabel(self.tr("This model was not run yet: there is no timeline."))
            nothing.setWordWrap(True)
            nothing.setContentsMargins(12, 12, 12, 12)
            nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
            layout.addWidget(nothing)
            return
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find slices  ( / )"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Find slices by name"))
        self.search.textChanged.connect(self._search)
        self.search.installEventFilter(self)
        self._count = QLabel()
        previous, following = QToolButton(), QToolButton()
        for button, text, name, direction in (
            (previous, "◂", self.tr("Previous find"), -1),
            (following, "▸", self.tr("Next find"), 1),
        ):
            button.setText(text)
            button.setAutoRaise(True)
            button.setAccessibleName(name)
            button.clicked.connect(lambda _=False, by=direction: self._step(by))
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.search, 1)
        bar.addWidget(self._count)
        bar.addWidget(previous)
        bar.addWidget(following)
        self.canvas = TimelineCanvas(context)
        self._scroll = QScrollBar(Qt.Orientation.Vertical)
        self._scroll.valueChanged.connect(self.canvas.scroll_to)
        self.canvas.scrolled.connect(self._follow_canvas)
        lanes = QWidget()
        beside = QHBoxLayout(lanes)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self.canvas, 1)
        beside.addWidget(self._scroll)
        self.details = SliceDetails(context)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(lanes)
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setSizes([290, 90])
        layout.addLayout(bar)
        layout.addWidget(split, 1)
        self._follow_canvas()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text() == "/" and hasattr(self, "search"):
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter and Shift+Enter walk through the finds, Escape goes back to the lanes."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self._step(-1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return super().eventFilter(watched, event)

    def _search(self, text: str) -> None:
        """Find by name: names are few, slices are many."""
        slices, strings = self._context.profile.trace.slices, self._context.profile.strings
        words = text.lower().split()
        if words:
            matching = [
                row
                for row in np.unique(slices.name).tolist()
                if all(word in strings[row].lower() for word in words)
            ]
            rows = np.flatnonzero(np.isin(slices.name, matching))
            self._found = rows[np.argsort(slices.start_ns[rows], kind="stable")].tolist()
        else:
            self._found = []
        self._at = -1
        self._count.setText(f"{len(self._found):,}" if words else "")

    def _step(self, by: int) -> None:
        if not self._found:
            return
        first = 0 if by > 0 else len(self._found) - 1
        self._at = first if self._at < 0 else (self._at + by) % len(self._found)
        row = self._found[self._at]
        self._context.selection.pick_slice(row)
        self.canvas.show_slice(row)
        self._count.setText(f"{self._at + 1:,} / {len(self._found):,}")

    def _follow_canvas(self) -> None:
        self._scroll.setRange(0, self.canvas.hidden_height)
        self._scroll.setPageStep(self.canvas.height())
        self._scroll.setVisible(self.canvas.hidden_height > 0)
        if self._scroll.value() != self.canvas.offset:
            self._scroll.setValue(self.canvas.offset)
