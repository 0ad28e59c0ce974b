"""Asks which running process to trace, and for how long."""

from collections.abc import Callable

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from profilers.attaching import LONGEST_S, attach_request
from profilers.errors import TwinscopeError
from profilers.request import RunRequest


class AttachDialog(QDialog):
    """Accepted only with an address; `request` is what to run then."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Attach to a TensorFlow process"))
        self.request: RunRequest | None = None
        told = QLabel(
            self.tr(
                "The process must offer its profiler: "
                "<code>tf.profiler.experimental.server.start(6009)</code>. Servers have an option for it."
            )
        )
        told.setWordWrap(True)
        self.address = QLineEdit()
        self.address.setPlaceholderText("localhost:6009")
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(0.1, LONGEST_S)
        self.seconds.setValue(2.0)
        self.seconds.setSuffix(self.tr(" s"))
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.tr("Attach"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(self.tr("Host and port"), self.address)
        form.addRow(self.tr("Trace for"), self.seconds)
        layout = QVBoxLayout(self)
        layout.addWidget(told)
        layout.addLayout(form)
        layout.addWidget(self._problem)
        layout.addWidget(buttons)
        self.resize(460, self.sizeHint().height())

    def accept(self) -> None:
        try:
            self.request = attach_request(self.address.text(), self.seconds.value())
        except TwinscopeError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        super().accept()


def ask_attach(attach: Callable[[RunRequest], object], parent: QWidget) -> AttachDialog:
    """Open the dialog; `attach` takes the request."""
    dialog = AttachDialog(parent)
    dialog.accepted.connect(lambda: dialog.request and attach(dialog.request))
    dialog.open()
    return dialog
