"""Layers by QPainter: for files, and for the screen until the loops are compiled."""

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from views.graph.drawing.layers import ArrowLayer, BoxLayer, Layer, LineLayer, Viewport


def paint_layers(painter: QPainter, layers: Iterable[Layer], view: Viewport) -> None:
    """Paint in pixels of the viewport."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for layer in layers:
        match layer:
            case BoxLayer():
                _paint_boxes(painter, layer, view)
            case LineLayer():
                _paint_lines(painter, layer, view)
            case ArrowLayer():
                _paint_arrows(painter, layer, view)
    painter.restore()


def _paint_boxes(painter: QPainter, layer: BoxLayer, view: Viewport) -> None:
    boxes, rows, scale, border = layer.boxes, layer.rows, view.scale, layer.border
    more, shift = layer.grown, layer.shift
    left = (boxes.left[rows] - more + shift - view.left) * scale + border / 2
    top = (boxes.top[rows] - more + shift - view.top) * scale + border / 2
    width = (boxes.right[rows] - boxes.left[rows] + 2 * more) * scale - border
    height = (boxes.bottom[rows] - boxes.top[rows] + 2 * more) * scale - border
    for x, y, wide, high, fill, edge in zip(
        left.tolist(), top.tolist(), width.tolist(), height.tolist(),
        layer.fills[rows].tolist(), layer.borders[rows].tolist(), strict=True,
    ):  # fmt: skip
        painter.setPen(QPen(QColor.fromRgb(edge), border))
        painter.setBrush(QColor.fromRgb(fill))
        painter.drawRoundedRect(QRectF(x, y, wide, high), layer.radius, layer.radius)


def _paint_lines(painter: QPainter, layer: LineLayer, view: Viewport) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    colour = QColor.fromRgb(layer.colour)
    for row in layer.rows.tolist():
        own = slice(int(layer.start[row]), int(layer.start[row + 1]))
        x = (layer.x[own] - view.left) * view.scale
        y = (layer.y[own] - view.top) * view.scale
        points = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
        painter.setPen(QPen(colour, float(layer.widths[row])))
        painter.drawPolyline(points)


def _paint_arrows(painter: QPainter, layer: ArrowLayer, view: Viewport) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromRgb(layer.colour))
    x = (layer.x - view.left) * view.scale
    y = (layer.y - view.top) * view.scale
    for tip_x, tip_y, way in zip(x.tolist(), y.tolist(), layer.ways.tolist(), strict=True):
        back = tip_y - way * layer.length
        corners = [(tip_x, tip_y), (tip_x - layer.half, back), (tip_x + layer.half, back)]
        painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
