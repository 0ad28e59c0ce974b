"""Any widget as a picture: on the clipboard, as PNG, or as SVG with its text and lines as such."""

from pathlib import Path

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

PICTURES = "Pictures (*.svg *.png)"


def copy_picture(widget: QWidget) -> None:
    """Put what a widget shows on the clipboard."""
    QGuiApplication.clipboard().setPixmap(widget.grab())


def save_picture(widget: QWidget, path: Path) -> None:
    """As SVG where the name ends in ``.svg``, else as PNG.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    if path.suffix.lower() != ".svg":
        if not widget.grab().save(str(path), "PNG"):
            raise OSError(5, "the file could not be written")
        return
    with path.open("wb"):  # tells what is wrong with the place, which Qt does not
        pass
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(0, 0), widget.size()))
    generator.setResolution(96)
    painter = QPainter(generator)
    widget.render(painter, QPoint(0, 0))
    painter.end()
