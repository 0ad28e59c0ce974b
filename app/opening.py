"""One file on its way to a column."""

from pathlib import Path
from typing import TYPE_CHECKING

from app.column_files import Beginning, Columns, open_columns
from app.document import Document
from app.jobs import Job
from profilers.errors import TwinscopeError
from profilers.models import ModelFile

if TYPE_CHECKING:
    from app.session import Session


class Opening:
    """One file on its way to a document, which a large trace has from its beginning on."""

    def __init__(self, session: "Session", path: Path) -> None:
        self.job = Job(lambda job: open_columns(path, job), session)
        self._session = session
        self._path = path
        self._place = session.next_place()
        self._document: Document | None = None

    def show_beginning(self, event: object) -> None:
        if not isinstance(event, Beginning):
            return
        if self._document is None:
            self._document = Document(self._path, event.profile)
            self._document.begin(self.job)
            self._session.add(self._document, place=self._place)
        else:
            self._document.show_profile(event.profile)

    def finish(self, found: Columns) -> None:
        shown = []
        for opened, sha256 in found.opened:
            if isinstance(opened, ModelFile):
                document = Document(self._path, opened.preview, opened, sha256)
                self._session.add(document, place=self._place)
            elif self._document is None:
                document = Document(self._path, opened)
                document.name = opened.name if len(found.opened) > 1 else ""
                self._session.add(document, place=self._place)
                shown.append(document)
            else:
                self._document.end()
                self._document.show_profile(opened)
        if found.comparison is not None and len(shown) == len(found.opened):
            self._session.comparison_opened.emit(shown, found.comparison)

    def fail(self, error: TwinscopeError) -> None:
        if self._document is None:
            self._session.failed.emit(error)
        else:
            self._session.end_failed(self._document, error)
