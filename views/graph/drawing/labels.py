"""Text on boxes and edges, where it can be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QStaticText

from profilers.profile.table import Int64
from views.graph.drawing.fills import Colours
from views.graph.drawing.layers import Viewport
from views.graph.model import StageModel
from views.graph.scene import Scene
from views.graph.scene_builder import TITLE_HEIGHT
from views.theme import Theme

READABLE = 0.5  # scale from which boxes have text
_TWO_LINES = 0.66  # and from which they have their second line
_MARGIN = 8.0
_SMALL = 0.82  # size of tensor shapes beside edges
_BACKING_ALPHA = 190  # lets a line behind a text shine through, but not strike it out
_MOST_KEPT = 20_000


@dataclass(frozen=True)
class _Line:
    """A text of a box, at a place in it and `width` wide, in scene units."""

    text: QStaticText
    x: float
    y: float
    width: float
    is_bold: bool


class Labels:
    """Keeps texts laid out for the scale that was painted last.

    `badge` gives the text in the upper right corner of an item's box.
    """

    def __init__(
        self, theme: Theme, model: StageModel, font: QFont, badge: Callable[[int], str]
    ) -> None:
        self._theme = theme
        self._model = model
        self._font = font
        self._badge = badge
        self._scale = 0.0
        self._kept: dict[tuple[int, bool, float], list[_Line]] = {}
        self._shapes: dict[str, tuple[QStaticText, float]] = {}

    def forget(self) -> None:
        """Badges have other texts from now on."""
        self._kept.clear()

    def paint(
        self, painter: QPainter, scene: Scene, rows: Int64, fills: Colours, view: Viewport
    ) -> None:
        """Texts of the boxes of `rows`, whose colours are `fills`."""
        if view.scale < READABLE:
            return
        self._fit(view.scale)
        plain, bold = self._fonts(view.scale)
        boxes, is_bold = scene.boxes, None
        pen: int | None = None
        for row in rows.tolist():
            left, top = float(boxes.left[row]), float(boxes.top[row])
            fill = int(fills[row])
            if fill != pen:
                pen = fill
                painter.setPen(self._theme.text_on(QColor.fromRgb(fill)))
            lines = self._lines(scene, row)
            if boxes.is_open[row]:  # its title stays in sight while its left end is not
                spare = float(boxes.right[row]) - left - 2 * _MARGIN - lines[0].width
                left += min(max(view.left - left, 0.0), max(spare, 0.0))
            x, y = (left - view.left) * view.scale, (top - view.top) * view.scale
            for line in lines:
                if line.is_bold is not is_bold:
                    is_bold = line.is_bold
                    painter.setFont(bold if is_bold else plain)
                painter.drawStaticText(
                    QPointF(x + line.x * view.scale, y + line.y * view.scale), line.text
                )

    def paint_shapes(
        self, painter: QPainter, scene: Scene, texts: Sequence[tuple[float, float, str]],
        view: Viewport,
    ) -> None:  # fmt: skip
        """Texts beside places of the scene, where no box hides them."""
        self._fit(view.scale)
        font = QFont(self._font)
        font.setPointSizeF(max(self._font.pointSizeF() * _SMALL * view.scale, 1.0))
        painter.setFont(font)
        painter.setPen(self._theme.muted)
        metrics = QFontMetricsF(font)
        backing = QColor(self._theme.panel)
        backing.setAlpha(_BACKING_ALPHA)
        for x, y, text in texts:
            if text not in self._shapes:
                self._shapes[text] = _static(text, font), metrics.horizontalAdvance(text)
            laid_out, width = self._shapes[text]
            at = QPointF((x - view.left) * view.scale + 4, (y - view.top) * view.scale + 2)
            high = metrics.height()
            if not _is_covered(scene, x, y, (width + 6) / view.scale, (high + 2) / view.scale):
                painter.fillRect(QRectF(at.x(), at.y(), width + 2, high), backing)
                painter.drawStaticText(at, laid_out)

    def _fit(self, scale: float) -> None:
        """Texts are laid out for one scale."""
        if scale != self._scale or len(self._kept) > _MOST_KEPT:
            self._kept.clear()
            self._shapes.clear()
            self._scale = scale

    def _fonts(self, scale: float) -> tuple[QFont, QFont]:
        plain = QFont(self._font)
        plain.setPointSizeF(max(self._font.pointSizeF() * scale, 1.0))
        bold = QFont(plain)
        bold.setBold(True)
        return plain, bold

    def _lines(self, scene: Scene, row: int) -> list[_Line]:
        boxes = scene.boxes
        item, is_open = int(boxes.item[row]), bool(boxes.is_open[row])
        width = float(boxes.right[row] - boxes.left[row])
        key = (item, is_open, width)
        lines = self._kept.get(key)
        if lines is None:
            height = float(boxes.bottom[row] - boxes.top[row])
            made = self._open_lines if is_open else self._closed_lines
            lines = self._kept[key] = made(item, width, height)
        return lines

    def _open_lines(self, item: int, width: float, height: float) -> list[_Line]:
        text = f"▾ {self._model.titles.open_title(item)}"
        room = width - 2 * _MARGIN
        laid_out, wide, high = self._line(text, room, Qt.TextElideMode.ElideRight, is_bold=False)
        return [_Line(laid_out, _MARGIN, (TITLE_HEIGHT - high) / 2, wide, False)]

    def _closed_lines(self, item: int, width: float, height: float) -> list[_Line]:
        model, room = self._model, width - 2 * _MARGIN
        has_two = self._scale >= _TWO_LINES
        share = height / 2 if has_two else height
        lines = []
        badge = self._badge(item)
        if badge:
            text, wide, high = self._line(badge, room, Qt.TextElideMode.ElideRight, is_bold=False)
            lines.append(_Line(text, width - _MARGIN - wide, (share - high) / 2 + 1, wide, False))
            room -= wide + 4
        mark = "▸ " if model.hierarchy.is_container(item) else ""
        middle = Qt.TextElideMode.ElideMiddle
        title = mark + model.titles.title(item)
        text, wide, high = self._line(title, room, middle, is_bold=True)
        lines.append(_Line(text, _MARGIN, (share - high) / 2 + 1, wide, True))
        if has_two:
            room = width - 2 * _MARGIN
            text, wide, high = self._line(model.titles.subtitle(item), room, middle, is_bold=False)
            lines.append(_Line(text, _MARGIN, share + (share - high) / 2 - 1, wide, False))
        return lines

    def _line(
        self, text: str, room: float, cut: Qt.TextElideMode, *, is_bold: bool
    ) -> tuple[QStaticText, float, float]:
        """A text cut to its room, with its width and height; lengths in scene units."""
        font = self._fonts(self._scale)[int(is_bold)]
        metrics = QFontMetricsF(font)
        text = metrics.elidedText(text[:400], cut, room * self._scale)
        width = metrics.horizontalAdvance(text) / self._scale
        return _static(text, font), width, metrics.height() / self._scale


def _static(text: str, font: QFont) -> QStaticText:
    made = QStaticText(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.prepare(font=font)
    return made


def _is_covered(scene: Scene, x: float, y: float, width: float, height: float) -> bool:
    """Whether a box would hide part of a text."""
    rows = scene.boxes.touching(x + 1, y + 1, x + width, y + height)
    return bool((~scene.boxes.is_open[rows]).any())
