"""Finding tracks by name: Ctrl+P opens the field, what does not match is hidden."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from views.timeline.find_bar import FindBar
from views.timeline.scene import Scene


class TrackFilter(FindBar):
    """Enter keeps the filter and emits `closed`; Escape shows all tracks again."""

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(
            QCoreApplication.translate(
                "TrackFilter", "Show tracks whose name, group or kind holds…"
            ),
            QCoreApplication.translate("TrackFilter", "Filter tracks"),
            parent,
        )
        self._scene = scene
        self.field.textChanged.connect(scene.tracks.filter)
        scene.laid_out.connect(self._show_count)
        self.hide()

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
