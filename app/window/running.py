"""From "Run…" to a running capture: how to run, whether to trust, where missing code lies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app.capturing import model_to_trust
from app.document import Document
from app.session import Session
from app.window.run_dialog import RunDialog
from app.window.trust_dialog import TrustDialog
from profilers.errors import TwinscopeError
from profilers.models import ModelFile
from profilers.request import RunRequest
from profilers.trust import content_digest


class Running(QObject):
    """Asks what must be asked, over `window`, and hands the request to the session."""

    def __init__(
        self, session: Session, window: QWidget, tell: Callable[[TwinscopeError], None]
    ) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._tell = tell
        self._agreed: dict[str, set[str]] = {}  # digests, and with which source folders

    def ask(self, document: Document) -> None:
        """Show how the model would be run, and run it so when the person agrees."""
        if document.model is None or document.is_busy:
            return
        try:
            dialog = RunDialog(document.model, document.request, self._window)
        except TwinscopeError as error:
            self._tell(error)
            return
        dialog.accepted.connect(lambda: self.run(document, dialog.request))
        dialog.open()

    def run(self, document: Document, request: RunRequest) -> None:
        """Run at once where everything is harmless or trusted, else ask first."""
        self.when_trusted(document, request, lambda agreed: self._session.run(document, agreed))

    def when_trusted(
        self, document: Document, request: RunRequest, act: Callable[[RunRequest], object]
    ) -> None:
        """Hand the request on where everything is harmless or trusted, or once the person agrees."""
        self._when_agreed(document, request, act, self._session.trust.holds)

    def ask_source_folder(self, document: Document) -> None:
        """Let the person show where the model's own code lies, and run again with that.

        To the file itself they agreed before the run that lacked the code.
        """
        request = document.request
        if request is None:
            return
        chosen = QFileDialog.getExistingDirectory(
            self._window, self.tr("Folder of the model's own code"), str(document.path.parent)
        )
        if chosen:
            self._when_agreed(
                document,
                replace(request, source_folder=chosen),
                lambda agreed: self._session.run(document, agreed),
                lambda sha256: sha256 in self._agreed or self._session.trust.holds(sha256),
            )

    def _when_agreed(
        self,
        document: Document,
        request: RunRequest,
        act: Callable[[RunRequest], object],
        is_trusted: Callable[[str], bool],
    ) -> None:
        """`is_trusted` tells by digest whether the file itself needs no question any more."""
        if document.model is None:
            return
        try:
            asks = model_to_trust(document.model, request)
        except TwinscopeError as error:
            self._tell(error)
            return
        if asks is None:
            act(replace(request, trusted=False))
            return
        is_model = asks is document.model
        sha256 = document.sha256 if is_model else content_digest(asks.path)
        agreed = replace(request, trusted=True, model_sha256=sha256 if is_model else "")
        dangers = () if is_trusted(sha256) else asks.dangers
        folder = request.source_folder if Path(request.source_folder).is_dir() else ""
        is_new = bool(folder) and folder not in self._agreed.get(sha256, ())
        if not dangers and not is_new:
            act(agreed)
            return
        dialog = TrustDialog(asks.path.name, dangers, folder, self._window)

        def trust() -> None:
            self._agreed.setdefault(sha256, set()).add(folder)
            if dialog.remember.isChecked():
                self._remember(asks, sha256)
            act(agreed)

        dialog.accepted.connect(trust)
        dialog.open()

    def _remember(self, trusted: ModelFile, sha256: str) -> None:
        try:
            self._session.trust.add(sha256, trusted.path.name)
        except OSError as error:
            self._tell(
                TwinscopeError(
                    self.tr("That {} is trusted is not remembered").format(trusted.path.name),
                    error.strerror or str(error),
                    self.tr("It runs all the same."),
                )
            )
