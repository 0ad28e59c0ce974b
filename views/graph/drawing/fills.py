"""Colours of boxes as 32-bit numbers, and as arrays of them."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from profilers.profile.table import Float64

Colours = NDArray[np.uint32]

_STEPS = 64
_BEND = 0.6  # of the scale: small figures must show, too


def number(colour: QColor) -> int:
    """0xAARRGGBB, opaque."""
    return int(colour.rgb()) | 0xFF000000


def ramp(cold: QColor, hot: QColor) -> Colours:
    """Evenly spaced colours between two."""
    ends = np.array([(each.red(), each.green(), each.blue()) for each in (cold, hot)], np.float64)
    shares = np.linspace(0.0, 1.0, _STEPS)[:, None]
    levels = np.rint(ends[0] + (ends[1] - ends[0]) * shares).astype(np.uint32)
    colours: Colours = 0xFF000000 | (levels[:, 0] << 16) | (levels[:, 1] << 8) | levels[:, 2]
    return colours.astype(np.uint32)


def on_ramp(values: Float64, highest: float, colours: Colours, unknown: int) -> Colours:
    """Colours of values between 0 and `highest`; negative values are not known."""
    share = np.clip(values / highest if highest > 0 else values * 0.0, 0.0, 1.0)
    at = np.rint(share**_BEND * (len(colours) - 1)).astype(np.int64)
    return np.where(values >= 0, colours[at], np.uint32(unknown)).astype(np.uint32)


def darker(colours: Colours, percent: int) -> Colours:
    """As QColor.darker, nearly: each channel divided by percent / 100."""
    parts = [((colours >> shift) & 255) * 100 // percent << shift for shift in (16, 8, 0)]
    made: Colours = np.uint32(0xFF000000) | (parts[0] | parts[1] | parts[2]).astype(np.uint32)
    return made
