"""The head of a column: what is shown in it, what is going on, and what went wrong."""

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.origin import origin_words
from app.window.notice import NoticeBar
from app.window.title_field import TitleField
from profilers.errors import MissingCode, TwinscopeError
from profilers.visible_text import visible
from views.elided_label import ElidedLabel
from views.one_stop import OneStop
from views.plain_tooltip import plain_tooltip
from views.theme import Theme


class ColumnHeader(QFrame):
    """Title, origin, buttons; a progress bar while a capture runs; a notice when it failed."""

    run_asked = Signal(object)
    save_asked = Signal(object)
    close_asked = Signal(object)
    cancel_asked = Signal(object)
    source_folder_asked = Signal(object)

    def __init__(self, document: Document, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self._theme = theme
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._title = _bold_title()
        self._title_field = TitleField()
        self._title_field.renamed.connect(document.rename)
        self._title_field.left.connect(self._title.show)
        self._origin = ElidedLabel()
        self.run_button = self._button(self.tr("Run…"), self.run_asked)
        self._save = self._button(self.tr("Save"), self.save_asked)
        self._progress = QProgressBar()
        self._progress.setRange(0, 1000)
        self._progress.setTextVisible(True)
        self._progress.setAccessibleName(self.tr("Progress of the capture"))
        self._cancel = self._button(self.tr("Cancel"), self.cancel_asked)
        self._working = self._working_line()
        self._log = ElidedLabel()
        self._notice = NoticeBar()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(self._title_line())
        layout.addWidget(self._working)
        layout.addWidget(self._log)
        layout.addWidget(self._notice)
        layout.addStretch()

        document.progressed.connect(self._show_progress)
        document.logged.connect(self._show_log)
        document.failed.connect(self._tell_failure)
        document.state_changed.connect(self.refresh)
        document.profile_changed.connect(self.refresh)
        self.refresh()
        if document.model is not None and document.model.cannot_run:
            self._notice.tell(
                self.tr("{} cannot run: {}").format(document.title, document.model.cannot_run),
                theme,
            )

    def _title_line(self) -> QHBoxLayout:
        """Names, and the buttons right of them."""
        close = self._button("✕", self.close_asked)
        close.setAccessibleName(self.tr("Close this column"))
        close.setAutoRaise(True)
        OneStop([self.run_button, self._save, close], self)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._title)
        names.addWidget(self._title_field)
        names.addWidget(self._origin)
        line = QHBoxLayout()
        line.addLayout(names, 1)
        for button in (self.run_button, self._save, close):
            line.addWidget(button)
        return line

    def _working_line(self) -> QWidget:
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._progress, 1)
        layout.addWidget(self._cancel)
        return line

    @property
    def notice(self) -> NoticeBar:
        return self._notice

    def begin_rename(self) -> None:
        """Let the person write another title in the place of this one."""
        self._title.hide()
        self._title_field.begin(self.document.title)

    def refresh(self) -> None:
        document = self.document
        unsaved = " ●" if document.is_unsaved else ""
        self._title.setText(document.title + unsaved)
        self._title.setToolTip(plain_tooltip(visible(str(document.path))))
        self._origin.setText(self._origin_text())
        self._origin.setToolTip(plain_tooltip(self._origin.whole))
        self.run_button.setVisible(document.model is not None and bool(document.model.modes))
        self.run_button.setEnabled(not document.is_busy)
        self.run_button.setText(self.tr("Run again…") if document.request else self.tr("Run…"))
        can_save = document.was_run or document.is_unsaved
        self._save.setVisible(can_save and not document.is_busy)
        if document.is_busy:
            self._notice.hide()
        self._working.setVisible(document.is_busy)
        self._log.setVisible(document.is_busy)
        self._name_cancel()

    def _tell_failure(self, error: TwinscopeError) -> None:
        offer = None
        if isinstance(error, MissingCode):
            offer = (
                self.tr("Choose the source folder…"),
                lambda: self.source_folder_asked.emit(self.document),
            )
        self._notice.tell_error(error, self._theme, offer)

    def _origin_text(self) -> str:
        parts = origin_words(self.document.profile.environment)
        if not self.document.was_run and self.document.model is not None:
            parts = [self.document.model.title, self.tr("not run yet")]
        return "  ·  ".join(parts)

    def _show_progress(self, stage: str, fraction: float) -> None:
        if stage == "waiting":  # at rest: an animation would take time from that capture
            self._progress.setValue(0)
            self._progress.setFormat(self.tr("waiting for the capture before"))
            return
        self._progress.setValue(round(1000 * fraction))
        self._progress.setFormat(f"{stage}  %p%")
        self._name_cancel()

    def _name_cancel(self) -> None:
        can_keep = self.document.can_end_early
        self._cancel.setText(self.tr("End the sweep") if can_keep else self.tr("Cancel"))
        self._cancel.setToolTip(
            self.tr("Keep the capture and what was measured so far") if can_keep else ""
        )

    def _show_log(self, text: str) -> None:
        self._log.setText(visible(text[:300]))

    def _button(self, text: str, asked: SignalInstance) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.clicked.connect(lambda: asked.emit(self.document))
        return button


def _bold_title() -> ElidedLabel:
    title = ElidedLabel()
    title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    font = title.font()
    font.setBold(True)
    title.setFont(font)
    return title
