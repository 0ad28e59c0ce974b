"""Finding tracks by name: Ctrl+P opens the field, what does not match is hidden."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from views.timeline.scene import Scene


class TrackFilter(QWidget):
    """Enter keeps the filter and emits `closed`; Escape shows all tracks again."""

    closed = Signal()

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Show tracks whose name, group or kind holds…"))
        self.field.setAccessibleName(self.tr("Filter tracks"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(scene.tracks.filter)
        self._count = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(self.field, 1)
        layout.addWidget(self._count)
        scene.laid_out.connect(self._show_count)
        self.hide()

    @property
    def count_text(self) -> str:
        return self._count.text()

    def open(self) -> None:
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def show_all(self) -> None:
        self.field.clear()
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.show_all()
            self.closed.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.setVisible(bool(self.field.text()))
            self.closed.emit()
        event.accept()  # letters typed here are no commands of the timeline

    def _show_count(self) -> None:
        shown, all_tracks = self._scene.shown_tracks, len(self._scene.order.tracks)
        is_filtered = bool(self._scene.tracks.words)
        text = self.tr("{} of {} tracks").format(shown, all_tracks) if is_filtered else ""
        self._count.setText(text)
