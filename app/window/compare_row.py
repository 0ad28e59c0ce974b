"""The row that compares two columns; it spans all of them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.document import Document
from app.origin import origin_words
from app.window.row_pane import RowPane
from profilers.profile import KeptComparison, Profile
from views import ViewSpec
from views.comparison import ComparedColumn, ComparisonView
from views.selection import Selection
from views.theme import Theme

COMPARE_ID = "compare"
Apart = Callable[[], AbstractContextManager[None]]


class CompareRow(RowPane):
    """Shown while two columns or more are open; its view is built when it is first seen.

    `apart` gives a context in which columns do not follow each other's selection.
    """

    turns_asked = Signal(object, object)  # two documents

    def __init__(self, theme: Theme, apart: Apart, parent: QWidget | None = None) -> None:
        spec = ViewSpec(COMPARE_ID, self.tr("Compare"), "views.comparison", "ComparisonView")
        super().__init__(spec, parent)
        self._theme = theme
        self._apart = apart
        self._documents: list[Document] = []
        self._asked: tuple[list[Document], KeptComparison] | None = None  # until there is a view
        self.view: ComparisonView | None = None
        self.fold_changed.connect(self._refresh)
        self.setVisible(False)

    @property
    def has_two(self) -> bool:
        return len(self._documents) > 1

    def is_settled(self) -> bool:
        return self.view is None or self.view.is_settled()

    def set_documents(self, documents: Sequence[Document]) -> None:
        """Compare these, but for those that hold nothing yet."""
        self._documents = [each for each in documents if _holds_something(each.profile)]
        self.setVisible(self.has_two)
        self._refresh()

    def settings(self, documents: Sequence[Document]) -> KeptComparison | None:
        """How these are compared, by their places among them; None if the two compared are not both."""
        if self._asked is not None:
            held, settings = self._asked
        elif self.view is not None and self.view.settings is not None:
            held, settings = self._documents, self.view.settings
        else:
            return None
        places = {at: documents.index(each) for at, each in enumerate(held) if each in documents}
        return settings.moved(places)

    def set_settings(self, documents: Sequence[Document], settings: KeptComparison) -> None:
        """Compare these as they were compared elsewhere."""
        self._asked = (list(documents), settings)
        self._refresh()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.view is not None:
            settings = self.view.settings
            if settings is not None:
                self._asked = (list(self._documents), settings)
            self.view.leave()
            self.view = None
        self._refresh()

    def _refresh(self) -> None:
        if self.is_folded or not self.has_two:
            return
        if self.view is None:
            self.view = ComparisonView(self._theme, self._pick)
            self.view.turns_asked.connect(self.turns_asked)
            self.columns.addWidget(self.view)
        titles = told_apart(self._documents)
        self.view.set_columns(
            [
                ComparedColumn(
                    document, title, document.profile,
                    document.model is not None and document.request is not None,
                )
                for document, title in zip(self._documents, titles, strict=True)
            ]
        )  # fmt: skip
        if self._asked is not None:
            documents, settings = self._asked
            self._asked = None
            there = {
                at: self._documents.index(each)
                for at, each in enumerate(documents)
                if each in self._documents
            }
            moved = settings.moved(there)
            if moved is not None:
                self.view.set_settings(moved)

    def _pick(
        self,
        a: ComparedColumn,
        nodes_a: Sequence[int],
        slice_a: int,
        b: ComparedColumn,
        nodes_b: Sequence[int],
        slice_b: int,
    ) -> None:
        with self._apart():
            for column, nodes, row in ((a, nodes_a, slice_a), (b, nodes_b, slice_b)):
                assert isinstance(column.key, Document)
                _pick(column.key.selection, nodes, row)


def _holds_something(profile: Profile) -> bool:
    return bool(profile.graphs) or len(profile.trace.slices) + len(profile.memory.allocations) > 0


def told_apart(documents: Sequence[Document]) -> list[str]:
    """Titles, with what the runs have not in common where one title stands for several."""
    origins = [origin_words(document.profile.environment) for document in documents]
    common = set(origins[0]).intersection(*origins[1:]) if origins else set()
    titles = [document.title for document in documents]
    return [
        " · ".join([title, *(word for word in words if word not in common)])
        if titles.count(title) > 1
        else title
        for title, words in zip(titles, origins, strict=True)
    ]


def _pick(selection: Selection, nodes: Sequence[int], row: int) -> None:
    if nodes:
        selection.pick_nodes(nodes)
    elif row >= 0:
        selection.pick_slice(row)
    else:
        selection.clear()
