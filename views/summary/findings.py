"""What to know about a profile: a compact list, worst first."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from profilers.profile import Diagnostic, Severity
from views.summary.sentences import SentencesLabel
from views.theme import Theme

_MARKS = {Severity.INFO: "ℹ", Severity.WARNING: "⚠", Severity.ERROR: "✖"}
_TOP = Qt.AlignmentFlag.AlignTop


class FindingsList(QWidget):
    """A line per finding: its severity, how often it was found, what it is, what to do."""

    def __init__(
        self, diagnostics: tuple[Diagnostic, ...], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 4, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        for line, diagnostic in enumerate(sorted(diagnostics, key=lambda each: -each.severity)):
            self._add(line, diagnostic)

    def _add(self, line: int, diagnostic: Diagnostic) -> None:
        severity = Severity(diagnostic.severity)
        mark = _coloured(_MARKS[severity], self._severity_colour(severity))
        mark.setToolTip(self._severity_name(severity))
        self._grid.addWidget(mark, line, 0, _TOP)
        times = f"{diagnostic.count:,} ×" if diagnostic.count > 1 else ""
        count = _coloured(times, self._theme.muted)
        self._grid.addWidget(count, line, 1, _TOP | Qt.AlignmentFlag.AlignRight)
        text = SentencesLabel(diagnostic.message, diagnostic.remedy, self._theme)
        spoken = (self._severity_name(severity), times, diagnostic.message, diagnostic.remedy)
        text.setAccessibleName(" ".join(part for part in spoken if part))
        self._grid.addWidget(text, line, 2)

    def _severity_colour(self, severity: Severity) -> QColor:
        return {
            Severity.INFO: self._theme.accent,
            Severity.WARNING: self._theme.warning,
            Severity.ERROR: self._theme.error,
        }[severity]

    def _severity_name(self, severity: Severity) -> str:
        return {
            Severity.INFO: self.tr("Note"),
            Severity.WARNING: self.tr("Warning"),
            Severity.ERROR: self.tr("Error"),
        }[severity]


def _coloured(text: str, colour: QColor) -> QLabel:
    label = QLabel(text)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), colour)
    label.setPalette(palette)
    return label
