"""Opening a model that an installed library makes: type a few letters of its name."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QListWidget,
    QVBoxLayout,
    QWidget,
)

from app.jobs import Job
from profilers.models.library_names import folder_of, library_names
from profilers.models.model_code import LIBRARIES, parse_code
from views.plain_label import PlainLabel

_MOST_SHOWN = 200


class NameDialog(QDialog):
    """`chosen` gives a path such as ``torchvision:resnet18``."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Open a model by name"))
        self.resize(480, 420)
        self._names: list[str] = []
        self.search = QLineEdit()
        self.search.setPlaceholderText("torchvision:resnet18")
        self.search.setAccessibleName(self.tr("Name of the model"))
        self.search.textEdited.connect(self._filter)
        self.search.textChanged.connect(self._check)
        self.search.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Matching models"))
        self.list.currentTextChanged.connect(self._take)
        self.list.itemActivated.connect(lambda _: self.accept())
        self._note = PlainLabel(self._missing())
        self._note.setWordWrap(True)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self.open_button = buttons.button(QDialogButtonBox.StandardButton.Open)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._note)
        layout.addWidget(buttons)
        self._check("")
        self._job = Job(lambda _: _all_names(), self)
        self._job.done.connect(self._show_names)
        self._job.start()

    def accept(self) -> None:
        super().accept()
        self.chosen.emit(Path(self.search.text().strip()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down move in the list while the person types."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                row = min(max(self.list.currentRow() + step, 0), self.list.count() - 1)
                self.list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def done(self, result: int) -> None:
        self._job.drop()
        super().done(result)

    def _show_names(self, names: list[str]) -> None:
        self._names = names
        self._filter(self.search.text())

    def _filter(self, text: str) -> None:
        words = text.lower().replace(":", " ").split()
        found = [name for name in self._names if all(word in name.lower() for word in words)]
        with QSignalBlocker(self.list):
            self.list.clear()
            self.list.addItems(found[:_MOST_SHOWN])
            self.list.setCurrentRow(-1)

    def _take(self, name: str) -> None:
        if name:
            self.search.setText(name)

    def _check(self, text: str) -> None:
        code = parse_code(text)
        self.open_button.setEnabled(code is not None and not code.is_file)

    def _missing(self) -> str:
        missing = [library for library in LIBRARIES if folder_of(library) is None]
        if not missing:
            return ""
        return self.tr("Not installed in this Python: {}. Install with: pip install {}").format(
            ", ".join(missing), " ".join(missing)
        )


def _all_names() -> list[str]:
    """Short names first: the others are variants of theirs."""
    return [
        f"{library}:{name}"
        for library in LIBRARIES
        for name in sorted(library_names(library), key=len)
    ]
