"""One model in every mode that runs it here: a queue of runs, and a table that fills as they end."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QProgressBar,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.jobs import Job
from app.matrix import MatrixRow, unavailable, variants_of
from app.matrix_text import FIRST_CALL, HEADINGS, cells_of, unmeasured_text
from app.pace import Pace
from app.report import write_matrix
from app.session import Session
from profilers.errors import Cancelled, TwinscopeError
from profilers.request import RunRequest
from profilers.worker_process import Progress
from views.plain_label import PlainLabel
from views.plain_tooltip import plain_tooltip

_TEXT_COLUMNS = 1  # from the left; the others are figures
_CELL_MARGIN = 14


class MatrixWindow(QDialog):
    """A double click, or Return, opens a row's profile as a column of the main window."""

    def __init__(
        self, session: Session, document: Document, base: RunRequest, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        assert document.model is not None
        self.setWindowTitle(self.tr("{} in every mode").format(document.title))
        self.resize(1400, 460)
        self._session = session
        self._base = base
        self._model = document.model
        self._variants = variants_of(document.model)
        self._rows: list[MatrixRow] = []
        self._pace = Pace(len(self._variants))
        self.table = self._empty_table()
        self.progress = QProgressBar()
        self.progress.setRange(0, 100 * max(len(self._variants), 1))
        self.note = PlainLabel(self._inputs_text(base, unavailable(document.model)))
        self.note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.cancel_button = QPushButton(self.tr("Cancel the runs"))
        self.copy_button = QPushButton(self.tr("Copy the table"))
        self.save_button = QPushButton(self.tr("Save as a page…"))
        self.open_button = QPushButton(self.tr("Open the profile"))
        for button in (
            self.cancel_button,
            self.copy_button,
            self.save_button,
            self.open_button,
        ):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        for each in buttons.findChildren(QPushButton):
            each.setAutoDefault(False)  # Return is for the table's row
        layout = QVBoxLayout(self)
        layout.addWidget(self.note)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.progress)
        layout.addWidget(buttons)
        self.table.itemActivated.connect(lambda item: self._open(item.row()))
        self.table.itemSelectionChanged.connect(self._check)
        self.open_button.clicked.connect(lambda: self._open(self.table.currentRow()))
        self.copy_button.clicked.connect(self._copy)
        self.save_button.clicked.connect(self._ask_page)
        self.cancel_button.clicked.connect(self._stop)
        buttons.rejected.connect(self.close)
        self._job: Job | None = session.run_matrix(self._variants, base, self._take)
        self._job.progressed.connect(self._tell)
        self._job.done.connect(self._end)
        self._job.failed.connect(self._end_early)
        self._check()

    def done(self, result: int) -> None:
        """Closed: what still runs is cancelled, and its last signals are waited for."""
        super().done(result)
        self._stop()
        if not self.is_running:
            self.deleteLater()

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def _empty_table(self) -> QTableWidget:
        table = QTableWidget(len(self._variants), len(HEADINGS))
        table.setHorizontalHeaderLabels([self.tr(heading) for heading in HEADINGS])
        first_call = table.horizontalHeaderItem(HEADINGS.index(FIRST_CALL))
        if first_call is not None:
            first_call.setToolTip(
                self.tr(
                    "From the loaded model to its first result: tracing, converting and compiling it, "
                    "whichever of these a mode does, and one step."
                )
            )
        table.setAccessibleName(self.tr("Figures of every mode"))
        table.verticalHeader().hide()
        table.setTabKeyNavigation(False)  # Tab leaves the table
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        for row, variant in enumerate(self._variants):
            table.setItem(row, 0, QTableWidgetItem(variant.title))
        table.resizeColumnsToContents()
        return table

    def _inputs_text(self, base: RunRequest, missing: list[tuple[str, str]]) -> str:
        inputs = ", ".join(spec.text for spec in base.inputs) or self.tr("as the model says")
        lines = [
            self.tr(
                "Inputs: {}. {} steps on {}. Errors are against the first row that runs."
            ).format(inputs, base.steps, base.device),
            *(self.tr("{} is left out: {}.").format(title, reason) for title, reason in missing),
        ]
        return "\n".join(lines)

    def _take(self, number: int, row: MatrixRow) -> None:
        is_reference = row.snapshot is not None and not any(each.snapshot for each in self._rows)
        self._rows.append(row)
        self._pace.end_one()
        self.progress.setValue(100 * (number + 1))
        if row.problem:
            self._show_problem(number, row.problem)
            return
        for column, text in enumerate(cells_of(row, is_reference=is_reference)):
            item = QTableWidgetItem(text)
            item.setToolTip(plain_tooltip(unmeasured_text(row)))
            if column >= _TEXT_COLUMNS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(number, column, item)
            wanted = self.table.fontMetrics().horizontalAdvance(text) + _CELL_MARGIN
            self.table.setColumnWidth(column, max(self.table.columnWidth(column), wanted))
        self._check()

    def _show_problem(self, number: int, problem: str) -> None:
        item = QTableWidgetItem("⚠ " + problem)
        item.setToolTip(plain_tooltip(problem))
        self.table.setSpan(number, 1, 1, len(HEADINGS) - 1)
        self.table.setItem(number, 1, item)
        self.table.resizeRowToContents(number)  # wrapped: columns keep the width of their figures

    def _tell(self, event: object) -> None:
        if isinstance(event, Progress) and len(self._rows) < len(self._variants):
            self.progress.setValue(100 * len(self._rows) + round(99 * event.fraction))
            left = self._pace.left
            self.progress.setFormat(
                f"{len(self._rows) + 1} / {len(self._variants)}  "
                f"{self._variants[len(self._rows)].title}: {event.stage}"
                + (f"  ({self.tr('about {} left').format(left)})" if left else "")
            )

    def _end(self) -> None:
        self._job = None
        self.progress.hide()
        self._check()
        if not self.isVisible():
            self.deleteLater()

    def _end_early(self, error: TwinscopeError) -> None:
        self._end()
        if isinstance(error, Cancelled):
            left = len(self._variants) - len(self._rows)
            self._add_note(
                self.tr("Cancelled: {} of {} did not run.").format(left, self.table.rowCount())
            )
        else:
            self._add_note(f"⚠ {error}")

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def _check(self) -> None:
        self.cancel_button.setEnabled(self.is_running)
        for button in (self.copy_button, self.save_button):
            button.setEnabled(bool(self._rows))
        self.open_button.setEnabled(self._row_at(self.table.currentRow()) is not None)

    def _row_at(self, number: int) -> MatrixRow | None:
        """A row that ran."""
        if not 0 <= number < len(self._rows) or self._rows[number].snapshot is None:
            return None
        return self._rows[number]

    def _open(self, number: int) -> None:
        row = self._row_at(number)
        if row is not None:
            self._session.open_row(row)

    def _copy(self) -> None:
        """As tab-separated text, which spreadsheets and chats take."""
        lines = [HEADINGS, *(self._texts(number) for number in range(len(self._rows)))]
        QApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))

    def _ask_page(self) -> None:
        suggestion = f"{self._model.path.stem}-matrix.html"
        title = self.tr("Save the table as a page")
        name, _ = QFileDialog.getSaveFileName(self, title, suggestion, "*.html")
        if name:
            self.save_page(Path(name))

    def save_page(self, path: Path) -> None:
        """The rows that ended so far, as one HTML file; written in the background."""
        rows = tuple(self._rows)
        self._session.write(
            lambda: write_matrix(self._model, self._base, rows, path),
            lambda: self._add_note(self.tr("Saved {}").format(path)),
        )

    def _add_note(self, text: str) -> None:
        self.note.setText(f"{self.note.text()}\n{text}")

    def _texts(self, number: int) -> tuple[str, ...]:
        items = (self.table.item(number, column) for column in range(len(HEADINGS)))
        return tuple(item.text() if item is not None else "" for item in items)
