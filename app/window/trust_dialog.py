"""The question before a file that can execute code is loaded."""

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

from profilers.models import ModelFile
from profilers.visible_text import visible


class TrustDialog(QDialog):
    """Shows what the file would call; the safe answer is the default."""

    def __init__(self, model: ModelFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Trust this file?"))
        self.resize(620, 420)
        severe = any(danger.severe for danger in model.dangers)
        question = QLabel(
            self.tr(
                "Loading <b>{}</b> can execute code with your rights. Run it only if you trust where "
                "it comes from. It would call:"
            ).format(_escape(visible(model.path.name)))
        )
        question.setWordWrap(True)
        calls = QTreeWidget()
        calls.setHeaderLabels([self.tr("Call"), self.tr("Asked for by")])
        calls.setRootIsDecorated(False)
        calls.setAccessibleName(self.tr("What the file would call"))
        for danger in sorted(model.dangers, key=lambda each: not each.severe):
            mark = "⛔ " if danger.severe else ""
            calls.addTopLevelItem(
                QTreeWidgetItem([mark + visible(danger.call), visible(danger.where)])
            )
        calls.resizeColumnToContents(0)
        layout = QVBoxLayout(self)
        layout.addWidget(question)
        layout.addWidget(calls, 1)
        if severe:
            warning = QLabel(
                self.tr(
                    "⛔ marks calls that an ordinary model does not make. Do not run this file."
                )
            )
            warning.setWordWrap(True)
            layout.addWidget(warning)
        self.remember = QCheckBox(self.tr("Remember this for exactly this content"))
        layout.addWidget(self.remember)
        buttons = QDialogButtonBox()
        self.trust_button = buttons.addButton(
            self.tr("Trust and run"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        self.refuse_button = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # a button box makes its accepting button the default when it is shown
        self.trust_button.setAutoDefault(False)
        self.refuse_button.setDefault(True)
        self.refuse_button.setFocus(Qt.FocusReason.OtherFocusReason)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
