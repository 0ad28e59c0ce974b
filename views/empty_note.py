"""The sentence that stands in a view's place when there is nothing to draw."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from profilers.profile import Profile
from views.plain_label import PlainLabel


class EmptyNote(PlainLabel):
    """Why there is nothing, at the top of the room."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setContentsMargins(12, 12, 12, 12)


def why_nothing_ran(profile: Profile, of_a_model: str) -> str:
    """For a view of a profile without slices: `of_a_model` where it shows a model that was not run."""
    if profile.graphs or profile.environment.model_name:
        return of_a_model
    return QCoreApplication.translate("EmptyNote", "Nothing is recorded here.")
