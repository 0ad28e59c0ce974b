"""What the window shows before anything is open: a drop zone, recent files, the demo."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from profilers.visible_text import visible
from views.plain_tooltip import plain_tooltip

_WIDEST_NAME = 760  # pixels


class EmptyState(QWidget):
    open_asked = Signal()
    demo_asked = Signal()
    recent_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        zone = QFrame()
        zone.setFrameShape(QFrame.Shape.StyledPanel)
        zone.setMinimumSize(560, 190)
        zone.setAutoFillBackground(True)
        zone.setBackgroundRole(QPalette.ColorRole.Base)
        title = QLabel(self.tr("Drop a model, a trace or a snapshot here"))
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        title.setFont(font)
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        formats = QLabel(
            self.tr(
                "PyTorch (.pt2, TorchScript, modules, weights, Python files) · TensorFlow, Keras, TFLite · ONNX\n"
                "Kineto and Chrome traces (.json, .json.gz) · xplane.pb · .twin"
            )
        )
        formats.setAlignment(Qt.AlignmentFlag.AlignCenter)
        open_button = QPushButton(self.tr("Open…"))
        open_button.clicked.connect(self.open_asked)
        self.demo_button = QPushButton(self.tr("Show the demo: one network in PyTorch and Keras"))
        self.demo_button.clicked.connect(self.demo_asked)
        inside = QVBoxLayout(zone)
        inside.addStretch()
        inside.addWidget(title)
        inside.addWidget(formats)
        inside.addStretch()
        inside.addWidget(open_button, alignment=Qt.AlignmentFlag.AlignCenter)
        inside.addWidget(self.demo_button, alignment=Qt.AlignmentFlag.AlignCenter)
        inside.addStretch()
        self._recent_title = QLabel(self.tr("Recent files"))
        self._recent = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.addStretch()
        layout.addWidget(zone, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addSpacing(16)
        layout.addWidget(self._recent_title, alignment=Qt.AlignmentFlag.AlignCenter)
        layout.addLayout(self._recent)
        layout.addStretch()

    def show_recent(self, paths: Sequence[Path]) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (button := item.widget()) is not None:
                button.deleteLater()
        self._recent_title.setVisible(bool(paths))
        for path in paths:
            whole = visible(f"{path.name}    —    {path.parent}")
            cut = Qt.TextElideMode.ElideMiddle
            told = self.fontMetrics().elidedText(whole, cut, _WIDEST_NAME)
            link = QPushButton(told.replace("&", "&&"))
            link.setToolTip(plain_tooltip(str(path)))
            link.setFlat(True)
            link.clicked.connect(lambda _=False, chosen=path: self.recent_asked.emit(chosen))
            self._recent.addWidget(link, alignment=Qt.AlignmentFlag.AlignCenter)
