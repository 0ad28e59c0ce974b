"""The sentence that stands in a view's place when there is nothing to draw."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel


def empty_note(text: str) -> QLabel:
    """Why there is nothing, at the top of the room."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    label.setContentsMargins(12, 12, 12, 12)
    return label
