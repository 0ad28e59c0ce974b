"""What a person prefers to see, for all columns alike; whoever owns it keeps it between runs."""

from PySide6.QtCore import QObject, Signal


class Preferences(QObject):
    """Emits `changed` when anything did."""

    changed = Signal()

    def __init__(self, hides_noise: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hides_noise = hides_noise

    @property
    def hides_noise(self) -> bool:
        """Whether timelines leave out how a framework gets to its work."""
        return self._hides_noise

    @hides_noise.setter
    def hides_noise(self, hides: bool) -> None:
        if hides != self._hides_noise:
            self._hides_noise = hides
            self.changed.emit()
