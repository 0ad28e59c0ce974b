"""The command palette and the key sheet, both made from the command table."""

from collections.abc import Iterable, Iterator, Sequence

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

    def __init__(
        self, commands: Sequence[Command], parent: QWidget | None = None, title: str = ""
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title or self.tr("Commands"))
        self.resize(480, 380)
        self._commands = [command for command in commands if command.when()]
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Type a command"))
        self._search.setAccessibleName(self.tr("Command search"))
        self._search.textChanged.connect(self._filter)
        self._search.installEventFilter(self)
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Matching commands"))
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
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

    def matching(self, words: Sequence[str]) -> Iterable[Command]:
        """Those whose titles hold all words, which are in lower case."""
        for command in self._commands:
            title = _titled(command).lower()
            if all(word in title for word in words):
                yield command

    def _filter(self, text: str) -> None:
        self._list.clear()
        for command in self.matching(text.lower().split()):
            keys = f"    {_keys(command)}" if command.keys else ""
            item = QListWidgetItem(_titled(command) + keys)
            item.setData(Qt.ItemDataRole.UserRole, command)
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.accept()
            item.data(Qt.ItemDataRole.UserRole).run()


def _titled(command: Command) -> str:
    """With its menu before it."""
    if not command.menu:
        return command.title
    return f"{command.menu}: {command.title}".replace("&", "")


class KeySheet(QDialog):
    """Every key, by menu; then the keys and the mouse of the views. Words above filter it."""

    MOUSE = (
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Measure a time range"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Shift+drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Move"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Ctrl+drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom to a time range"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Wheel"),
            QT_TRANSLATE_NOOP("KeySheet", "Scroll"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Ctrl+wheel"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom at the cursor"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Shift+wheel"),
            QT_TRANSLATE_NOOP("KeySheet", "Move to earlier and later times"),
        ),
        (
            "Timeline",
            QT_TRANSLATE_NOOP("KeySheet", "Double click"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom to the slice"),
        ),
        (
            "Graph",
            QT_TRANSLATE_NOOP("KeySheet", "Wheel"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom at the cursor"),
        ),
        ("Graph", QT_TRANSLATE_NOOP("KeySheet", "Drag"), QT_TRANSLATE_NOOP("KeySheet", "Move")),
        (
            "Graph",
            QT_TRANSLATE_NOOP("KeySheet", "Double click"),
            QT_TRANSLATE_NOOP("KeySheet", "Fold or unfold a box"),
        ),
        (
            "Graph",
            QT_TRANSLATE_NOOP("KeySheet", "Ctrl+click"),
            QT_TRANSLATE_NOOP("KeySheet", "Pick also, or no longer"),
        ),
        (
            "Graph",
            QT_TRANSLATE_NOOP("KeySheet", "Shift+click"),
            QT_TRANSLATE_NOOP("KeySheet", "Pick the path from what is picked"),
        ),
        (
            "Memory",
            QT_TRANSLATE_NOOP("KeySheet", "Drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Measure a time range"),
        ),
        (
            "Memory",
            QT_TRANSLATE_NOOP("KeySheet", "Shift+drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Move"),
        ),
        (
            "Memory",
            QT_TRANSLATE_NOOP("KeySheet", "Ctrl+drag"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom to a time range"),
        ),
        (
            "Memory",
            QT_TRANSLATE_NOOP("KeySheet", "Ctrl+wheel"),
            QT_TRANSLATE_NOOP("KeySheet", "Zoom at the cursor"),
        ),
        (
            "Fusion",
            QT_TRANSLATE_NOOP("KeySheet", "Double click"),
            QT_TRANSLATE_NOOP("KeySheet", "Show the kernel's source"),
        ),
        (
            QT_TRANSLATE_NOOP("KeySheet", "Window"),
            QT_TRANSLATE_NOOP("KeySheet", "Shift, Shift"),
            QT_TRANSLATE_NOOP("KeySheet", "All commands…"),
        ),
        (
            QT_TRANSLATE_NOOP("KeySheet", "Window"),
            QT_TRANSLATE_NOOP("KeySheet", "Mouse back, forward"),
            QT_TRANSLATE_NOOP("KeySheet", "To the selection before, and forward again"),
        ),
        (
            QT_TRANSLATE_NOOP("KeySheet", "Window"),
            QT_TRANSLATE_NOOP("KeySheet", "Double click on a title"),
            QT_TRANSLATE_NOOP("KeySheet", "Let the row fill the window"),
        ),
    )

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.resize(640, 640)
        filter_ = QLineEdit()
        filter_.setPlaceholderText(self.tr("Filter by key or by what it does"))
        filter_.setAccessibleName(self.tr("Filter"))
        filter_.setClearButtonEnabled(True)
        filter_.textChanged.connect(self._filter)
        self._sheet = QTreeWidget()
        self._sheet.setHeaderLabels([self.tr("Where"), self.tr("Keys"), self.tr("What")])
        self._sheet.setRootIsDecorated(False)
        self._sheet.setAccessibleName(self.tr("Keys"))
        for row in (*_command_rows(commands), *_table_rows()):
            self._sheet.addTopLevelItem(QTreeWidgetItem(list(row)))
        for where, keys, what in self.MOUSE:
            cells = [self.tr(str(cell)) for cell in (where, keys, what)]
            self._sheet.addTopLevelItem(QTreeWidgetItem(cells))
        for column in range(3):
            self._sheet.resizeColumnToContents(column)
        layout = QVBoxLayout(self)
        layout.addWidget(filter_)
        layout.addWidget(self._sheet)

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for at in range(self._sheet.topLevelItemCount()):
            item = self._sheet.topLevelItem(at)
            assert item is not None
            told = " ".join(item.text(column) for column in range(3)).lower()
            item.setHidden(not all(word in told for word in words))


def _command_rows(commands: Sequence[Command]) -> Iterator[tuple[str, str, str]]:
    for command in commands:
        if command.keys:
            menu, title = (text.replace("&", "") for text in (command.menu, command.title))
            yield menu, _keys(command), title


def _table_rows() -> Iterator[tuple[str, str, str]]:
    """One for each thing that a view does, with all the keys that do it."""
    from views.fusion import keys as fusion  # the window starts without its views
    from views.graph import keys as graph
    from views.memory import keys as memory
    from views.timeline import keys as timeline

    for table in (timeline.KEYS, graph.KEYS, fusion.KEYS, memory.KEYS):
        together: dict[tuple[str, str], list[str]] = {}
        for key in table:
            together.setdefault((key.action, table.translated(key)), []).append(_native(key.keys))
        for (_, text), keys in together.items():
            yield table.heading, ", ".join(keys), text


def _keys(command: Command) -> str:
    return ", ".join(_native(keys) for keys in command.keys)


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
