"""Asks which running process to trace, and for how long."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from profilers.attaching import LONGEST_S, attach_request
from profilers.errors import TwinscopeError
from views.plain_label import PlainLabel

_WIDTH = 440


class AttachDialog(QDialog):
    """Accepted only with an address; `asked` then tells what to run."""

    asked = Signal(object)  # RunRequest

    def __init__(self, address: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Attach to a TensorFlow process"))
        told = QLabel(
            self.tr(
                "The process must offer its profiler: "
                "<code>tf.profiler.experimental.server.start(6009)</code>. Servers have an option for it."
            )
        )
        told.setWordWrap(True)
        told.setMinimumWidth(_WIDTH)
        self.address = QLineEdit(address)
        self.address.selectAll()
        self.address.setPlaceholderText("localhost:6009")
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(0.1, LONGEST_S)
        self.seconds.setValue(2.0)
        self.seconds.setSuffix(self.tr(" s"))
        self._problem = PlainLabel()
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
        layout.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)  # grows with what is told

    def accept(self) -> None:
        try:
            request = attach_request(self.address.text(), self.seconds.value())
        except TwinscopeError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        super().accept()
        self.asked.emit(request)
