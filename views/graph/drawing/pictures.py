"""The graph as SVG and PNG: what is in sight, or all of it."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QMarginsF, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from views.graph.drawing.layers import Viewport
from views.graph.drawing.painter import ScenePainter
from views.graph.scene import Scene
from views.svg_picture import with_known_fonts

_MARGIN = 16.0
_LONGEST_SIDE = 16_000  # pixels of a picture
_MOST_PIXELS = 120_000_000  # 480 MB while it is drawn
_SHARPNESS = 2.0  # pixels of a picture per pixel of the screen


def whole(scene: Scene) -> Viewport:
    """All of a scene, at full size."""
    area = QRectF(0, 0, scene.width, scene.height) + QMarginsF(*[_MARGIN] * 4)
    return Viewport(1.0, area.left(), area.top(), area.width(), area.height())


def drawn(painter: ScenePainter, scene: Scene, view: Viewport) -> QImage:
    """Twice as sharp as the screen, or less where that would be too large."""
    longest = max(view.width, view.height, 1.0)
    ratio = min(
        _SHARPNESS, _LONGEST_SIDE / longest, (_MOST_PIXELS / (view.width * view.height)) ** 0.5
    )
    size = QSize(max(int(view.width * ratio), 1), max(int(view.height * ratio), 1))
    image = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
    pen = QPainter(image)
    pen.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen.scale(ratio, ratio)
    painter.paint_to_file(pen, scene, view)
    pen.end()
    return image


def save(path: Path, painter: ScenePainter, scene: Scene, view: Viewport) -> None:
    """As SVG where the name ends in ``.svg``, else as PNG.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if path.suffix.lower() == ".svg":
        _save_svg(path, painter, scene, view)
    elif not drawn(painter, scene, view).save(str(path)):
        told = QCoreApplication.translate("GraphMenu", "{} cannot be written")
        raise OSError(told.format(path))


def _save_svg(path: Path, painter: ScenePainter, scene: Scene, view: Viewport) -> None:
    path.touch()
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setFileName(str(path))
    generator.setResolution(96)
    generator.setSize(QSize(int(view.width), int(view.height)))
    generator.setViewBox(QRectF(0, 0, view.width, view.height))
    generator.setTitle(QCoreApplication.translate("GraphMenu", "Model graph"))
    pen = QPainter(generator)
    painter.paint_to_file(pen, scene, view)
    pen.end()
    svg = path.read_text("utf-8", "replace")
    path.write_text(with_known_fonts(svg), encoding="utf-8")
