"""Paints the edges of a scene: curves between rows, arrow heads, tensor shapes."""

from collections.abc import Callable, Set
from itertools import pairwise
from math import log2

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from views.graph.hierarchy import ROOT
from views.graph.scene import Line, Scene
from views.theme import Theme

_ARROWS_FROM, _SHAPES_FROM = 0.4, 0.95  # scales
_THINNEST = 0.8  # pixels on the screen
_BACKING_ALPHA = 190  # lets a line behind a text shine through, but not strike it out


class LinePainter:
    """`shape_text` gives the text of an edge's tensor shape, empty if it is not known."""

    def __init__(self, theme: Theme, shape_text: Callable[[int], str]) -> None:
        self._theme = theme
        self._shape_text = shape_text
        self._scene: Scene | None = None
        self._paths: dict[int, QPainterPath] = {}

    def paint(
        self, painter: QPainter, scene: Scene, sight: QRectF, scale: float, picked: Set[int]
    ) -> None:
        """Lines of picked boxes are drawn last, over the others."""
        if scene is not self._scene:
            self._scene, self._paths = scene, {}
        places = scene.lines_in(sight.left(), sight.top(), sight.right(), sight.bottom())
        is_marked = {
            at: scene.lines[at].source in picked or scene.lines[at].target in picked
            for at in places
        }
        for at in sorted(places, key=is_marked.__getitem__):
            self._paint_line(painter, at, scene.lines[at], scale, is_marked[at])
        if scale > _SHAPES_FROM:
            self._paint_shapes(painter, scene, [scene.lines[at] for at in places])

    def _paint_line(
        self, painter: QPainter, at: int, line: Line, scale: float, is_marked: bool
    ) -> None:
        colour = self._theme.selection if is_marked else self._theme.muted
        width = 1.8 if is_marked else 1.0 + min(log2(len(line.edges)), 3) * 0.5
        painter.setPen(QPen(colour, max(width, _THINNEST / scale)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if at not in self._paths:
            self._paths[at] = _curve(line)
        painter.drawPath(self._paths[at])
        if scale > _ARROWS_FROM and line.target != ROOT:
            _paint_arrow(painter, line, colour)

    def _paint_shapes(self, painter: QPainter, scene: Scene, lines: list[Line]) -> None:
        """Beside where an edge leaves its box; once where several leave together."""
        font = painter.font()
        small = painter.font()
        small.setPointSizeF(font.pointSizeF() * 0.82)
        painter.setFont(small)
        painter.setPen(self._theme.muted)
        metrics = painter.fontMetrics()
        backing = QColor(self._theme.panel)
        backing.setAlpha(_BACKING_ALPHA)
        texts: dict[tuple[float, float], set[str]] = {}
        for line in lines:
            texts.setdefault(line.points[0], set()).update(
                self._shape_text(edge) for edge in line.edges
            )
        for (x, y), found in texts.items():
            text = found.pop() if len(found) == 1 else ""
            box = QRectF(x + 4, y + 2, metrics.horizontalAdvance(text) + 2, metrics.height())
            if text and not _is_covered(scene, box):
                painter.fillRect(box, backing)
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.setFont(font)


def _is_covered(scene: Scene, text: QRectF) -> bool:
    """Whether a box would hide part of a text."""
    near = scene.boxes_in(text.left(), text.top(), text.right(), text.bottom())
    return any(not box.is_open for box in near)


def _curve(line: Line) -> QPainterPath:
    """Straight down past rows, an S between them."""
    path = QPainterPath(QPointF(*line.points[0]))
    for before, after in pairwise(line.points):
        if before[0] == after[0]:
            path.lineTo(*after)
        else:
            middle = (before[1] + after[1]) / 2
            path.cubicTo(before[0], middle, after[0], middle, *after)
    return path


def _paint_arrow(painter: QPainter, line: Line, colour: QColor) -> None:
    end = QPointF(*line.points[-1])
    side = -5.0 if line.points[-1][1] >= line.points[-2][1] else 5.0
    painter.setBrush(colour)
    painter.setPen(QPen(colour, 1.0))
    painter.drawPolygon([end, end + QPointF(-3, side), end + QPointF(3, side)])
