"""The list of differences between this column's graph and another's."""

import numpy as np
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.pairing.differences import DifferenceKind
from views.column_table import Column, ColumnTable
from views.context import ViewContext
from views.counterpart import Comparison
from views.plain_label import PlainLabel


class DifferenceList(QWidget):
    """Kind, name and sentence of each difference; a click picks its nodes in both columns.

    Buttons with a count hide and show a kind; the text filters names and sentences.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counterpart = context.counterpart
        self._comparison: Comparison | None = None
        self.other = QComboBox()
        self.other.setAccessibleName(self.tr("Compared with"))
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter differences"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName(self.tr("Filter differences"))
        self.kinds: dict[DifferenceKind, QToolButton] = {}
        self._chips = QHBoxLayout()
        self._chips.setSpacing(4)
        self.note = PlainLabel()
        self.note.setWordWrap(True)
        self.note.setContentsMargins(6, 4, 6, 4)
        self.table = ColumnTable(context.theme)
        self.table.setAccessibleName(self.tr("Differences"))
        bar = QHBoxLayout()
        bar.addWidget(self.other)
        bar.addWidget(self.filter, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(3)
        layout.addLayout(bar)
        layout.addLayout(self._chips)
        layout.addWidget(self.note)
        layout.addWidget(self.table, 1)
        self.other.activated.connect(self._counterpart.show_comparison)
        self.filter.textChanged.connect(self._filter_rows)
        self.table.clicked.connect(self._pick)
        self.table.activated.connect(self._pick)
        self._counterpart.changed.connect(self._show)
        self._show()

    def kind_title(self, kind: DifferenceKind) -> str:
        return {
            DifferenceKind.ONLY_HERE: self.tr("Only here"),
            DifferenceKind.ONLY_THERE: self.tr("Only there"),
            DifferenceKind.SHAPE: self.tr("Shape"),
            DifferenceKind.DTYPE: self.tr("Dtype"),
            DifferenceKind.OPERATOR: self.tr("Operator"),
            DifferenceKind.ATTRIBUTE: self.tr("Attribute"),
            DifferenceKind.FUSED_THERE: self.tr("Fused there"),
            DifferenceKind.FUSED_HERE: self.tr("Fused here"),
        }[kind]

    def _show(self) -> None:
        comparisons = self._counterpart.comparisons
        self._comparison = self._counterpart.shown
        self.other.clear()
        self.other.addItems([comparison.title for comparison in comparisons])
        if self._comparison is not None:
            self.other.setCurrentIndex(list(comparisons).index(self._comparison))
        self.other.setVisible(len(comparisons) > 1)
        self._show_kinds()
        self._show_rows()

    def _show_kinds(self) -> None:
        while item := self._chips.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        self.kinds = {}
        counts = self._comparison.counts() if self._comparison else {}
        for kind, count in counts.items():
            chip = QToolButton()
            chip.setText(f"{self.kind_title(kind)} {count:,}")
            chip.setCheckable(True)
            chip.setChecked(True)
            chip.setAutoRaise(True)
            chip.toggled.connect(self._filter_rows)
            self._chips.addWidget(chip)
            self.kinds[kind] = chip
        self._chips.addStretch(1)

    def _show_rows(self) -> None:
        comparison = self._comparison
        has_rows = comparison is not None and len(comparison.differences) > 0
        self.note.setText(self._reason(comparison))
        self.note.setVisible(not has_rows)
        for widget in (self.table, self.filter):
            widget.setVisible(has_rows)
        if comparison is None or not has_rows:
            return
        by_kind = {int(kind): self.kind_title(kind) for kind in DifferenceKind}
        titles = [by_kind[kind] for kind in comparison.differences.kind.tolist()]
        columns = [
            Column(title, np.array(texts, object), texts.__getitem__)
            for title, texts in (
                (self.tr("Kind"), titles),
                (self.tr("Name"), comparison.names),
                (self.tr("Difference"), comparison.sentences),
            )
        ]
        self.table.show_columns(columns, 0)
        self._filter_rows()

    def _reason(self, comparison: Comparison | None) -> str:
        """Why there is nothing to list."""
        if comparison is None:
            return self.tr("Open a second model to see what differs: its graph is compared here.")
        return self.tr("The graph of {} does the same as this one.").format(comparison.title)

    def _filter_rows(self) -> None:
        if self._comparison is None:
            return
        wanted = [int(kind) for kind, chip in self.kinds.items() if chip.isChecked()]
        mask = np.isin(self._comparison.differences.kind, wanted)
        words = self.filter.text().lower().split()
        if words:
            told = zip(self._comparison.names, self._comparison.sentences, strict=True)
            texts = [f"{name} {sentence}".lower() for name, sentence in told]
            mask &= np.array([all(word in text for word in words) for text in texts], np.bool_)
        self.table.columns.show_rows(mask)

    def _pick(self) -> None:
        rows = self.table.picked_rows()
        if rows and self._comparison is not None:
            self._comparison.pick(rows[0])
