"""All rows of an explanation: time in A, time in B, ratio, share of the difference."""

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from profilers.analysis.comparison.explained import Explanation
from profilers.analysis.comparison.rows import TOLD_APART, ExplainedRow, RowKind
from profilers.analysis.comparison.words import format_share
from profilers.units import format_difference, format_duration, format_percent
from views.column_table import Column, ColumnTable
from views.comparison.row_names import RowNames
from views.name_column import name_column
from views.plain_label import PlainLabel
from views.theme import Theme

_LONGEST_NAME = 260  # px
_NAMES, _TIMES, _OF_BOTH_TIMES = (0, 6), (1, 2), (3, 4, 5)  # columns
_DIFFERENCE = 5
_NO_TIME = "–"  # of a model that was not run


class RowTable(QWidget):
    """Sorted by what explains most; the text filters layers and operators, the box kinds."""

    row_picked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = RowNames(self)
        self._explanation: Explanation | None = None
        self._is_timed = (False, False)
        self._texts: list[str] = []
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter layers and operators"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName(self.tr("Filter layers and operators"))
        self.kinds = QComboBox()
        self.kinds.setAccessibleName(self.tr("Kind of row"))
        self.summary = PlainLabel()
        self.table = ColumnTable(theme)
        self.table.setAccessibleName(self.tr("Where the difference comes from"))
        bar = QHBoxLayout()
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(self.filter, 1)
        bar.addWidget(self.kinds)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(bar)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.summary)
        self.filter.textChanged.connect(self._filter)
        self.kinds.currentIndexChanged.connect(self._filter)
        self.table.clicked.connect(self._pick)
        self.table.activated.connect(self._pick)

    def show_explanation(self, explanation: Explanation) -> None:
        self._explanation = explanation
        self._is_timed = explanation.a_ns > 0, explanation.b_ns > 0
        rows = explanation.rows
        self._texts = [
            " ".join((*row.titles, *row.operators, self._names.of(row))).lower() for row in rows
        ]
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(self.tr("All rows"), -1)
        for kind in RowKind:
            is_told = any(self._is_timed) or kind not in TOLD_APART
            if is_told and any(row.kind == kind for row in rows):
                self.kinds.addItem(self._names.kind(kind), int(kind))
        self.kinds.blockSignals(False)
        columns = self._columns(explanation)
        self.table.show_columns(columns, sort_by=_DIFFERENCE if all(self._is_timed) else 0)
        hidden = {
            *(() if any(self._is_timed) else _TIMES),
            *(() if all(self._is_timed) else _OF_BOTH_TIMES),
        }
        for at in range(len(columns)):
            self.table.setColumnHidden(at, at in hidden)
        for at in _NAMES:
            self.table.setColumnWidth(at, min(self.table.columnWidth(at), _LONGEST_NAME))
        self.table.fit_columns()
        self._filter()

    def select(self, row: int) -> None:
        self.table.select(np.array([row]))

    def _columns(self, found: Explanation) -> list[Column]:
        rows = found.rows
        a, b = (np.array([getattr(row, side) for row in rows], float) for side in ("a_ns", "b_ns"))
        difference = b - a
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(a > 0, b / a, np.where(b > 0, np.inf, 1.0))
        share = np.array([found.share(row) for row in rows], float)
        weight = np.abs(difference) / max(float(np.abs(difference).max(initial=0)), 1e-9)
        names = [self._names.of(row) for row in rows]
        twins = [self._twin(row) for row in rows]
        operators = [_operators(row) for row in rows]
        kinds = [self._names.kind(row.kind) for row in rows]
        counted = self.tr(
            "Per step; where it was timed without the profiler, too, less what recording each call "
            "took. With the operators count the code of their modules, where the trace has ranges of "
            "these, and the pause just before each, up to 1 ms. The model's own "
            "call is what is left before the first operator and after the last: checks of compiled code, "
            "in- and outputs, Python. With it counts the code of modules that only one side has around "
            "operators that both have"
        )
        return [
            name_column(self.tr("Layer in A"), names),
            Column(self.tr("Time in A"), a, lambda row: self._time(0, a[row]), tooltip=counted),
            Column(self.tr("Time in B"), b, lambda row: self._time(1, b[row]), tooltip=counted),
            Column(self.tr("B / A"), ratio, lambda row: _ratio(float(ratio[row]))),
            Column(
                self.tr("Share"),
                share,
                lambda row: format_share(found, rows[row]),
                tooltip=self.tr(
                    "Of the whole difference; all shares add up to 100 %. None are told where the "
                    "steps differ by no more than the noise"
                ),
            ),
            Column(
                self.tr("Difference"),
                np.abs(difference),
                lambda row: format_difference(float(difference[row])),
                weight,
                self.tr("B minus A, per step; sorted by its size"),
            ),
            name_column(self.tr("Layer in B"), twins),
            Column(self.tr("Operators"), np.array(operators, object), operators.__getitem__),
            Column(self.tr("Kind"), np.array(kinds, object), kinds.__getitem__),
        ]

    def _time(self, side: int, time_ns: float) -> str:
        return format_duration(time_ns) if self._is_timed[side] else _NO_TIME

    def _twin(self, row: ExplainedRow) -> str:
        return row.titles[1] if row.titles[0] else ""

    def _filter(self) -> None:
        found = self._explanation
        if found is None:
            return
        words, kind = self.filter.text().lower().split(), self.kinds.currentData()
        has_times = any(self._is_timed)
        mask = np.array(
            [
                (has_times or row.kind not in TOLD_APART)
                and (kind in (None, -1) or row.kind == kind)
                and all(word in text for word in words)
                for row, text in zip(found.rows, self._texts, strict=True)
            ],
            np.bool_,
        )
        self.table.columns.show_rows(mask)
        shown = [row for row, is_shown in zip(found.rows, mask.tolist(), strict=True) if is_shown]
        told = self.tr("{} of {} rows: {} in A, {} in B").format(
            f"{len(shown):,}",
            f"{len(found.rows):,}",
            self._time(0, sum(row.a_ns for row in shown)),
            self._time(1, sum(row.b_ns for row in shown)),
        )
        if not has_times:
            told = self.tr("Neither model was run, so there are no times to compare")
        elif not found.is_noise and all(self._is_timed):
            share = format_percent(sum(found.share(row) for row in shown)).replace("-", "−")
            told = self.tr("{}, {} of the difference").format(told, share)
        self.summary.setText(told)

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if rows:
            self.row_picked.emit(rows[0])


def _operators(row: ExplainedRow) -> str:
    here, there = row.operators
    return here if here == there or not there else f"{here} | {there}" if here else there


def _ratio(ratio: float) -> str:
    return "–" if np.isinf(ratio) else f"{ratio:.3g} ×"
