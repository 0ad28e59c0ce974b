"""The program's window: columns with menus and keys, dropped files, and what is asked on closing."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent
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
            self.open,
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

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape where nothing is picked or asked: out of one row alone, then out of full screen."""
        if event.key() == Qt.Key.Key_Escape and self.board.filling is not None:
            self.board.toggle_fill(self.board.filling)
        elif event.key() == Qt.Key.Key_Escape and self.isFullScreen():
            self.toggle_full_screen()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        at_stake = [each for each in self.session.documents if each.is_unsaved or each.is_running]
        if at_stake and self._asks and not self.may_discard(at_stake):
            event.ignore()
            return
        self.settings.save_geometry(bytes(self.saveGeometry().data()))
        self.hide()  # what runs takes a moment to end
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
        self.session.autosave.discard_remains()
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
