"""A line of links that is one stop of the Tab key: arrows go from link to link."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QTextDocument
from PySide6.QtWidgets import QLabel, QWidget

from views.one_stop import ARROW_STEPS

_BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class LinkLabel(QLabel):
    """Rich text whose links are chosen with a click, or with arrows and Enter."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )

    def focusNextPrevChild(self, is_forward: bool) -> bool:
        return QWidget.focusNextPrevChild(self, is_forward)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in _BY_TAB:
            self._go(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = 0 if event.modifiers() else ARROW_STEPS.get(Qt.Key(event.key()), 0)
        if step:
            self._go(step)
        else:
            super().keyPressEvent(event)

    def _go(self, step: int) -> None:
        """To the link beside the one that is chosen, else to the first; at the ends it stays."""
        links = _links(self.text())
        here = (self.selectionStart(), len(self.selectedText()))
        at = links.index(here) + step if here in links else 0
        if 0 <= at < len(links):
            self.setSelection(*links[at])


def _links(text: str) -> list[tuple[int, int]]:
    """Where each link of rich text begins, and how many characters it has."""
    document = QTextDocument()
    document.setHtml(text)
    found: list[tuple[str, int, int]] = []
    parts = document.begin().begin()
    while not parts.atEnd():
        part = parts.fragment()
        link = part.charFormat().anchorHref()
        if found and found[-1][0] == link:  # of several looks
            found[-1] = (link, found[-1][1], found[-1][2] + part.length())
        else:
            found.append((link, part.position(), part.length()))
        parts += 1
    return [(at, length) for link, at, length in found if link]
