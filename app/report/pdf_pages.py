"""Pages that are filled from top to bottom with text and drawings."""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSizeF, Qt
from PySide6.QtGui import (
    QFont,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QTextDocument,
    QTextTable,
)
from PySide6.QtSvg import QSvgRenderer

_STYLE = """
h1 { font-size: 18pt; } h2 { font-size: 12pt; margin-top: 4pt; }
p, td, th { font-size: 8.5pt; } .note { color: #5d6776; font-size: 7.5pt; }
th { color: #5d6776; font-weight: normal; border-bottom: 1px solid #dde1e6; }
"""
_DPI = 96
_GAP = 6
_FOOT = 22
_FEWEST_ROWS = 4  # of a table below its heading


class PdfPages:
    """Lengths are 1/96 inch. What does not fit begins the next page."""

    def __init__(self, title: str) -> None:
        self._bytes = QByteArray()
        self._buffer = QBuffer(self._bytes)
        self._buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._writer = QPdfWriter(self._buffer)
        self._writer.setResolution(_DPI)
        self._writer.setTitle(title)
        self._writer.setCreator("Twinscope")
        self._writer.setPageLayout(
            QPageLayout(
                QPageSize(QPageSize.PageSizeId.A4),
                QPageLayout.Orientation.Portrait,
                QMarginsF(14, 14, 14, 12),
                QPageLayout.Unit.Millimeter,
            )
        )
        self._title = title
        self._painter = QPainter(self._writer)
        self._size = QSizeF(self._writer.width(), self._writer.height() - _FOOT)
        self._top = 0.0
        self._page = 1
        self._write_foot()

    def text(self, html: str) -> None:
        """A piece of HTML, whole on one page where it is no longer than that."""
        document = self._laid_out(html)
        self._make_room(document.size().height())
        self._paint(document)

    def table(self, html: str) -> None:
        """A heading and a table, which goes on below its head on as many pages as it takes."""
        document = self._laid_out(html)
        head, *rows = _row_begins(document)
        ends = [*rows[1:], document.size().height()]
        self._make_room(ends[min(_FEWEST_ROWS, len(ends)) - 1])
        begin = 0.0
        while begin < ends[-1]:
            if begin:
                self._new_page()
                self._paint_part(document, head, rows[0])
            room = self._size.height() - self._top
            fitting = [end for end in ends if begin < end <= begin + room]
            end = fitting[-1] if fitting else min(each for each in ends if each > begin)
            self._paint_part(document, begin, end)
            begin = end
        self._top += _GAP

    def svg(self, heading: str, svg: str) -> None:
        """A drawing as wide as the page, together with its heading."""
        renderer = QSvgRenderer(QByteArray(svg.encode()))
        renderer.setAspectRatioMode(Qt.AspectRatioMode.KeepAspectRatio)
        drawn = renderer.defaultSize()
        height = self._size.width() * drawn.height() / max(drawn.width(), 1)
        document = self._laid_out(heading) if heading else None
        self._make_room(height + (document.size().height() if document else 0))
        if document is not None:
            self._paint(document)
        renderer.render(self._painter, QRectF(0, self._top, self._size.width(), height))
        self._top += height + _GAP

    def finished(self) -> bytes:
        self._painter.end()
        self._buffer.close()
        return bytes(self._bytes.data())

    def _laid_out(self, html: str) -> QTextDocument:
        document = QTextDocument()
        document.setDocumentMargin(0)
        document.documentLayout().setPaintDevice(self._writer)
        document.setDefaultFont(QFont("sans-serif", 9))
        document.setDefaultStyleSheet(_STYLE)
        document.setHtml(html)
        document.setTextWidth(self._size.width())
        return document

    def _make_room(self, height: float) -> None:
        if self._top and self._top + height > self._size.height():
            self._new_page()

    def _new_page(self) -> None:
        self._writer.newPage()
        self._page += 1
        self._top = 0.0
        self._write_foot()

    def _paint(self, document: QTextDocument) -> None:
        self._paint_part(document, 0, document.size().height())
        self._top += _GAP

    def _paint_part(self, document: QTextDocument, begin: float, end: float) -> None:
        """What lies between two heights of it."""
        self._painter.save()
        self._painter.translate(0, self._top - begin)
        document.drawContents(self._painter, QRectF(0, begin, self._size.width(), end - begin))
        self._painter.restore()
        self._top += end - begin

    def _write_foot(self) -> None:
        box = QRectF(0, self._size.height() + 4, self._size.width(), _FOOT - 4)
        self._painter.setFont(QFont("sans-serif", 7))
        self._painter.setPen(Qt.GlobalColor.gray)
        self._painter.drawText(box, Qt.AlignmentFlag.AlignLeft, self._title[:90])
        self._painter.drawText(box, Qt.AlignmentFlag.AlignRight, str(self._page))
        self._painter.setPen(Qt.GlobalColor.black)


def _row_begins(document: QTextDocument) -> list[float]:
    """Where the rows of its one table begin, its head's first."""
    (table,) = (each for each in document.rootFrame().childFrames() if isinstance(each, QTextTable))
    layout, padding = document.documentLayout(), table.format().toTableFormat().cellPadding()
    return [
        min(
            layout.blockBoundingRect(table.cellAt(row, at).firstCursorPosition().block()).top()
            for at in range(table.columns())
        )
        - padding
        for row in range(table.rows())
    ]
