"""Figures of both sides, the change, and how sure it is."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from profilers.analysis.comparison.figures import FigurePair, Verdict
from profilers.analysis.comparison.words import (
    format_change,
    format_interval,
    format_noise,
    format_value,
    verdict_sentence,
)
from views.table_actions import TableActions
from views.theme import Theme

_MARKS = {Verdict.BETTER: "▲", Verdict.WORSE: "▼", Verdict.OTHER: "◆", Verdict.SAME: "="}
_NAME_LETTERS = 18  # of a figure that can be read at least


class FigureTable(QTableWidget):
    """One line per figure, in the order given; a mark and a colour tell better from worse."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._figures: Sequence[FigurePair] = ()
        self.actions_on_it = TableActions(self, self, self._picked_rows)
        self.setAccessibleName(self.tr("Figures of A and B"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setAlternatingRowColors(True)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self._titles = [
            self.tr("Figure"), self.tr("A"), self.tr("B"), self.tr("B beside A"),
            self.tr("95 % interval"),
        ]  # fmt: skip
        self.setColumnCount(len(self._titles))
        self.setHorizontalHeaderLabels(self._titles)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)

    def shown_rows(self) -> list[int]:
        return list(range(len(self._figures)))

    def texts(self, rows: Iterable[int]) -> Iterator[list[str]]:
        """The titles, then the rows as they read."""
        yield list(self._titles)
        yield from (list(self._cells(self._figures[row])) for row in rows)

    def values(self, rows: Iterable[int]) -> Iterator[list[Any]]:
        """Titles, then names, units and numbers; "" for what is not known."""
        yield ["figure", "unit", "a", "b", "b_over_a", "b_over_a_low", "b_over_a_high"]
        for row in rows:
            pair = self._figures[row]
            ratio = pair.ratio
            edges = ("", "", "") if ratio is None else (ratio.value, ratio.low, ratio.high)
            known = ("" if each is None else each for each in (pair.a, pair.b))
            yield [pair.metric.title, pair.metric.unit.value, *known, *edges]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.actions_on_it.copy_rows()
        else:
            super().keyPressEvent(event)

    def _picked_rows(self) -> list[int]:
        return sorted({index.row() for index in self.selectedIndexes()})

    def show_figures(self, figures: Sequence[FigurePair]) -> None:
        self._figures = tuple(figures)
        self.setRowCount(len(figures))
        for line, pair in enumerate(figures):
            for column, text in enumerate(self._cells(pair)):
                item = QTableWidgetItem(text)
                side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(self._told(pair))
                self.setItem(line, column, item)
            change = self.item(line, 3)
            if change is not None and pair.verdict in (Verdict.BETTER, Verdict.WORSE):
                is_good = pair.verdict == Verdict.BETTER
                change.setForeground(self._theme.good if is_good else self._theme.error)
        self._fit_names()

    def wanted_width(self) -> int:
        """At which every column is whole."""
        others = sum(map(self.columnWidth, range(1, len(self._titles))))
        return self.sizeHintForColumn(0) + others + 2 * self.frameWidth()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_names()

    def _fit_names(self) -> None:
        """Names take what the figures leave, but stay readable: a narrow table scrolls sideways."""
        spare = self.viewport().width() - sum(map(self.columnWidth, range(1, len(self._titles))))
        readable = min(
            self.sizeHintForColumn(0), _NAME_LETTERS * self.fontMetrics().averageCharWidth()
        )
        self.setColumnWidth(0, max(spare, readable))
        self.setMaximumHeight(self._height_of_all(is_cut=spare < readable))

    def _height_of_all(self, *, is_cut: bool) -> int:
        """More would be empty; the room is better used by what stands below."""
        lines = self.horizontalHeader().height() + self.verticalHeader().length()
        bar = self.horizontalScrollBar().sizeHint().height() if is_cut else 0
        return lines + 2 * self.frameWidth() + bar

    def _cells(self, pair: FigurePair) -> tuple[str, ...]:
        unit = pair.metric.unit
        mark = _MARKS.get(pair.verdict, "")
        change = format_change(pair)
        return (
            pair.metric.title,
            format_value(pair.a, unit),
            format_value(pair.b, unit),
            f"{mark} {change}" if mark and change != "–" else change,
            format_noise(pair),
        )

    def _told(self, pair: FigurePair) -> str:
        lines = [verdict_sentence(pair)]
        for name, interval in (("A", pair.a_interval), ("B", pair.b_interval)):
            told = format_interval(interval, pair.metric.unit)
            if told:
                lines.append(self.tr("Median of {}: 95 % interval {}").format(name, told))
        return "\n".join(lines)
