"""The command palette and the key sheet, both made from the command table."""

from collections.abc import Sequence

from PySide6.QtCore import QT_TRANSLATE_NOOP, QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.commands import Command


class CommandPalette(QDialog):
    """Type a few letters, press Enter."""

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Commands"))
        self.resize(480, 380)
        self._commands = [command for command in commands if command.when()]
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Type a command"))
        self._search.setAccessibleName(self.tr("Command search"))
        self._search.textChanged.connect(self._filter)
        self._search.installEventFilter(self)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Matching commands"))
        self._list.itemActivated.connect(self._run)
        self._search.returnPressed.connect(lambda: self._run(self._list.currentItem()))
        layout = QVBoxLayout(self)
        layout.addWidget(self._search)
        layout.addWidget(self._list)
        self._filter("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down move in the list while the person types."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                row = min(max(self._list.currentRow() + step, 0), self._list.count() - 1)
                self._list.setCurrentRow(row)
                return True
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        self._list.clear()
        words = text.lower().split()
        for command in self._commands:
            title = f"{command.menu}: {command.title}".replace("&", "")
            if all(word in title.lower() for word in words):
                keys = f"    {_keys(command)}" if command.keys else ""
                item = QListWidgetItem(title + keys)
                item.setData(Qt.ItemDataRole.UserRole, command)
                self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.accept()
            item.data(Qt.ItemDataRole.UserRole).run()


class KeySheet(QDialog):
    """Every key, by menu; then the keys of the views."""

    VIEW_KEYS = (
        ("Timeline", "Ctrl+wheel", QT_TRANSLATE_NOOP("KeySheet", "Zoom at the cursor")),
        (
            "Timeline",
            "Shift+wheel",
            QT_TRANSLATE_NOOP("KeySheet", "Move to earlier and later times"),
        ),
        ("Timeline", "Shift+drag", QT_TRANSLATE_NOOP("KeySheet", "Measure a time range")),
        ("Timeline", "Double click", QT_TRANSLATE_NOOP("KeySheet", "Zoom to the slice")),
        ("Graph", "Wheel", QT_TRANSLATE_NOOP("KeySheet", "Zoom at the cursor")),
        ("Graph", "Drag", QT_TRANSLATE_NOOP("KeySheet", "Move")),
        ("Graph", "Double click", QT_TRANSLATE_NOOP("KeySheet", "Fold or unfold a box")),
        ("Graph", "Ctrl+click", QT_TRANSLATE_NOOP("KeySheet", "Pick also, or no longer")),
        (
            "Graph",
            "Shift+click",
            QT_TRANSLATE_NOOP("KeySheet", "Pick the path from what is picked"),
        ),
        ("Memory", "W, A, S, D", QT_TRANSLATE_NOOP("KeySheet", "Zoom and move")),
        ("Memory", "F", QT_TRANSLATE_NOOP("KeySheet", "Show all of the time")),
    )

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        from views.graph import keys as graph  # the window starts without its views
        from views.timeline import keys as timeline

        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.resize(520, 520)
        sheet = QTreeWidget()
        sheet.setHeaderLabels([self.tr("Where"), self.tr("Keys"), self.tr("What")])
        sheet.setRootIsDecorated(False)
        sheet.setAccessibleName(self.tr("Keys"))
        for command in commands:
            if command.keys:
                row = [command.menu, _keys(command), command.title]
                sheet.addTopLevelItem(QTreeWidgetItem([cell.replace("&", "") for cell in row]))
        for table in (timeline.KEYS, graph.KEYS):
            for key in table:
                row = [table.title, _native(key.keys), table.translated(key)]
                sheet.addTopLevelItem(QTreeWidgetItem(row))
        for where, keys, what in self.VIEW_KEYS:
            sheet.addTopLevelItem(QTreeWidgetItem([where, keys, self.tr(str(what))]))
        for column in range(3):
            sheet.resizeColumnToContents(column)
        QVBoxLayout(self).addWidget(sheet)


def _keys(command: Command) -> str:
    return ", ".join(_native(keys) for keys in command.keys)


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
