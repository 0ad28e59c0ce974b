"""Hides how a framework gets to its work, in the timelines of all columns."""

from PySide6.QtWidgets import QToolButton, QWidget

from profilers.analysis.framework_noise import framework_noise
from profilers.units import format_count
from views.timeline.scene import Scene


class NoiseButton(QToolButton):
    """Down while noise is hidden; not there where a trace has none."""

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = scene.context.preferences
        count = framework_noise(scene.context.profile).count
        if not count:
            self.hide()
        self.setText(self.tr("Quiet"))
        self.setAutoRaise(True)
        self.setCheckable(True)
        self.setChecked(self._preferences.hides_noise)
        self.setToolTip(
            self.tr(
                "Hide {} slices of the framework's executors, sessions and thread pools and of the "
                "profiler (H); sums and search still count them"
            ).format(format_count(count))
        )
        self.toggled.connect(self._hide)
        self._preferences.changed.connect(self._follow)

    def _hide(self, hides: bool) -> None:
        self._preferences.hides_noise = hides

    def _follow(self) -> None:
        self.setChecked(self._preferences.hides_noise)
