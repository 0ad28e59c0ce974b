"""What can be done with any table: copied as text or picture, and written to a file."""

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QTableView

from profilers import parquet_cells
from profilers.csv_cells import write_rows
from views.pictures import copy_picture, picture_kinds, save_picture

_PARQUET = ".parquet"


class Rows(Protocol):
    """What a table shows, by the caller's row numbers."""

    def shown_rows(self) -> list[int]: ...
    def texts(self, rows: Iterable[int]) -> Iterator[list[str]]: ...
    def values(self, rows: Iterable[int]) -> Iterator[list[Any]]: ...


class TableActions(QObject):
    """A right click offers them; the table itself asks for `copy_rows` at Ctrl+C.

    What is copied reads as on the screen; files have whole numbers, in ns and bytes.
    """

    def __init__(
        self, table: QTableView, columns: Rows, picked_rows: Callable[[], list[int]]
    ) -> None:
        super().__init__(table)
        self._table = table
        self._columns = columns
        self._picked_rows = picked_rows
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open)

    def copy_rows(self) -> None:
        """The selected rows under their titles, else all; tabs lie between cells."""
        rows = self._picked_rows() or self._columns.shown_rows()
        QGuiApplication.clipboard().setText(self.text(rows))

    def copy_all(self) -> None:
        QGuiApplication.clipboard().setText(self.text(self._columns.shown_rows()))

    def text(self, rows: Iterable[int]) -> str:
        """Rows as they read, with tabs between cells."""
        out = io.StringIO()
        write_rows(out, self._columns.texts(rows), delimiter="\t")
        return out.getvalue()

    def save(self, path: Path) -> None:
        """Write all rows that are shown as CSV, or as Parquet by the name; raises OSError."""
        rows = self._columns.shown_rows()
        if path.suffix.lower() == _PARQUET:
            parquet_cells.write_rows(path, self._columns.values(rows))
            return
        with path.open("w", newline="", encoding="utf-8", errors="replace") as out:
            write_rows(out, self._columns.values(rows))

    def menu(self) -> QMenu:
        menu, table = QMenu(self._table), self._table
        has_picked = bool(self._picked_rows())
        menu.addAction(self.tr("Copy the rows  (Ctrl+C)"), self.copy_rows).setEnabled(has_picked)
        menu.addAction(self.tr("Copy the whole table"), self.copy_all)
        menu.addAction(self.tr("Copy as picture"), lambda: copy_picture(table))
        menu.addSeparator()
        menu.addAction(self.tr("Save as CSV…"), lambda: self._ask("table.csv", "CSV (*.csv)"))
        if parquet_cells.can_write():
            name, kinds = f"table{_PARQUET}", f"Parquet (*{_PARQUET})"
            menu.addAction(self.tr("Save as Parquet…"), lambda: self._ask(name, kinds))
        menu.addAction(
            self.tr("Save the picture…"), lambda: self._ask("table.svg", picture_kinds())
        )
        return menu

    def _open(self, place: QPoint) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._table.viewport().mapToGlobal(place))

    def _ask(self, suggestion: str, kinds: str) -> None:
        title = self.tr("Save the table")
        name, _ = QFileDialog.getSaveFileName(self._table, title, suggestion, kinds)
        if not name:
            return
        path = Path(name)
        try:
            if path.suffix.lower() in (".csv", _PARQUET):
                self.save(path)
            else:
                save_picture(self._table, path)
        except OSError as error:
            told = error.strerror or str(error)
            text = self.tr("{} could not be written: {}").format(path.name, told)
            QMessageBox.warning(self._table, title, text)
