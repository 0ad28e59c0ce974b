"""How high bands and lanes are drawn: as the font asks for, so that no name is cut."""

from dataclasses import dataclass

from PySide6.QtGui import QFont, QFontMetrics

_BESIDE_TEXT = 2  # pixels of a lane that are not text


@dataclass(frozen=True)
class Heights:
    """In pixels; the defaults are for fonts of up to 10 points."""

    lane: int = 17
    group: int = 20
    counter: int = 40
    busy: int = 30
    ticks: int = 20
    steps: int = 16

    @classmethod
    def of(cls, font: QFont) -> "Heights":
        text = QFontMetrics(font).height()
        lane = max(text + _BESIDE_TEXT, cls.lane)
        return cls(
            lane,
            group=max(lane, cls.group),
            counter=max(2 * lane, cls.counter),
            ticks=max(text + _BESIDE_TEXT, cls.ticks),
            steps=max(text + _BESIDE_TEXT, cls.steps),
        )
