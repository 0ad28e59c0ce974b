"""One file on its way to a column."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from app.column_files import Beginning, Columns, open_columns
from app.document import Document
from app.jobs import Job
from profilers.models import ModelFile


class Opening:
    """One file on its way to a `document`, which a large trace has from its beginning on.

    `add` is given every document, and `compared` those of a file with how they were compared.
    """

    def __init__(
        self,
        path: Path,
        parent: QObject,
        add: Callable[[Document], object],
        compared: Callable[[list[Document], object], object],
    ) -> None:
        self.job = Job(lambda job: open_columns(path, job), parent)
        self.document: Document | None = None
        self._path = path
        self._add = add
        self._compared = compared

    def show_beginning(self, event: object) -> None:
        if not isinstance(event, Beginning):
            return
        if self.document is None:
            self.document = Document(self._path, event.profile)
            self.document.begin(self.job)
            self._add(self.document)
        else:
            self.document.show_profile(event.profile)

    def finish(self, found: Columns) -> None:
        shown = []
        for opened, sha256 in found.opened:
            if isinstance(opened, ModelFile):
                document = Document(self._path, opened.preview, opened, sha256)
                self._add(document)
            elif self.document is None:
                document = Document(self._path, opened)
                document.name = opened.name if len(found.opened) > 1 else ""
                self._add(document)
                shown.append(document)
            else:
                self.document.end()
                self.document.show_profile(opened)
        if found.comparison is not None and len(shown) == len(found.opened):
            self._compared(shown, found.comparison)
