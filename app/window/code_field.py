"""A field for the code that makes a model: a Python file and its function, or a library's name."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from profilers.errors import TwinscopeError
from profilers.models import model_named


class CodeField(QWidget):
    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit(text)
        self.line.setPlaceholderText(self.tr("model.py:make_model or torchvision:resnet18"))
        self.line.setAccessibleName(self.tr("Code of the model"))
        button = QPushButton(self.tr("Browse…"))
        button.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(button)

    @property
    def text(self) -> str:
        return self.line.text().strip()

    def choose(self, path: Path) -> None:
        """Take a Python file, with what it offers first."""
        try:
            model = model_named(str(path))
        except (TwinscopeError, OSError):
            model = None  # running it tells what is wrong
        entry = model.signatures[0] if model and model.signatures else ""
        self.line.setText(f"{path}:{entry}".rstrip(":"))

    def _browse(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, filter=self.tr("Python (*.py)"))
        if chosen:
            self.choose(Path(chosen))
