"""The profile at a glance: figures, where they come from, and what to know about them."""

from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.rank_time import rank_time
from profilers.analysis.summary_figures import figures_of
from views.context import ViewContext
from views.plain_tooltip import plain_tooltip
from views.summary.advice_list import AdviceList
from views.summary.findings import FindingsList
from views.summary.ranks import RanksSection
from views.summary.sweep import SweepSection
from views.summary.tiles import Tiles, muted

_LOWEST, _HIGHEST = 184, 320  # pixels


class SummaryView(QScrollArea):
    """Tiles with the main figures, then findings, then the environment."""

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Summary"))
        profile, theme = context.profile, context.theme
        self.figures = figures_of(profile)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(Tiles(self.figures, theme))
        self.advice = AdviceList(context)
        layout.addWidget(self.advice)
        layout.addWidget(FindingsList(profile.diagnostics, theme))
        if len(rank_time(profile)):
            layout.addWidget(RanksSection(profile, theme))
        if len(profile.sweep):
            layout.addWidget(SweepSection(profile, theme))
        layout.addWidget(_facts(context))
        layout.addStretch(1)
        self.setWidget(body)
        self.setMinimumHeight(_LOWEST)
        self._fitting = QTimer(self, singleShot=True, interval=0)
        self._fitting.timeout.connect(self._fit)
        self.advice.placed.connect(self._fitting.start)

    def _fit(self) -> None:
        """As high as all up to the first finding, so that it is not cut off; else within limits."""
        bottom = self.advice.y() + self.advice.first_bottom if self.advice.buttons else 0
        self.setMinimumHeight(min(max(bottom, _LOWEST), _HIGHEST))


def _facts(context: ViewContext) -> QWidget:
    environment, source = context.profile.environment, context.profile.memory.source
    facts = {
        _tr("Model"): environment.model_name,
        _tr("Framework"): environment.framework,
        _tr("Mode"): environment.mode,
        _tr("Device"): environment.device,
        **environment.facts,
        _tr("Memory from"): source[:1].upper() + source[1:],
        "SHA-256": environment.model_sha256[:16],
    }
    table = QWidget()
    form = QFormLayout(table)
    form.setContentsMargins(0, 6, 0, 0)
    form.setVerticalSpacing(1)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for name, text in facts.items():
        if text:
            value = QLabel(text)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setWordWrap(True)
            value.setMinimumWidth(1)  # a word that is wider than the window stays cut off
            value.setToolTip(plain_tooltip(text))
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(muted(name, context.theme), value)
    return table


def _tr(text: str) -> str:
    return QCoreApplication.translate("SummaryView", text)
