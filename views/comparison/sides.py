"""Where figures, waterfall and rows of a comparison stand."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from views.comparison.figure_table import FigureTable
from views.comparison.row_table import RowTable
from views.comparison.waterfall import Waterfall

_LEFT_SHARE = 0.48
_LEAST_WATERFALL, _LEAST_ROWS = 150, 220  # px


class Sides(QSplitter):
    """Figures and waterfall to the left of the rows; above them where figures need more width."""

    def __init__(
        self, figures: FigureTable, waterfall: Waterfall, rows: RowTable, parent: QWidget
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._figures, self._rows = figures, rows
        self._left = QSplitter(Qt.Orientation.Vertical)
        self._left.addWidget(figures)
        self._left.addWidget(waterfall)
        self._left.setStretchFactor(1, 1)
        self._left.splitterMoved.connect(self._leave_as_moved)
        self._is_moved = False
        self.addWidget(self._left)
        self.addWidget(rows)
        self._share_width()

    def fit(self) -> None:
        """All figures, as far as the waterfall keeps room for its longest bars; the rest is its own.

        Where the splitter was moved by hand, only what figures do not fill goes to the waterfall.
        """
        self._turn(is_narrow=self._figures.wanted_width() > _LEFT_SHARE * self.width())
        figures, waterfall = self._left.sizes()
        room, most = figures + waterfall, self._figures.maximumHeight()
        fits = min(figures, most) if self._is_moved else min(most, room - _LEAST_WATERFALL)
        if room and fits != figures:
            self._left.setSizes([fits, room - fits])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def _turn(self, *, is_narrow: bool) -> None:
        above = self._figures.maximumHeight() + _LEAST_WATERFALL if is_narrow else 0
        self._left.setMinimumHeight(above)
        self._rows.setMinimumHeight(_LEAST_ROWS if is_narrow else 0)
        wanted = Qt.Orientation.Vertical if is_narrow else Qt.Orientation.Horizontal
        if self.orientation() != wanted:
            self.setOrientation(wanted)
            if not is_narrow:
                self._share_width()

    def _share_width(self) -> None:
        self.setSizes([480, 520])

    def _leave_as_moved(self) -> None:
        self._is_moved = True
