"""What costs time or memory in a profile, with what to try; a click picks what it rests on."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMoveEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QToolButton, QWidget

from profilers.analysis.advice import Finding, findings
from profilers.units import format_bytes, format_duration
from views.context import ViewContext
from views.one_stop import OneStop
from views.summary.sentences import SentencesLabel

_TOP = Qt.AlignmentFlag.AlignTop


class AdviceList(QWidget):
    """A line per finding, the costliest first: its cost as a button, what it is, what to try."""

    placed = Signal()  # elsewhere, or in another size

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.buttons: list[QToolButton] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        for line, finding in enumerate(findings(context.profile)):
            self._add(line, finding)
        OneStop(self.buttons, self)
        if not self.buttons:
            self.hide()

    @property
    def first_bottom(self) -> int:
        """Where the first finding ends, from the top of the list."""
        text = self._grid.itemAtPosition(0, 1)
        return text.geometry().bottom() + self._grid.verticalSpacing() if text is not None else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.placed.emit()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self.placed.emit()

    def _add(self, line: int, finding: Finding) -> None:
        button = QToolButton()
        button.setText(self._cost(finding))
        button.setEnabled(bool(finding.slices or finding.nodes))
        button.setToolTip(self.tr("Pick what this rests on"))
        button.setAccessibleName(self.tr("Pick what this rests on: {}").format(finding.what))
        button.clicked.connect(lambda: self._pick(finding))
        self.buttons.append(button)
        self._grid.addWidget(button, line, 0, _TOP | Qt.AlignmentFlag.AlignRight)
        text = SentencesLabel(finding.what, finding.advice, self._context.theme)
        text.setAccessibleName(f"{finding.what} {finding.advice}")
        self._grid.addWidget(text, line, 1)

    def _cost(self, finding: Finding) -> str:
        if finding.cost_bytes:
            return format_bytes(finding.cost_bytes)
        return self.tr("{} per step").format(format_duration(finding.cost_ns))

    def _pick(self, finding: Finding) -> None:
        selection = self._context.selection
        if finding.nodes:
            selection.pick_nodes(finding.nodes)
        else:
            selection.pick_slices(finding.slices)
