"""What leaves the window: snapshots, reports, tables and pictures."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from app.commands import Command
from app.document import Document
from app.report import EXPORTERS, Exporter, write_report
from app.session import Session
from app.sharing import Sharing
from app.window.row_pane import RowPane
from app.window.save_dialog import Compared, SaveDialog
from profilers.errors import TwinscopeError
from profilers.profile import KeptComparison
from views.pictures import copy_picture, picture_kinds, save_picture

_NEEDS_THE_WINDOW = ("png",)  # a picture is taken of the window that is open


class Giving(QObject):
    """Asks where things go, over `window`, and has the session write them in the background."""

    begun = Signal()
    told = Signal(str)  # what goes on
    saved = Signal(object)  # path of a snapshot
    failed = Signal(object)

    def __init__(
        self,
        session: Session,
        window: QWidget,
        current: Callable[[], Document | None],
        compared: Compared,
    ) -> None:
        """`compared` tells how documents are compared, by their places among them."""
        super().__init__(window)
        self._compared = compared
        self._session = session
        self._window = window
        self._current = current

    def ask_save(self, document: Document) -> None:
        """Ask what goes into the file, then where it goes."""
        dialog = SaveDialog(self._session.documents, document, self._compared, self._window)

        def choose() -> None:
            suggestion = document.path.with_suffix(".twin").name
            kinds = self.tr("Twinscope snapshot (*.twin)")
            path = self._ask(self.tr("Save the snapshot"), suggestion, kinds)
            if path is not None:
                self.save(dialog.chosen, path, dialog.sharing)

        dialog.accepted.connect(choose)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save(self, documents: Sequence[Document], path: Path, sharing: Sharing) -> None:
        path = path if path.suffix == ".twin" else path.with_name(path.name + ".twin")
        self.begun.emit()
        self.told.emit(self.tr("Writing {}…").format(path.name))
        self._session.save(documents, path, sharing, self._tell_saved, self._compared(documents))

    def commands(self) -> list[Command]:
        """The menu of exports."""
        menu = self.tr("&Export")
        found = [
            Command(
                f"export.{each.id}", menu, self.tr("{}…").format(each.title), (),
                partial(self._ask_export, each), self._has_document,
            )
            for each in EXPORTERS
            if each.id not in _NEEDS_THE_WINDOW
        ]  # fmt: skip
        return [
            *found,
            Command(
                "export.pair", menu, self.tr("Report on the columns that are compared…"), (),
                self._ask_pair, lambda: len(self._session.documents) > 1,
            ),
            Command(
                "export.picture", menu, self.tr("Picture of the window…"), (),
                lambda: self._ask_picture(self._window, "twinscope.png"),
            ),
        ]  # fmt: skip

    def show_menu(self, row: RowPane, place: QPoint) -> None:
        """Pictures of one row, of all columns or of one."""
        menu = QMenu(self._window)
        if not row.columns.isVisibleTo(row):
            menu.addAction(self.tr("Unfold the row to take its picture")).setEnabled(False)
        for at in range(row.columns.count()):
            view = row.columns.widget(at)
            is_shown = view is not None and view.isVisibleTo(row)
            if view is None or not is_shown or at >= len(self._session.documents):
                continue
            named = menu.addMenu(self._session.documents[at].title.replace("&", "&&"))
            self._add_picture_actions(named, view, row.spec.id)
        if row.columns.isVisibleTo(row) and row.columns.count() > 1:
            self._add_picture_actions(
                menu.addMenu(self.tr("All columns")), row.columns, row.spec.id
            )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _add_picture_actions(self, menu: QMenu, view: QWidget, name: str) -> None:
        menu.addAction(self.tr("Copy the picture"), lambda: copy_picture(view))
        menu.addAction(self.tr("Save the picture…"), lambda: self._ask_picture(view, f"{name}.svg"))

    def _ask_export(self, exporter: Exporter) -> None:
        document = self._current()
        if document is None:
            return
        suggestion = document.path.with_suffix("").name + f"-{exporter.id}{exporter.suffix}"
        path = self._ask(exporter.title, suggestion, f"*{exporter.suffix}")
        if path is not None:
            profile = document.profile_with_notes()
            self._write(path, lambda: exporter.write(profile, path))

    def _ask_pair(self) -> None:
        documents = self._session.documents
        profiles = [each.profile_with_notes() for each in documents]
        comparison = self._compared(documents) or KeptComparison()
        path = self._ask(self.tr("Report on two columns"), "comparison.html", "*.html *.pdf")
        if path is not None and len(profiles) > 1:
            self._write(path, lambda: write_report(profiles, path, comparison))

    def _ask_picture(self, view: QWidget, suggestion: str) -> None:
        path = self._ask(self.tr("Save the picture"), suggestion, picture_kinds())
        if path is None:
            return
        self.begun.emit()
        try:
            save_picture(view, path)
        except OSError as error:
            self.failed.emit(
                TwinscopeError(
                    self.tr("Cannot write {}").format(path.name), error.strerror or str(error),
                    self.tr("Choose another place."),
                )
            )  # fmt: skip
        else:
            self._tell_given(path)

    def _write(self, path: Path, write: Callable[[], None]) -> None:
        self.begun.emit()
        self.told.emit(self.tr("Writing {}…").format(path.name))
        self._session.write(write, lambda: self._tell_given(path))

    def _tell_saved(self, path: Path) -> None:
        self.saved.emit(path)
        self._tell_given(path)

    def _tell_given(self, path: Path) -> None:
        self.told.emit(self.tr("Saved {}").format(path))

    def _ask(self, title: str, suggestion: str, kinds: str) -> Path | None:
        name, _ = QFileDialog.getSaveFileName(self._window, title, suggestion, kinds)
        return Path(name) if name else None

    def _has_document(self) -> bool:
        return self._current() is not None
