"""Where the picked node lies: the scopes around it, from the outside in."""

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from views.graph.model import StageModel
from views.graph.structure.hierarchy import ROOT
from views.link_label import LinkLabel

_LONGEST = 40  # characters of one part
_MOST_PARTS = 12


class Breadcrumbs(LinkLabel):
    """A click on a part shows that box."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Scopes around the picked node"))
        self.setMinimumWidth(1)
        self.setContentsMargins(6, 0, 6, 0)
        self.linkActivated.connect(lambda item: self.chosen.emit(int(item)))

    def show_path(self, model: StageModel, item: int) -> None:
        """The boxes around an item, and itself; `ROOT` for the whole graph."""
        inner = [item, *model.hierarchy.ancestors(item)] if item != ROOT else []
        parts = [
            (ROOT, self.tr("whole graph")),
            *((each, model.titles.title(each)) for each in inner[::-1]),
        ]
        if len(parts) > _MOST_PARTS:
            parts = [*parts[:2], (parts[2][0], "…"), *parts[3 - _MOST_PARTS :]]
        links = [f"<a href='{each}'>{escape(_cut(title))}</a>" for each, title in parts]
        self.setText("&nbsp;▸ ".join(links))


def _cut(title: str) -> str:
    return title if len(title) <= _LONGEST else title[: _LONGEST - 1] + "…"
