"""A label of two sentences, the second one quiet, that any column is wide enough for."""

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QWidget

from views.theme import Theme

_LONGEST_WORD = 24  # characters that stay on one line
_MAY_BREAK = "\u200b"


class SentencesLabel(QLabel):
    """Both may hold text from a file, with words as long as a path: those break anywhere."""

    def __init__(self, text: str, quiet: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        first, second = (escape(_breakable(part), quote=False) for part in (text, quiet))
        self.setText(f'{first} <span style="color:{theme.muted.name()}">{second}</span>')
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """A path is copied as it is, without the places where it may break."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            QGuiApplication.clipboard().setText(self.selectedText().replace(_MAY_BREAK, ""))
        else:
            super().keyPressEvent(event)


def _breakable(text: str) -> str:
    return " ".join(
        word if len(word) <= _LONGEST_WORD else _MAY_BREAK.join(word) for word in text.split(" ")
    )
