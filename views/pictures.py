"""Any widget as a picture: on the clipboard, as PNG, or as SVG with its text and lines as such."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from views.svg_picture import svg_of


def picture_kinds() -> str:
    """What a dialog for a picture's file offers."""
    return QCoreApplication.translate("Pictures", "Pictures (*.svg *.png)")


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
            told = QCoreApplication.translate("Pictures", "the file could not be written")
            raise OSError(5, told)
        return
    path.write_text(svg_of(widget), encoding="utf-8")
