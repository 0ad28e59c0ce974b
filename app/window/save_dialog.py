"""What goes into a snapshot: columns, parts, and whose names; with the size before saving."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QGroupBox,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.sharing import Sharing, size_of_shared
from profilers.profile import KeptComparison
from profilers.snapshot.parts import PARTS
from profilers.units import format_bytes
from views.background import Latest

Compared = Callable[[Sequence[Document]], KeptComparison | None]


class SaveDialog(QDialog):
    """Everything of one column is chosen at first. The size is computed in the background.

    `compared` tells how documents are compared, which the file holds, too.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        chosen: Document,
        compared: Compared,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._compared = compared
        self.setWindowTitle(self.tr("Save a snapshot"))
        self._documents = list(documents)
        self.columns = [QCheckBox(_plain(document.title)) for document in documents]
        for box, document in zip(self.columns, documents, strict=True):
            same_file = document.path == chosen.path and document.unsaved_snapshot is None
            box.setChecked(document is chosen or (same_file and chosen.unsaved_snapshot is None))
            box.setEnabled(not document.is_busy)
        self.parts = {part.id: QCheckBox(part.title) for part in PARTS}
        for part in PARTS:
            self.parts[part.id].setToolTip(part.hint)
            self.parts[part.id].setChecked(True)
        self.anonymise = QCheckBox(self.tr("Without paths, users, hosts, source lines and dates"))
        self.anonymise.setToolTip(
            self.tr("The finished file is searched for them before it gets its name")
        )
        self.hash_names = QCheckBox(self.tr("Layers, tensors and parameters as hashes"))
        self.hidden = QLineEdit()
        self.hidden.setPlaceholderText(self.tr("More words to hide, separated by commas"))
        self.hidden.setAccessibleName(self.tr("More words to hide"))
        self.size_label = QLabel()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._sizes = Latest(self)
        self._lay_out()
        self._connect()
        self._follow()

    @property
    def chosen(self) -> list[Document]:
        """The columns that go into the file, from left to right."""
        pairs = zip(self.columns, self._documents, strict=True)
        return [document for box, document in pairs if box.isChecked()]

    @property
    def sharing(self) -> Sharing:
        left_out = frozenset(name for name, box in self.parts.items() if not box.isChecked())
        if not self.anonymise.isChecked():
            return Sharing(left_out)
        words = tuple(word.strip() for word in self.hidden.text().split(",") if word.strip())
        return Sharing(left_out, True, self.hash_names.isChecked(), words)

    @property
    def is_settled(self) -> bool:
        """Whether the size that is shown is that of what is chosen."""
        return not self._sizes.is_waiting

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        if len(self.columns) > 1:
            layout.addWidget(_group(self.tr("Columns"), self.columns))
        parts = QGroupBox(self.tr("Parts"))
        grid = QGridLayout(parts)
        for at, box in enumerate(self.parts.values()):
            grid.addWidget(box, at // 2, at % 2)
        layout.addWidget(parts)
        layout.addWidget(
            _group(self.tr("Anonymous"), [self.anonymise, self.hash_names, self.hidden])
        )
        self.size_label.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.size_label)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        for box in (*self.columns, *self.parts.values(), self.anonymise, self.hash_names):
            box.toggled.connect(self._follow)
        self.hidden.editingFinished.connect(self._follow)
        self._sizes.arrived.connect(self._show_size)
        self._sizes.failed.connect(
            lambda _: self.size_label.setText(self.tr("The size is not known"))
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _follow(self) -> None:
        for widget in (self.hash_names, self.hidden):
            widget.setEnabled(self.anonymise.isChecked())
        self.parts["sources"].setEnabled(not self.anonymise.isChecked())
        chosen = self.chosen
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(bool(chosen))
        if not chosen:
            self.size_label.setText(self.tr("Choose a column"))
            return
        self.size_label.setText(self.tr("Computing the size…"))
        profiles, sharing = [each.profile_with_notes() for each in chosen], self.sharing
        comparison = self._compared(chosen)
        self._sizes.ask(lambda: size_of_shared(profiles, sharing, comparison))

    def _show_size(self, size: object) -> None:
        if self.chosen:
            self.size_label.setText(
                self.tr("The file will have {}").format(format_bytes(int(str(size))))
            )


def _group(title: str, widgets: Sequence[QWidget]) -> QGroupBox:
    group = QGroupBox(title)
    layout = QVBoxLayout(group)
    for widget in widgets:
        layout.addWidget(widget)
    return group


def _plain(title: str) -> str:
    """A name is no place for keyboard shortcuts."""
    return title.replace("&", "&&")
