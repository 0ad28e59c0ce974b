"""Colours for painters and palettes for widgets, light and dark."""

import zlib
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette

from profilers.analysis.operator_family import operator_family


@dataclass(frozen=True)
class Theme:
    """One value per meaning; painters ask for nothing else."""

    is_dark: bool
    window: QColor
    panel: QColor
    raised: QColor
    text: QColor
    muted: QColor
    grid: QColor
    accent: QColor
    selection: QColor
    warning: QColor
    error: QColor
    good: QColor

    def family_colour(self, name: str) -> QColor:
        """Colour of an operator or kernel name; the same family has the same colour everywhere."""
        return _family_colour(operator_family(name), self.is_dark)

    def hue_colour(self, hue: int) -> QColor:
        """A fill of the given hue (0 to 359) that reads well on this theme."""
        return QColor.fromHsl(hue, 140, 95 if self.is_dark else 165)

    def text_on(self, fill: QColor) -> QColor:
        """Black or white, whichever reads better on `fill`."""
        luminance = 0.299 * fill.red() + 0.587 * fill.green() + 0.114 * fill.blue()
        return QColor("#101418") if luminance > 140 else QColor("#ffffff")

    def palette(self) -> QPalette:
        palette = QPalette()
        role = QPalette.ColorRole
        for roles, colour in (
            ((role.Window, role.AlternateBase), self.window),
            ((role.Base, role.ToolTipBase), self.panel),
            ((role.Button,), self.raised),
            ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText), self.text),
            ((role.PlaceholderText, role.Mid), self.muted),
            ((role.Highlight, role.Link), self.accent),
            ((role.HighlightedText,), self.text_on(self.accent)),
            ((role.Light, role.Midlight), self.grid),
        ):
            for each in roles:
                palette.setColor(each, colour)
        for each in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, each, self.muted)
        return palette

    def palette_of_boxes(self) -> QPalette:
        """For check boxes, whose empty box is seen on a window and on a panel."""
        palette = self.palette()
        if self.is_dark:
            palette.setColor(QPalette.ColorRole.Base, self.grid)
        return palette


LIGHT = Theme(
    is_dark=False,
    window=QColor("#f3f4f6"),
    panel=QColor("#ffffff"),
    raised=QColor("#e9ebee"),
    text=QColor("#1b1f24"),
    muted=QColor("#667080"),
    grid=QColor("#dde1e6"),
    accent=QColor("#1f6feb"),
    selection=QColor("#d4720b"),
    warning=QColor("#9a6700"),
    error=QColor("#c0232c"),
    good=QColor("#1a7f37"),
)
DARK = Theme(
    is_dark=True,
    window=QColor("#1b1e23"),
    panel=QColor("#22262c"),
    raised=QColor("#2c3138"),
    text=QColor("#e4e7eb"),
    muted=QColor("#98a2b0"),
    grid=QColor("#363c45"),
    accent=QColor("#4d94ff"),
    selection=QColor("#ffa94d"),
    warning=QColor("#e3b341"),
    error=QColor("#ff7b72"),
    good=QColor("#56d364"),
)


def system_theme() -> Theme:
    """The theme that follows the system; light where the system does not say."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return DARK if scheme == Qt.ColorScheme.Dark else LIGHT


@cache
def _family_colour(family: str, is_dark: bool) -> QColor:
    hue = _FAMILY_HUES.get(family)
    if family in _NO_WORK:
        hue, saturation = _GREY_HUE, 25
    elif hue is None:
        hue = zlib.crc32(family.encode()) % 360
        saturation = 90
    else:
        saturation = 140
    return QColor.fromHsl(hue, saturation, 95 if is_dark else 165)


_GREY_HUE = 215
_NO_WORK = ("input", "variable")  # given, not computed: grey, which no operator is
_FAMILY_HUES = {
    "convolution": 212,
    "matmul": 265,
    "normalisation": 168,
    "attention": 300,
    "activation": 32,
    "pooling": 190,
    "elementwise": 52,
    "reduction": 12,
    "softmax": 340,
    "embedding": 100,
    "recurrent": 235,
    "copy": 140,
    "communication": 0,
}
