"""Layers to pixels by the compiled loops: what the screen shows."""

from collections.abc import Iterable
from types import ModuleType

import numpy as np
from PySide6.QtGui import QImage

from views.graph.drawing.layers import ArrowLayer, BoxLayer, Layer, LineLayer, Viewport


class Raster:
    """Keeps its pixels from one picture to the next."""

    def __init__(self) -> None:
        self._pixels = np.empty((0, 0), np.uint32)

    def draw(
        self,
        loops: ModuleType,
        layers: Iterable[Layer],
        view: Viewport,
        ratio: float,
        background: int,
    ) -> QImage:
        """A picture of `ratio` device pixels per pixel; it is valid until the next one."""
        shape = max(round(view.height * ratio), 1), max(round(view.width * ratio), 1)
        if self._pixels.shape != shape:
            self._pixels = np.empty(shape, np.uint32)
        pixels = self._pixels
        pixels.fill(background)
        scale = view.scale * ratio
        place = scale, -view.left * scale, -view.top * scale
        for layer in layers:
            match layer:
                case BoxLayer():
                    boxes, more, shift = layer.boxes, layer.grown, layer.shift
                    x, y = place[1] + shift * scale, place[2] + shift * scale
                    loops.raster_boxes(
                        pixels, scale, x, y, layer.rows,
                        _moved(boxes.left, -more), _moved(boxes.top, -more),
                        _moved(boxes.right, more), _moved(boxes.bottom, more),
                        layer.radius * ratio, layer.border * ratio, layer.fills, layer.borders,
                    )  # fmt: skip
                case LineLayer():
                    loops.raster_lines(
                        pixels, *place, layer.rows, layer.x, layer.y, layer.start,
                        layer.widths * ratio, layer.colour,
                    )  # fmt: skip
                case ArrowLayer():
                    loops.raster_arrows(
                        pixels, *place, layer.x, layer.y, layer.ways,
                        layer.length * ratio, layer.half * ratio, layer.colour,
                    )  # fmt: skip
        image = QImage(
            pixels.data, shape[1], shape[0], shape[1] * 4, QImage.Format.Format_ARGB32_Premultiplied
        )
        image.setDevicePixelRatio(ratio)
        return image


def _moved(values: np.ndarray, by: float) -> np.ndarray:
    return values + by if by else values
