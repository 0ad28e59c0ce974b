"""One row of the board: the same view of every column, side by side, under a foldable title."""

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from views import ViewSpec
from views.plain_label import PlainLabel

_DEFAULT_HEIGHTS = {
    "summary": 210,
    "compare": 560,
    "graph": 440,
    "fusion": 300,
    "memory": 340,
    "timeline": 520,
    "devices": 300,
    "operators": 320,
}
_STRETCHES = {
    "summary": 0,
    "compare": 1,
    "graph": 3,
    "timeline": 3,
}  # what room is left goes to the large ones
_TITLE_HEIGHT = 26


class RowPane(QFrame):
    """Folds to its title; a double click on the title lets it fill the window."""

    fold_changed = Signal()
    fill_asked = Signal(object)
    menu_asked = Signal(object, QPoint)  # the row, a place on the screen

    def __init__(self, spec: ViewSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self._is_blank = False
        self.columns = QSplitter(Qt.Orientation.Horizontal)
        self.columns.setChildrenCollapsible(False)
        self._fold = QToolButton()
        self._fold.setAutoRaise(True)
        self._fold.setCheckable(True)
        self._fold.setArrowType(Qt.ArrowType.DownArrow)
        self._fold.setAccessibleName(self.tr("Fold {}").format(spec.heading))
        self._fold.toggled.connect(self._apply_fold)
        fill = self._fill = QToolButton()
        fill.setAutoRaise(True)
        fill.setText("⤢")
        fill.setToolTip(self.tr("Fill the window"))
        fill.setAccessibleName(self.tr("Let {} fill the window").format(spec.heading))
        fill.clicked.connect(lambda: self.fill_asked.emit(self))
        title = QLabel(spec.heading)
        self._why_blank = PlainLabel()
        self._why_blank.setEnabled(False)
        self._why_blank.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._title_bar = QWidget()
        self._title_bar.setFixedHeight(_TITLE_HEIGHT)
        line = QHBoxLayout(self._title_bar)
        line.setContentsMargins(4, 0, 4, 0)
        line.addWidget(self._fold)
        line.addWidget(title)
        line.addSpacing(12)
        line.addWidget(self._why_blank, 1)
        line.addWidget(fill)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._title_bar)
        layout.addWidget(self.columns, 1)
        self._apply_fold(False)

    def add_action(self, action: QAction) -> None:
        """A button in the title bar, shown while the action is visible."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # a key does the same
        button.setVisible(action.isVisible())
        action.changed.connect(lambda: button.setVisible(action.isVisible()))
        line = self._title_bar.layout()
        assert isinstance(line, QHBoxLayout)
        line.insertWidget(line.count() - 1, button)

    @property
    def title_buttons(self) -> list[QWidget]:
        """What folds it and what lets it fill the window."""
        return [self._fold, self._fill]

    @property
    def default_height(self) -> int:
        return _DEFAULT_HEIGHTS.get(self.spec.id, 300)

    @property
    def stretch(self) -> int:
        """Its share of the room that the default heights leave."""
        return _STRETCHES.get(self.spec.id, 1)

    @property
    def is_folded(self) -> bool:
        return self._fold.isChecked()

    def set_folded(self, folded: bool) -> None:
        self._fold.setChecked(folded)

    @property
    def is_blank(self) -> bool:
        """Whether its views have but a sentence to say."""
        return self._is_blank

    def set_blank(self, is_blank: bool) -> None:
        """A row whose views have but a sentence to say gives it beside its title."""
        if is_blank != self._is_blank:
            self._is_blank = is_blank
            self._fold.setEnabled(not is_blank)
            self.tell_why_blank("")
            self._show_columns()

    def tell_why_blank(self, text: str) -> None:
        self._why_blank.setText(text if self._is_blank else "")
        self._why_blank.setToolTip(self._why_blank.text())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and self.columns.isVisible():
            self._hold_views()
        return super().event(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.position().y() <= _TITLE_HEIGHT:
            self.fill_asked.emit(self)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.pos().y() <= _TITLE_HEIGHT:
            self.menu_asked.emit(self, event.globalPos())

    def _apply_fold(self, folded: bool) -> None:
        self._fold.setArrowType(Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow)
        self._show_columns()
        self.fold_changed.emit()

    def _show_columns(self) -> None:
        is_closed = self.is_folded or self._is_blank
        self.columns.setVisible(not is_closed)
        if is_closed:
            self.setFixedHeight(_TITLE_HEIGHT)
        else:
            self.setMaximumHeight(16777215)
            self._hold_views()

    def _hold_views(self) -> None:
        """At least the default height, more where a view asks for it."""
        needed = _TITLE_HEIGHT + self.columns.minimumSizeHint().height()
        self.setMinimumHeight(max(self.default_height, needed))
