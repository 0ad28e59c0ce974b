"""Names on slices: cut to the room there is, prepared once and drawn many times.

A frame may hold a thousand of them: laying each out anew took 12 ms, drawing prepared ones takes 2.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF, QStaticText

from profilers.analysis.kernel_names import short_kernel_name
from profilers.analysis.shared_scopes import without_scope

_LONGEST = 200
_ELLIPSIS = "…"


class SliceLabels:
    """Texts in one font, by string row; names that are too long leave out `scope`, if they have it."""

    def __init__(self, strings: Sequence[str], font: QFont, scope: str = "") -> None:
        self._strings = strings
        self._scope = scope
        self._font = font
        metrics = QFontMetricsF(font)
        self._advance = lru_cache(4096)(metrics.horizontalAdvance)
        self._ends = lru_cache(65_536)(self._ends_of)
        self._prepared = lru_cache(65_536)(self._prepare)
        self.height = metrics.height()

    def fitted(self, name: int, width: float) -> QStaticText | None:
        """The name as far as it fits into `width` pixels, None if not a letter does."""
        scope = ""
        ends = self._ends(name, scope)
        if self._scope and ends and ends[-1] > width:
            scope = self._scope
            ends = self._ends(name, scope)
        if not ends or ends[-1] <= width:
            return self._prepared(name, scope, len(ends)) if ends else None
        letters = bisect_right(ends, width - self._advance(_ELLIPSIS))
        return self._prepared(name, scope, letters) if letters else None

    def _text(self, name: int, scope: str) -> str:
        text = without_scope(short_kernel_name(self._strings[name]), scope)
        return text[:_LONGEST].replace("\n", " ")

    def _ends_of(self, name: int, scope: str) -> list[float]:
        """Where each letter ends, from the text's left."""
        return list(accumulate(map(self._advance, self._text(name, scope))))

    def _prepare(self, name: int, scope: str, letters: int) -> QStaticText:
        text = self._text(name, scope)
        shown = text if letters == len(text) else text[:letters].rstrip() + _ELLIPSIS
        prepared = QStaticText(shown)
        prepared.setTextFormat(Qt.TextFormat.PlainText)
        prepared.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
        prepared.prepare(font=self._font)
        return prepared
