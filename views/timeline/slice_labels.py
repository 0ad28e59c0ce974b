"""Names on slices: cut to the room there is, paths at their left, prepared once and drawn many times.

A frame may hold a thousand of them: laying each out anew took 12 ms, drawing prepared ones takes 2.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF, QStaticText

from profilers.analysis.kernel_names import short_kernel_name

_LONGEST = 200
_ELLIPSIS = "…"
_PATH = re.compile(r"\S*/(?=\S)")  # ``lstm_1/while/``, ``torch/nn/`` of what stands before a space
_LEAST_LEFT_OUT = 3  # letters; fewer are no scope: ``I/O``


class SliceLabels:
    """Texts in one font, by string row.

    Of a name that is too long its path goes first, part by part, or `scope` if it begins so: what
    tells an operator is its own name. That is cut at its right where it has no room either.
    """

    def __init__(self, strings: Sequence[str], font: QFont, scope: str = "") -> None:
        self._strings = strings
        self._scope = scope
        self._font = font
        metrics = QFontMetricsF(font)
        self._advance = lru_cache(4096)(metrics.horizontalAdvance)
        self._measured = lru_cache(65_536)(self._measure)
        self._prepared = lru_cache(65_536)(self._prepare)
        self.height = metrics.height()

    def fitted(self, name: int, width: float) -> QStaticText | None:
        """The name as far as it fits into `width` pixels, None if not a letter does."""
        ends, starts = self._measured(name)
        if not ends or ends[-1] <= width:
            return self._prepared(name, 0, len(ends)) if ends else None
        room = width - self._advance(_ELLIPSIS)
        for start in starts:
            if ends[-1] - ends[start - 1] <= room:
                return self._prepared(name, start, len(ends))
        own = starts[-1] if starts else 0
        end = bisect_right(ends, room + (ends[own - 1] if own else 0.0))
        return self._prepared(name, own, end) if end > own else None

    def _text(self, name: int) -> str:
        text = short_kernel_name(self._strings[name]).replace("\n", " ")
        if len(text) <= _LONGEST:
            return text
        return text[-_LONGEST:] if _PATH.match(text) else text[:_LONGEST]

    def _measure(self, name: int) -> tuple[list[float], list[int]]:
        """Where each letter ends, from the text's left, and at which letters it may begin instead."""
        text = self._text(name)
        path = _PATH.match(text)
        starts = {at + 1 for at in range(path.end()) if text[at] == "/"} if path else set()
        if self._scope and text.startswith(self._scope):
            starts.add(len(self._scope))
        possible = [each for each in starts if _LEAST_LEFT_OUT <= each < len(text)]
        return list(accumulate(map(self._advance, text))), sorted(possible)

    def _prepare(self, name: int, start: int, end: int) -> QStaticText:
        """The text from one letter to another, with a mark for what was left out.

        Only one: a name that is cut at its right needs the room that one at its left would take.
        """
        text = self._text(name)
        shown = text[start:end]
        if end < len(text):
            shown = shown.rstrip() + _ELLIPSIS
        elif start:
            shown = _ELLIPSIS + shown
        prepared = QStaticText(shown)
        prepared.setTextFormat(Qt.TextFormat.PlainText)
        prepared.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
        prepared.prepare(font=self._font)
        return prepared
