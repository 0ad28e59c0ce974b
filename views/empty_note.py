"""The sentence that stands in a view's place when there is nothing to draw."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from views.plain_label import PlainLabel


class EmptyNote(PlainLabel):
    """Why there is nothing, at the top of the room."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setContentsMargins(12, 12, 12, 12)
