"""The program's window: columns with menus and keys, dropped files, and what is asked on closing."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMessageBox

from app.commands import Command, install
from app.window.columns_window import ColumnsWindow
from app.window.command_table import command_table
from app.window.gestures import Gestures
from app.window.palette import CommandPalette, KeySheet


class MainWindow(ColumnsWindow):
    """One window over one session."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Twinscope")
        self.setAcceptDrops(True)
        self._asks = True  # before it closes
        self.resize(1600, 1000)
        self.commands = [*command_table(self), *self._help_commands()]
        self.actions_by_id = install(self, self.commands)
        Gestures(
            self,
            self.show_palette,
            {
                Qt.MouseButton.BackButton: self.actions_by_id["go.back"].trigger,
                Qt.MouseButton.ForwardButton: self.actions_by_id["go.forward"].trigger,
            },
        )
        if self.settings.geometry:
            self.restoreGeometry(self.settings.geometry)
        QTimer.singleShot(0, self._offer_left_over)

    def show_palette(self) -> None:
        CommandPalette(self.commands, self).open()

    def show_keys(self) -> None:
        KeySheet(self.commands, self).open()

    def close_without_asking(self) -> None:
        """Close and discard unsaved captures and notes."""
        for document in self.session.documents:
            document.drop_unsaved()
            document.notes.mark_saved()
        self._asks = False
        self.close()

    # Qt events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])

    def closeEvent(self, event: QCloseEvent) -> None:
        at_stake = [each for each in self.session.documents if each.is_unsaved or each.is_running]
        if at_stake and self._asks and not self.may_discard(at_stake):
            event.ignore()
            return
        self.settings.save_geometry(bytes(self.saveGeometry().data()))
        self.linker.close()
        self.session.shut_down()
        super().closeEvent(event)

    # Inside

    def _help_commands(self) -> list[Command]:
        help_ = self.tr("&Help")
        keys = ("Ctrl+Shift+P", "Ctrl+Shift+A", "F1")
        return [
            Command("help.palette", help_, self.tr("All commands…"), keys, self.show_palette),
            Command("help.keys", help_, self.tr("Keys"), ("?",), self.show_keys),
        ]

    def _offer_left_over(self) -> None:
        left = self.session.autosave.left_over()
        if not left:
            return
        box = QMessageBox(
            QMessageBox.Icon.Question,
            self.tr("Captures of an earlier run"),
            self.tr(
                "Twinscope did not end properly last time. Unsaved captures that can be opened: %n.",
                "",
                len(left),
            ),
            parent=self,
        )
        restore = box.addButton(self.tr("Open"), QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton(self.tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Later"), QMessageBox.ButtonRole.RejectRole)

        def decide() -> None:
            if box.clickedButton() is restore:
                for path in left:
                    self.session.restore(path)
            elif box.clickedButton() is discard:
                self.session.autosave.discard_left_over()

        box.finished.connect(lambda _: decide())
        box.open()
