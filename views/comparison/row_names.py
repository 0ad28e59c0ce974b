"""What rows of an explanation are called."""

from PySide6.QtCore import QObject

from profilers.analysis.comparison.rows import ExplainedRow, RowKind


class RowNames(QObject):
    """Translated names of rows and of their kinds."""

    def kind(self, kind: RowKind) -> str:
        return {
            RowKind.MATCHED: self.tr("In both"),
            RowKind.ONLY_A: self.tr("Only in A"),
            RowKind.ONLY_B: self.tr("Only in B"),
            RowKind.UNLINKED: self.tr("Not tied to the graph"),
            RowKind.BETWEEN: self.tr("Long pauses between operators"),
            RowKind.AROUND: self.tr("Before the first operator and after the last"),
            RowKind.CALL: self.tr("The model's own call"),
        }[kind]

    def of(self, row: ExplainedRow) -> str:
        return row.title or self.kind(row.kind)
