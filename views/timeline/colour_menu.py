"""Chooses what colours tell; its tooltip is the legend."""

from html import escape

from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction, QHelpEvent
from PySide6.QtWidgets import QMenu, QToolButton, QToolTip, QWidget

from views.timeline.colouring import ColourBy, choices
from views.timeline.scene import Scene


class ColourMenu(QToolButton):
    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._titles = {
            ColourBy.OPERATOR: self.tr("operator"),
            ColourBy.CATEGORY: self.tr("category"),
            ColourBy.TRACK: self.tr("track"),
            ColourBy.MODULE: self.tr("module"),
            ColourBy.NODE: self.tr("graph node"),
        }
        self.actions_by = {by: self._action(by) for by in ColourBy}
        menu = QMenu(self)
        menu.addActions(list(self.actions_by.values()))
        menu.aboutToShow.connect(self._offer)
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAutoRaise(True)
        self.setText(self.tr("Colour"))
        self.setAccessibleName(self.tr("Colour slices by"))

    @property
    def legend_text(self) -> str:
        """What is shown in which colour, the longest time first, as rich text."""
        colouring = self._scene.colouring
        title = self.tr("Colours tell the {}").format(self._titles[colouring.by])
        rows = [
            f'<span style="color:{colour.name()}">■</span> {escape(text[:80])}'
            for colour, text in colouring.legend
        ]
        return "<br>".join((f"<b>{title}</b>", *rows))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.legend_text, self)
            return True
        return super().event(event)

    def _action(self, by: ColourBy) -> QAction:
        action = QAction(self.tr("By {}").format(self._titles[by]), self)
        action.setCheckable(True)
        action.triggered.connect(lambda: self._scene.colour_by(by))
        return action

    def _offer(self) -> None:
        offered = choices(self._scene.context)
        for by, action in self.actions_by.items():
            action.setEnabled(by in offered)
            action.setChecked(by is self._scene.colouring.by)
