"""The columns of a session in a window, and what a person can do with them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.autosave import Autosave
from app.capturing import request_for
from app.demo import DEMO_ROUNDS
from app.document import Document
from app.linking import SelectionLinker
from app.matrix import BATCHES, with_batches
from app.paths import config_folder, data_folder
from app.session import Session
from app.settings import Settings
from app.window.attach_dialog import AttachDialog
from app.window.board import Board
from app.window.column_header import ColumnHeader
from app.window.empty_state import EmptyState
from app.window.giving import Giving
from app.window.going import Going
from app.window.matrix_window import MatrixWindow
from app.window.name_dialog import NameDialog
from app.window.notice import NoticeBar
from app.window.running import Running
from app.window.tab_walk import stop_after
from profilers.errors import TwinscopeError
from profilers.request import RunRequest
from profilers.trust import TrustStore
from views.preferences import Preferences
from views.theme import DARK, LIGHT, Theme, system_theme


class ColumnsWindow(QMainWindow):
    """Session, board and dialogs, put together; menus and keys come on top of it."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()
        self.session = Session(
            Autosave(data_folder() / "autosave"), TrustStore(config_folder() / "trusted.json")
        )
        self._theme = self._chosen_theme()
        self.empty = EmptyState()
        self.linker = SelectionLinker(lambda: self.session.documents, self)
        self._preferences = Preferences(self.settings.hides_noise, self)
        self._preferences.changed.connect(self._keep_preferences)
        self.board = Board(self._theme, self.linker.twins, self.linker.apart, self._preferences)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.board)
        self.notice = NoticeBar()
        self._running = Running(
            self.session, self, lambda error: self.notice.tell_error(error, self._theme)
        )
        self.giving = Giving(
            self.session, self, self.current, lambda wanted: self.board.compare.settings(wanted)
        )
        self.going = Going(
            self.board, self, lambda: self.settings.recent_files, lambda path: self.open([path])
        )
        self._body = QWidget()
        layout = QVBoxLayout(self._body)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.notice)
        layout.addWidget(self._pages, 1)
        self.setCentralWidget(self._body)
        self._connect()
        self._apply_theme(self._theme)
        self.empty.show_recent(self.settings.recent_files)

    # What the person does

    def open(self, paths: Sequence[Path]) -> None:
        self.notice.hide()
        self.session.quiet.end()
        for path in paths:
            self.session.open(path)
            self.statusBar().showMessage(self.tr("Opening {}…").format(path.name))

    def ask_open(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Open"))
        self.open([Path(name) for name in names])

    def ask_open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Open a SavedModel folder"))
        if name:
            self.open([Path(name)])

    def ask_open_name(self) -> None:
        dialog = NameDialog(self)
        dialog.chosen.connect(lambda path: self.open([path]))
        dialog.open()

    def run_demo(self) -> None:
        self.notice.hide()
        self.statusBar().showMessage(self.tr("Building the demo models…"))
        self.session.run_demo()

    def ask_attach(self) -> None:
        """Ask for the address of a running process; that of the last time stands there already."""
        self.notice.hide()
        dialog = AttachDialog(self.settings.attach_address, self)
        dialog.asked.connect(self._attach)
        dialog.open()

    def ask_run(self, document: Document) -> None:
        self.notice.hide()
        self._running.ask(document)

    def run(self, document: Document, request: RunRequest) -> None:
        """Run at once where everything is harmless or trusted, else ask first."""
        self._running.run(document, request)

    def ask_matrix(self, document: Document) -> None:
        """Run the model in every mode that takes it, on the inputs of its last run."""
        self.notice.hide()
        if document.model is None:
            return
        try:
            base = with_batches(document.request or request_for(document.model), BATCHES)
        except TwinscopeError as error:
            self.notice.tell_error(error, self._theme)
            return
        self._running.when_trusted(
            document, base, lambda agreed: MatrixWindow(self.session, document, agreed, self).show()
        )

    def close_column(self, document: Document) -> None:
        if document.is_unsaved and not self.may_discard([document]):
            return
        self.session.close(document)

    def may_discard(self, documents: Sequence[Document]) -> bool:
        unsaved = ", ".join(each.title for each in documents if each.is_unsaved)
        running = ", ".join(each.title for each in documents if each.is_running)
        told = []
        if unsaved:
            text = self.tr("Captures or notes were not saved: {}. Discard them?")
            told.append(text.format(unsaved))
        if running:
            told.append(self.tr("Still running: {}. End it without a result?").format(running))
        answer = QMessageBox.question(
            self,
            self.tr("Not saved"),
            "\n".join(told),
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Discard

    def set_theme(self, name: str) -> None:
        self.settings.theme = name
        self._apply_theme(self._chosen_theme())

    def show_theme(self, name: str) -> None:
        """Use a theme for this start without remembering it."""
        self._apply_theme(_theme_named(name))

    def toggle_row(self, view_id: str) -> None:
        self.board.toggle_fold(self.board.row(view_id))

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def toggle_link(self) -> None:
        self.linker.is_enabled = not self.linker.is_enabled
        self.statusBar().showMessage(
            self.tr("Selections are linked")
            if self.linker.is_enabled
            else self.tr("Selections are apart"),
            4000,
        )

    # What there is

    def current(self) -> Document | None:
        """The column that holds the focus, else the last one."""
        _, document = self.board.place_of(QApplication.focusWidget())
        last = self.session.documents[-1] if self.session.documents else None
        return document or last

    def is_settled(self) -> bool:
        """True when nothing runs and everything is drawn."""
        return not self.session.is_busy and self.linker.is_settled and self.board.is_settled()

    # Qt events

    def focusNextPrevChild(self, is_forward: bool) -> bool:
        """Tab goes as the eye reads; Qt goes in the order in which things were made."""
        stop = stop_after(self._body, QApplication.focusWidget(), is_forward)
        if stop is None:
            return False
        reason = Qt.FocusReason.TabFocusReason if is_forward else Qt.FocusReason.BacktabFocusReason
        stop.setFocus(reason)
        self.board.bring_into_sight(stop)
        return True

    # Wiring

    def _connect(self) -> None:
        session, board = self.session, self.board
        session.document_added.connect(self._show_document)
        session.document_removed.connect(self._drop_document)
        session.document_added.connect(lambda _: self.statusBar().clearMessage())
        session.failed.connect(lambda _: self.statusBar().clearMessage())
        session.comparison_opened.connect(board.compare.set_settings)
        session.failed.connect(lambda error: self.notice.tell_also(error, self._theme))
        session.busy_changed.connect(self._clear_status)
        self.giving.told.connect(lambda text: self.statusBar().showMessage(text, 5000))
        self.giving.begun.connect(self.notice.hide)
        self.giving.saved.connect(self._remember)
        self.giving.failed.connect(session.failed)
        for row in board.rows:
            row.menu_asked.connect(self.giving.show_menu)
        board.header_added.connect(self._connect_header)
        board.compare.turns_asked.connect(self._measure_in_turns)
        session.demo_captured.connect(lambda a, b: self._measure_in_turns(a, b, DEMO_ROUNDS))
        session.quiet.changed.connect(board.hold)
        self.empty.open_asked.connect(self.ask_open)
        self.empty.demo_asked.connect(self.run_demo)
        self.empty.recent_asked.connect(lambda path: self.open([path]))
        QGuiApplication.styleHints().colorSchemeChanged.connect(
            lambda _: self._apply_theme(self._chosen_theme())
        )

    def _attach(self, request: RunRequest) -> None:
        self.settings.attach_address = request.model_path
        self.session.attach(request)

    def _measure_in_turns(self, a: Document, b: Document, most_rounds: int | None = None) -> None:
        show = partial(self.board.show_rounds, a, b)
        self.session.measure_in_turns(a, b, show, most_rounds)

    def _connect_header(self, header: ColumnHeader) -> None:
        header.run_asked.connect(self.ask_run)
        header.source_folder_asked.connect(self._running.ask_source_folder)
        header.save_asked.connect(self.giving.ask_save)
        header.close_asked.connect(self.close_column)
        header.cancel_asked.connect(Document.cancel)

    def _show_document(self, document: Document) -> None:
        self.board.insert(document, self.session.documents.index(document))
        self._pages.setCurrentWidget(self.board)
        self.linker.follow(document)
        document.profile_changed.connect(lambda: self.linker.follow(document))
        if document.unsaved_snapshot is None and not document.is_busy:
            self._remember(document.path)

    def _drop_document(self, document: Document) -> None:
        self.board.remove(document)
        document.deleteLater()
        if not self.session.documents:
            self._pages.setCurrentWidget(self.empty)
            self.empty.show_recent(self.settings.recent_files)

    def _clear_status(self) -> None:
        if not self.session.is_busy:
            self.statusBar().clearMessage()

    def _remember(self, path: Path) -> None:
        if path.exists():  # a model of a library has a name but no file
            self.settings.add_recent(path.resolve())

    def _keep_preferences(self) -> None:
        self.settings.hides_noise = self._preferences.hides_noise

    def _chosen_theme(self) -> Theme:
        return _theme_named(self.settings.theme)

    def _apply_theme(self, theme: Theme) -> None:
        self._theme = theme
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.setPalette(theme.palette())
            boxes = theme.palette_of_boxes()
            application.setPalette(boxes, "QCheckBox")  # type: ignore[arg-type]  # the stub is wrong
        self.board.set_theme(theme)


def _theme_named(name: str) -> Theme:
    return {"light": LIGHT, "dark": DARK}.get(name) or system_theme()
