"""Tiles with the main figures: as many beside each other as their values have room."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from profilers.analysis.summary_figures import Figure
from views.plain_label import PlainLabel
from views.theme import Theme

_MOST_PER_LINE = 5
_SPACING, _SIDE = 6, 8
_VALUE_SIZE = 1.35  # of the font


class Tiles(QWidget):
    """Equally wide, in lines of at most five."""

    def __init__(
        self, figures: Sequence[Figure], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tiles = [_tile(figure, theme) for figure in figures]
        self._narrowest = max((_narrowest(tile) for tile in self._tiles), default=1)
        self._per_line = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_SPACING)
        self._arrange(_MOST_PER_LINE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        room = (self.width() + _SPACING) // (self._narrowest + _SPACING)
        self._arrange(min(max(room, 1), _MOST_PER_LINE))

    def _arrange(self, per_line: int) -> None:
        if per_line == self._per_line:
            return
        self._per_line = per_line
        for at, tile in enumerate(self._tiles):
            self._grid.addWidget(tile, at // per_line, at % per_line)
        for column in range(_MOST_PER_LINE):
            self._grid.setColumnStretch(column, 1 if column < per_line else 0)


def _narrowest(tile: QFrame) -> int:
    """Room for the value and for the longest word below it."""
    value, *below = tile.findChildren(PlainLabel)
    words = " ".join(label.text() for label in below).split()
    metrics = tile.fontMetrics()
    longest = max((metrics.horizontalAdvance(word) for word in words), default=0)
    return max(value.sizeHint().width(), longest + 2) + 2 * _SIDE


def _tile(figure: Figure, theme: Theme) -> QFrame:
    tile = QFrame()
    tile.setAutoFillBackground(True)
    palette = tile.palette()
    palette.setColor(tile.backgroundRole(), theme.panel)
    tile.setPalette(palette)
    tile.setToolTip(figure.explanation)
    layout = QVBoxLayout(tile)
    layout.setContentsMargins(_SIDE, 4, _SIDE, 4)
    layout.setSpacing(0)
    value = PlainLabel(figure.value)
    font = value.font()
    font.setPointSizeF(font.pointSizeF() * _VALUE_SIZE)
    font.setBold(True)
    value.setFont(font)
    value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    for label in (value, muted(figure.label, theme), muted(figure.note, theme)):
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        label.setWordWrap(label is not value)
        layout.addWidget(label)
    layout.addStretch()
    tile.setAccessibleName(f"{figure.label}: {figure.value} {figure.note}")
    return tile


def muted(text: str, theme: Theme) -> QLabel:
    """A label in the quiet colour."""
    label = PlainLabel(text)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), theme.muted)
    label.setPalette(palette)
    return label
