"""Widths of many texts at once, from the advances of single characters."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QFont, QFontMetricsF

from profilers.profile.table import Float64

_TABLE = 0x250  # Latin; other characters count as an em
_LONGEST = 200  # characters that are measured; boxes are cut long before


class TextWidths:
    """Of one font. Kerning is left out: boxes have more air than that."""

    def __init__(self, font: QFont) -> None:
        metrics = QFontMetricsF(font)
        self._advance = np.array([metrics.horizontalAdvance(chr(code)) for code in range(_TABLE)])
        self._other = metrics.horizontalAdvance("M") * 1.2

    def of(self, texts: Sequence[str]) -> Float64:
        """Width of each text in pixels."""
        cut = [text[:_LONGEST] for text in texts]
        codes = np.frombuffer("".join(cut).encode("utf-32-le", "surrogatepass"), np.uint32)
        known = codes < _TABLE
        advances = np.where(known, self._advance[np.where(known, codes, 0)], self._other)
        upto = np.concatenate(([0.0], np.cumsum(advances)))
        ends = np.cumsum([len(text) for text in cut], dtype=np.int64)
        begins = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(ends) else ends
        return upto[ends] - upto[begins]
