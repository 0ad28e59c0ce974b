"""The profile at a glance: figures, where they come from, and what to know about them."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from profilers.analysis.rank_time import rank_time
from profilers.analysis.summary_figures import Figure, figures_of
from views.context import ViewContext
from views.plain_tooltip import plain_tooltip
from views.summary.advice_list import AdviceList
from views.summary.findings import FindingsList
from views.summary.ranks import RanksSection
from views.summary.sweep import SweepSection
from views.theme import Theme

_TILES_PER_LINE = 5


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
        layout.addLayout(_tiles(self.figures, theme))
        self.advice = AdviceList(context)
        layout.addWidget(self.advice)
        layout.addWidget(FindingsList(profile.diagnostics, theme))
        if len(rank_time(profile)):
            layout.addWidget(RanksSection(profile, theme))
        if len(profile.sweep):
            layout.addWidget(SweepSection(profile, theme))
        layout.addWidget(_facts(context))
        layout.addStretch()
        self.setWidget(body)


def _tiles(figures: tuple[Figure, ...], theme: Theme) -> QGridLayout:
    grid = QGridLayout()
    grid.setSpacing(6)
    for at, figure in enumerate(figures):
        grid.addWidget(_tile(figure, theme), at // _TILES_PER_LINE, at % _TILES_PER_LINE)
    for column in range(_TILES_PER_LINE):
        grid.setColumnStretch(column, 1)
    return grid


def _tile(figure: Figure, theme: Theme) -> QFrame:
    tile = QFrame()
    tile.setAutoFillBackground(True)
    palette = tile.palette()
    palette.setColor(tile.backgroundRole(), theme.panel)
    tile.setPalette(palette)
    tile.setToolTip(figure.explanation)
    layout = QVBoxLayout(tile)
    layout.setContentsMargins(8, 4, 8, 4)
    layout.setSpacing(0)
    value = QLabel(figure.value)
    font = value.font()
    font.setPointSizeF(font.pointSizeF() * 1.35)
    font.setBold(True)
    value.setFont(font)
    value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    for label in (value, _muted(figure.label, theme), _muted(figure.note, theme)):
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label.setWordWrap(label is not value)
        layout.addWidget(label)
    layout.addStretch()
    tile.setAccessibleName(f"{figure.label}: {figure.value} {figure.note}")
    return tile


def _muted(text: str, theme: Theme) -> QLabel:
    label = QLabel(text)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), theme.muted)
    label.setPalette(palette)
    return label


def _facts(context: ViewContext) -> QWidget:
    environment = context.profile.environment
    facts = {
        _tr("Model"): environment.model_name,
        _tr("Framework"): environment.framework,
        _tr("Mode"): environment.mode,
        _tr("Device"): environment.device,
        **environment.facts,
        _tr("Memory from"): context.profile.memory.source,
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
            form.addRow(_muted(name, context.theme), value)
    return table


def _tr(text: str) -> str:
    return QCoreApplication.translate("SummaryView", text)
