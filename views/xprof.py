"""Tables of xprof's own converters, as they are: another tool's figures beside ours."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from profilers.profile import Report
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.empty_note import EmptyNote
from views.plain_label import PlainLabel

_LONGEST_FACT = 300
_LONGEST_FIGURE = 60  # letters of what is told with others in one line


class XprofView(QWidget):
    """One table at a time; a row that names nodes of the graph picks them."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._reports = context.profile.reports
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        if not self._reports:
            layout.addWidget(EmptyNote(self.tr("No other tool's tables came with this profile.")))
            return
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.tr("Table"))
        self.choice.addItems([report.title for report in self._reports])
        self._source = PlainLabel()
        self.facts = QLabel()
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setWordWrap(True)
        self.facts.setContentsMargins(4, 0, 4, 0)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Rows of the table"))
        bar = QHBoxLayout()
        bar.setContentsMargins(4, 2, 4, 0)
        bar.addWidget(self.choice)
        bar.addWidget(self._source)
        bar.addStretch()
        layout.addLayout(bar)
        layout.addWidget(self.facts)
        layout.addWidget(self.table, 1)
        self.choice.currentIndexChanged.connect(self._show)
        self.table.selectionModel().selectionChanged.connect(self._pick)
        self._show(0)

    def _show(self, number: int) -> None:
        report = self._reports[number]
        self._source.setText(
            self.tr("{} rows, from {}").format(f"{len(report.rows):,}", report.source)
        )
        self.facts.setText(_facts_text(report))
        self.facts.setVisible(bool(report.facts))
        self.table.setVisible(bool(report.rows))
        if report.rows:
            columns = _columns(report)
            self.table.show_columns(columns, sort_by=0)
            self.table.columns.set_columns(columns)  # in the order in which the tool gives the rows
            self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    def _pick(self) -> None:
        report = self._reports[self.choice.currentIndex()]
        texts = {cell for row in self.table.picked_rows() for cell in report.rows[row]}
        nodes, strings = self._context.profile.authored.nodes, self._context.profile.strings
        found = [
            row for row, name in enumerate(nodes.name.tolist()) if strings[name] in texts
        ] if texts else []  # fmt: skip
        if found:
            self._context.selection.pick_nodes(found)


def _facts_text(report: Report) -> str:
    """Figures in one paragraph, each sentence on a line of its own below them."""
    facts = {name: text[:_LONGEST_FACT] for name, text in report.facts.items()}
    figures = [
        f"{name}: {_grouped(text)}" for name, text in facts.items() if len(text) <= _LONGEST_FIGURE
    ]
    sentences = [text for text in facts.values() if len(text) > _LONGEST_FIGURE]
    return "\n".join(filter(None, ["   ·   ".join(figures), *sentences]))


def _columns(report: Report) -> list[Column]:
    columns = []
    for at, title in enumerate(report.columns):
        cells = [row[at] for row in report.rows]
        keys = _keys(cells)
        if keys.dtype.kind == "f" and not title.lower().endswith(" id"):
            cells = list(map(_grouped, cells))
        columns.append(Column(title, keys, cells.__getitem__))
    return columns


def _grouped(digits: str) -> str:
    """ "12,034.8" of "12034.8"."""
    whole, point, rest = digits.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.isdecimal() else digits


def _keys(cells: Sequence[str]) -> NDArray[np.generic]:
    """Numbers where every cell is one, else the texts."""
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return np.array(cells, object)
