"""What devices leave undone and how busy they are: marks in idle gaps, area lanes, header texts."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from profilers.profile.table import Float64, Int64
from views.theme import Theme
from views.timeline.areas import paint_area, paint_picture, premultiplied
from views.timeline.busy import BusyTimes
from views.timeline.time_scale import TimeScale

SHORTEST_GAP_PIXELS = 4
GAP_HEIGHT = 5
_HATCH_PIXELS = 6


def paint_gaps(
    painter: QPainter, box: QRectF, work: BusyTimes, scale: TimeScale, theme: Theme, ratio: float
) -> None:
    """Hatch the foot of a stream's box where nothing ran for more than a few pixels.

    One picture for all gaps: a fill for each of them would cost 0.3 ms a lane.
    """
    shortest_ns = SHORTEST_GAP_PIXELS * scale.ns_per_pixel
    starts, ends = work.gaps(scale.begin_ns, scale.end_ns, shortest_ns)
    if not len(starts):
        return
    columns, rows = round(scale.width * ratio), round(GAP_HEIGHT * ratio)
    is_idle = _covered(starts, ends, scale, columns)
    diagonal = (np.arange(columns) + np.arange(rows)[:, None]) // max(round(ratio), 1)
    is_hatched = diagonal % _HATCH_PIXELS == 0
    hatch, tint = premultiplied(theme.error, 150), premultiplied(theme.error, 36)
    picture = np.where(is_idle, np.where(is_hatched, np.uint32(hatch), np.uint32(tint)), 0)
    paint_picture(painter, box.adjusted(0, box.height() - GAP_HEIGHT, 0, 0), picture)


def _covered(starts: Int64, ends: Int64, scale: TimeScale, columns: int) -> NDArray[np.bool_]:
    """Which pixel columns lie in one of the ranges."""
    per_ns = columns / (scale.end_ns - scale.begin_ns)
    change = np.zeros(columns + 1, np.int64)
    for times_ns, step in ((starts, 1), (ends, -1)):
        at = np.clip(np.round((times_ns - scale.begin_ns) * per_ns), 0, columns)
        np.add.at(change, at.astype(np.int64), step)
    return np.cumsum(change[:-1]) > 0


def paint_busy(
    painter: QPainter, box: QRectF, work: BusyTimes, edges: Float64, theme: Theme, ratio: float
) -> None:
    """Busy share of every pixel column; the line at the top stands for all of the time."""
    painter.setPen(theme.grid)
    painter.drawLine(box.topLeft(), box.topRight())
    paint_area(painter, box, work.shares(edges), theme.good, ratio)
