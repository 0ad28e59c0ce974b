"""Generated source with line numbers; comments and directives stand back."""

from PySide6.QtCore import QRect, QRegularExpression, QSize, Qt
from PySide6.QtGui import (
    QFontDatabase,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextDocument,
)
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from views.theme import Theme

_STANDS_BACK = QRegularExpression(r"//.*$|^\s*#.*$")
_KEYWORD = QRegularExpression(
    r"\b(?:auto|bool|break|case|const|constexpr|continue|def|else|float|for|if|import|in|int|int32_t"
    r"|int64_t|return|static_cast|struct|template|using|void|while)\b"
)


class SourceView(QPlainTextEdit):
    """Read only; lines are not wrapped."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAccessibleName(self.tr("Generated source"))
        self._highlighter = _Highlighter(self.document(), theme)
        self._numbers = _LineNumbers(self)
        self.blockCountChanged.connect(self._make_room)
        self.updateRequest.connect(self._scroll_numbers)
        self._make_room()

    @property
    def number_width(self) -> int:
        digits = len(str(max(self.blockCount(), 1)))
        return self.fontMetrics().horizontalAdvance("9") * digits + 12

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._numbers.setGeometry(
            QRect(inside.left(), inside.top(), self.number_width, inside.height())
        )

    def paint_numbers(self, painter: QPainter, dirty: QRect) -> None:
        """Numbers of the lines in sight."""
        painter.fillRect(dirty, self._theme.window)
        painter.setPen(self._theme.muted)
        painter.setFont(self.font())
        block, height = self.firstVisibleBlock(), self.fontMetrics().height()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= dirty.bottom():
            box = QRect(0, int(top), self.number_width - 6, height)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
            top += self.blockBoundingRect(block).height()
            block = block.next()

    def _make_room(self) -> None:
        self.setViewportMargins(self.number_width, 0, 0, 0)

    def _scroll_numbers(self, dirty: QRect, by: int) -> None:
        if by:
            self._numbers.scroll(0, by)
        else:
            self._numbers.update(0, dirty.y(), self._numbers.width(), dirty.height())


class _LineNumbers(QWidget):
    def __init__(self, source: SourceView) -> None:
        super().__init__(source)
        self._source = source

    def sizeHint(self) -> QSize:
        return QSize(self._source.number_width, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._source.paint_numbers(QPainter(self), event.rect())


class _Highlighter(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._muted, self._keyword = QTextCharFormat(), QTextCharFormat()
        self._muted.setForeground(theme.muted)
        self._keyword.setForeground(theme.accent)

    def highlightBlock(self, text: str) -> None:
        for pattern, form in ((_KEYWORD, self._keyword), (_STANDS_BACK, self._muted)):
            matches = pattern.globalMatch(text)
            while matches.hasNext():
                match = matches.next()
                self.setFormat(match.capturedStart(), match.capturedLength(), form)
