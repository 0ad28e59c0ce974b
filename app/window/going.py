"""Going about the window by keys: to a row, to the next column, to a field, to a recent file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.commands import Command
from app.document import Document
from app.window.board import Board
from app.window.compare_row import COMPARE_ID
from app.window.find_everywhere import FindEverywhere
from app.window.palette import CommandPalette
from app.window.row_pane import RowPane
from views import VIEWS

_REASON = Qt.FocusReason.ShortcutFocusReason


class Going(QObject):
    """Keys as in PyCharm; `recent` gives the files to offer, newest first."""

    def __init__(
        self,
        board: Board,
        window: QWidget,
        recent: Callable[[], list[Path]],
        open_file: Callable[[Path], object],
    ) -> None:
        super().__init__(window)
        self._board = board
        self._window = window
        self._recent = recent
        self._open_file = open_file

    def commands(self) -> list[Command]:
        """For the menu of places to go to."""
        menu = self.tr("&Go")
        rows = [
            Command(
                f"go.{spec.id}", menu, self.tr("Go to {}, or fold it").format(spec.heading),
                (f"Alt+{number}",), partial(self.to_row, spec.id), self._has_document,
            )
            for number, spec in enumerate(VIEWS, 1)
        ]  # fmt: skip
        return [
            *rows,
            Command(
                "go.compare", menu, self.tr("Go to Compare, or fold it"), ("Alt+0",),
                partial(self.to_row, COMPARE_ID), lambda: self._board.compare.has_two,
            ),
            Command(
                "go.next", menu, self.tr("Go to the next column"), ("Ctrl+Tab",),
                partial(self.to_column, 1), self._has_document,
            ),
            Command(
                "go.previous", menu, self.tr("Go to the column before"), ("Ctrl+Shift+Tab",),
                partial(self.to_column, -1), self._has_document,
            ),
            Command(
                "go.find", menu, self.tr("Find in this view, or in the graph"), ("Ctrl+F",),
                self.find, self._has_document,
            ),
            Command(
                "go.find_everywhere", menu, self.tr("Find in all views…"), ("Ctrl+Shift+F",),
                self.find_everywhere, self._has_document,
            ),
            Command(
                "go.recent", menu, self.tr("Recent files…"), ("Ctrl+E",),
                self.show_recent, lambda: bool(self._recent()),
            ),
            Command(
                "go.fill", menu, self.tr("Let this row fill the window, or bring the others back"),
                ("Ctrl+Shift+F12",), self.fill, self._has_document,
            ),
        ]  # fmt: skip

    def to_row(self, view_id: str) -> None:
        """Bring a row into sight and give it the keys; fold it where it has them already."""
        row, (here, document) = self._board.row(view_id), self._place
        if here is row and not row.is_folded:
            row.set_folded(True)
            return
        self._board.show_row(row)
        if row is self._board.compare:
            _focus(self._board.compare)
        elif not self._focus_in(row, document or self._board.documents[0]):
            row.title_buttons[-1].setFocus(_REASON)

    def to_column(self, step: int) -> None:
        """Give the keys to the same row of the column beside; behind the last comes the first."""
        (row, document), documents = self._place, self._board.documents
        at = documents.index(document) + step if document in documents else 0
        beside = documents[at % len(documents)]
        is_in_view = row is not None and row is not self._board.compare and _is_open(row)
        if row is None or not is_in_view or not _focus(self._board.view(beside, row.spec.id)):
            _focus(self._board.header(beside))

    def find(self) -> None:
        """Where the row with the keys has nothing to find in, its column's graph has."""
        row, document = self._place
        document = document or self._board.documents[0]
        view = None
        if row is not None and row is not self._board.compare and _is_open(row):
            view = self._board.view(document, row.spec.id)
        if view is None or not hasattr(view, "open_finder"):
            self._board.show_row(self._board.row("graph"))
            view = self._board.view(document, "graph")
        view.open_finder()  # type: ignore[attr-defined]

    def find_everywhere(self) -> None:
        FindEverywhere(self._board.documents, self._to_view, self._window).open()

    def fill(self) -> None:
        row = self._place[0] or self._board.filling or self._board.rows[0]
        self._board.toggle_fill(row)

    def show_recent(self) -> None:
        files = [
            Command(
                str(path), "", f"{path.name}   —   {path.parent}", (),
                partial(self._open_file, path),
            )
            for path in self._recent()
        ]  # fmt: skip
        CommandPalette(files, self._window, self.tr("Recent files")).open()

    def _focus_in(self, row: RowPane, document: Document) -> bool:
        """Whether a view of the row takes keys: that of a column, else one beside it."""
        if row.is_blank:
            return False
        beside = [each for each in self._board.documents if each is not document]
        return any(_focus(self._board.view(each, row.spec.id)) for each in (document, *beside))

    def _to_view(self, document: Document, view_id: str) -> None:
        self._board.show_row(self._board.row(view_id))
        _focus(self._board.view(document, view_id))

    @property
    def _place(self) -> tuple[RowPane | None, Document | None]:
        return self._board.place_of(QApplication.focusWidget())

    def _has_document(self) -> bool:
        return bool(self._board.documents)


def _is_open(row: RowPane) -> bool:
    return not (row.is_folded or row.is_blank)


def _focus(area: QWidget) -> bool:
    """Whether an area takes keys: what it names as its main part, else the first one that does."""
    main = getattr(area, "keys_go_to", None)
    for part in area.findChildren(QWidget) if main is None else (main,):
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isVisible() and part.isEnabled():
            part.setFocus(_REASON)
            return True
    return False
