"""A widget as SVG, with its text and lines as such.

Qt's own generator clips nothing, so that tables run over their scroll bars and drawings over what is
beside them. Each widget therefore becomes an ``<svg>`` of its own inside of its parent's, which
readers clip at its edges. Shapes in nanoseconds and bytes get the coordinates of the picture: browsers
lose what lies beyond a few 10^9.
"""

import re
from collections.abc import Iterator
from html import escape
from itertools import count

from PySide6.QtCore import QBuffer, QPoint, QRect, Qt
from PySide6.QtGui import QFont, QFontInfo, QPainter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

_DOTS_PER_INCH = 96
_BODY = re.compile(r"</desc>(?P<body>.*)</svg>", re.DOTALL)
_NAMED = re.compile(r'(\bid="|url\(#|href="#)')
_FAMILY = re.compile(r'font-family="([^"]*)"')
_EMPTY = re.compile(r"<g [^>]*>\s*</g>\s*|<defs>\s*</defs>\s*")
_TRANSFORMED = re.compile(
    r'(?P<head><g [^>]*)transform="matrix\((?P<matrix>[^)]*)\)"(?P<body>[^>]*>.*?</g>)', re.DOTALL
)
_POINTS = re.compile(r'(?:(?<= d=")|(?<=points="))[^"]*')
_PAIR = re.compile(r"(-?[\d.]+(?:e[-+]?\d+)?),(-?[\d.]+(?:e[-+]?\d+)?)")
_TINY = 1e-3  # scales of axes whose numbers are no pixels
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
)


def svg_of(widget: QWidget) -> str:
    """What the widget shows, with all widgets in it."""
    flag = QWidget.RenderFlag.DrawWindowBackground
    parts = "".join(_parts(widget, flag, count()))
    size = f'width="{widget.width()}" height="{widget.height()}"'
    box = f'viewBox="0 0 {widget.width()} {widget.height()}"'
    return with_known_fonts(f"{_HEAD}{size} {box}>\n{parts}</svg>\n")


def with_known_fonts(svg: str) -> str:
    """Fonts by the names that they go by here, each with another for where it is not installed."""
    return _FAMILY.sub(_known_font, svg)


def _parts(widget: QWidget, flag: QWidget.RenderFlag, numbers: Iterator[int]) -> Iterator[str]:
    yield _own(widget, flag, next(numbers))
    for child in widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if child.isWindow() or not child.isVisibleTo(widget) or child.size().isEmpty():
            continue
        yield (
            f'<svg x="{child.x()}" y="{child.y()}" width="{child.width()}" '
            f'height="{child.height()}" overflow="hidden">\n'
        )
        yield from _parts(child, QWidget.RenderFlag.IgnoreMask, numbers)
        yield "</svg>\n"


def _own(widget: QWidget, flag: QWidget.RenderFlag, number: int) -> str:
    """What the widget paints itself; ids in it are told apart by the number."""
    content = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(content)
    generator.setSize(widget.size())
    generator.setViewBox(QRect(QPoint(0, 0), widget.size()))
    generator.setResolution(_DOTS_PER_INCH)
    painter = QPainter(generator)
    QWidget.render(widget, painter, QPoint(0, 0), QRegion(), flag)  # views of scenes have another
    painter.end()
    body = _BODY.search(bytes(content.data().data()).decode("utf-8", "replace"))
    if body is None:
        return ""
    drawn = _TRANSFORMED.sub(_in_pixels, _EMPTY.sub("", body["body"]))
    return _NAMED.sub(rf"\g<1>w{number}-", drawn)


def _in_pixels(group: re.Match[str]) -> str:
    """A group of shapes without its matrix, where that only scales far down."""
    a, b, c, d, e, f = map(float, group["matrix"].split(","))
    is_far = max(map(abs, (a, b, c, d))) < _TINY
    if not is_far or re.search(r"<(?!path|polyline|/g)", group["body"]):
        return group[0]

    def moved(pair: re.Match[str]) -> str:
        x, y = float(pair[1]), float(pair[2])
        return f"{a * x + c * y + e:.2f},{b * x + d * y + f:.2f}"

    points = _POINTS.sub(lambda found: _PAIR.sub(moved, found[0]), group["body"])
    return f"{group['head']}{points}"


def _known_font(family: re.Match[str]) -> str:
    name = QFontInfo(QFont(family[1])).family()
    return f'font-family="{escape(name, quote=True)}, sans-serif"'
