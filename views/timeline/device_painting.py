"""What devices leave undone and how busy they are: marks in idle gaps, area lanes, header texts."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter

from profilers.profile.table import Float64
from views.theme import Theme
from views.timeline.areas import paint_area
from views.timeline.busy import BusyTimes
from views.timeline.time_scale import TimeScale

SHORTEST_GAP_PIXELS = 4
GAP_HEIGHT = 5


def paint_gaps(
    painter: QPainter, box: QRectF, work: BusyTimes, scale: TimeScale, theme: Theme
) -> None:
    """Hatch the foot of a stream's box where nothing ran for more than a few pixels."""
    shortest_ns = SHORTEST_GAP_PIXELS * scale.ns_per_pixel
    starts, ends = work.gaps(scale.begin_ns, scale.end_ns, shortest_ns)
    hatch = QColor(theme.error)
    hatch.setAlpha(150)
    tint = QColor(theme.error)
    tint.setAlpha(36)
    for begin_ns, end_ns in zip(starts.tolist(), ends.tolist(), strict=True):
        left = max(scale.x_of(begin_ns), -2.0)
        right = min(scale.x_of(end_ns), scale.width + 2.0)
        gap = QRectF(left, box.bottom() - GAP_HEIGHT, right - left, GAP_HEIGHT)
        painter.fillRect(gap, tint)
        painter.fillRect(gap, QBrush(hatch, Qt.BrushStyle.BDiagPattern))


def paint_busy(
    painter: QPainter, box: QRectF, work: BusyTimes, edges: Float64, theme: Theme, ratio: float
) -> None:
    """Busy share of every pixel column; the line at the top stands for all of the time."""
    painter.setPen(theme.grid)
    painter.drawLine(box.topLeft(), box.topRight())
    paint_area(painter, box, work.shares(edges), theme.good, ratio)
