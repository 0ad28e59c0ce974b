"""Area lanes: one value per pixel column, filled from the lane's floor, drawn as one picture."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from profilers.profile.table import Float64

_FILL_ALPHA = 70


def paint_area(
    painter: QPainter, box: QRectF, heights: Float64, colour: QColor, ratio: float
) -> None:
    """`heights` has one share of the box's height per device pixel column; NaN draws nothing."""
    rows = max(round(box.height() * ratio), 1)
    is_known = ~np.isnan(heights)
    top = np.where(is_known, np.round(rows * (1.0 - np.nan_to_num(heights))), rows)
    top = np.minimum(top, rows - 1).astype(np.int64)
    # A column's line reaches down to its lower neighbour's, so that the outline has no holes.
    left, right = np.append(top[:1], top[:-1]), np.append(top[1:], top[-1:])
    foot = np.maximum(top, np.maximum(left, right))
    row = np.arange(rows)[:, None]
    picture = np.zeros((rows, len(heights)), np.uint32)
    picture[(row > top) & is_known] = premultiplied(colour, _FILL_ALPHA)
    picture[(row >= top) & (row <= foot) & is_known] = premultiplied(colour, 255)
    paint_picture(painter, box, picture)


def paint_picture(painter: QPainter, box: QRectF, picture: NDArray[np.uint32]) -> None:
    """`picture` has premultiplied 0xAARRGGBB, one row per device pixel row."""
    rows, columns = picture.shape
    picture = np.ascontiguousarray(picture, np.uint32)
    image = QImage(
        picture.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32_Premultiplied
    )
    painter.drawImage(box, image)


def premultiplied(colour: QColor, alpha: int) -> int:
    """0xAARRGGBB of a colour made see-through; `alpha` is 0 to 255."""
    red, green, blue = (
        part * alpha // 255 for part in (colour.red(), colour.green(), colour.blue())
    )
    return alpha << 24 | red << 16 | green << 8 | blue
