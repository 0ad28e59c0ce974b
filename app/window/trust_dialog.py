"""The question before a file that can execute code is loaded, or a folder's code for it."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from profilers.models import Danger
from profilers.visible_text import visible

_MOST_SHOWN = 200


class TrustDialog(QDialog):
    """Shows what would be called; the safe answer is the default.

    `dangers` are those of the file, none where it is harmless or trusted already; `folder` is where
    its classes are taken from, "" for nowhere.
    """

    def __init__(
        self, name: str, dangers: Sequence[Danger], folder: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(
            self.tr("Trust this file?") if dangers else self.tr("Trust this folder?")
        )
        self.resize(620, 420)
        question = QLabel(self._question(name, folder, of_file=bool(dangers)))
        question.setWordWrap(True)
        calls = QTreeWidget()
        calls.setHeaderLabels([self.tr("Call"), self.tr("Asked for by")])
        calls.setRootIsDecorated(False)
        calls.setAccessibleName(self.tr("What the file would call"))
        for danger in sorted(dangers, key=lambda each: not each.severe):
            mark = "⚠ " if danger.severe else ""
            calls.addTopLevelItem(
                QTreeWidgetItem([mark + visible(danger.call), visible(danger.where)])
            )
        for module in _modules_in(folder)[:_MOST_SHOWN]:
            called = visible(f"import {module}")
            calls.addTopLevelItem(QTreeWidgetItem([called, self.tr("the source folder")]))
        calls.resizeColumnToContents(0)
        layout = QVBoxLayout(self)
        layout.addWidget(question)
        layout.addWidget(calls, 1)
        if any(danger.severe for danger in dangers):
            warning = QLabel(
                self.tr(
                    "⚠ marks calls that can do anything and that few models make. Do not run this file "
                    "unless you know why it makes them."
                )
            )
            warning.setWordWrap(True)
            layout.addWidget(warning)
        self.remember = QCheckBox(self.tr("Remember this for exactly this content"))
        self.remember.setVisible(bool(dangers))
        layout.addWidget(self.remember)
        buttons = QDialogButtonBox()
        self.trust_button = buttons.addButton(
            self.tr("Trust and run"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.refuse_button = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _question(self, name: str, folder: str, *, of_file: bool) -> str:
        file, place = (f"<b>{_escape(visible(text))}</b>" for text in (name, folder))
        if not of_file:
            return self.tr(
                "To load {}, Python files of {} are run with your rights. Run them only if you trust "
                "where they come from. It may call:"
            ).format(file, place)
        if not folder:
            return self.tr(
                "Loading {} can execute code with your rights. Run it only if you trust where it "
                "comes from. It would call:"
            ).format(file)
        return self.tr(
            "Loading {} can execute code with your rights, and runs Python files of {}. Run it only "
            "if you trust where both come from. It would call:"
        ).format(file, place)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # a button box makes its accepting button the default when it is shown
        self.trust_button.setAutoDefault(False)
        self.refuse_button.setDefault(True)
        self.refuse_button.setFocus(Qt.FocusReason.OtherFocusReason)


def _modules_in(folder: str) -> list[str]:
    """Modules and packages that lie directly in a folder."""
    if not folder:
        return []
    try:
        entries = sorted(Path(folder).iterdir())
    except OSError:
        return []
    files = [each.stem for each in entries if each.suffix == ".py"]
    return files + [each.name for each in entries if (each / "__init__.py").is_file()]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
