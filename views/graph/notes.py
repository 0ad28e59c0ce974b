"""Notes on nodes: those of the picked node, which can be written here, and all of the graph."""

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from profilers.profile import Note
from views.context import ViewContext

_KEY_ROLE = Qt.ItemDataRole.UserRole
_NEW = -1  # the key of a note that has no text yet
_NOBODY = -1


class NotesPane(QWidget):
    """What is typed is kept at once; a note without text goes away. Del in a list deletes.

    Enter or a click in the list of all notes picks the node.
    """

    def __init__(self, context: ViewContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._node = _NOBODY
        self._key = _NEW
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setMinimumWidth(1)  # rather cut than widen the column
        self.of_node = self._list(self.tr("Notes on the picked node"))
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName(self.tr("Text of the note"))
        self.editor.setPlaceholderText(self.tr("Write a note"))
        self.editor.setTabChangesFocus(True)
        self.author = QLineEdit(context.notes.author)
        self.author.setAccessibleName(self.tr("Author of new notes"))
        self.author.setPlaceholderText(self.tr("Author"))
        self.new = QPushButton(self.tr("New note"))
        self.delete = QPushButton(self.tr("Delete note"))
        self._count = QLabel()
        self.everything = self._list(self.tr("All notes on this graph"))
        buttons = QHBoxLayout()
        buttons.addWidget(self.author)
        buttons.addWidget(self.new)
        buttons.addWidget(self.delete)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.of_node, 1)
        layout.addWidget(self.editor, 2)
        layout.addLayout(buttons)
        layout.addWidget(self._count)
        layout.addWidget(self.everything, 2)
        self._connect()
        self._show_all()
        self._open(_NEW)
        self._follow()

    def begin_note(self) -> None:
        """Start another note on the picked node."""
        self._open(_NEW)
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def delete_note(self) -> None:
        """Remove the note that is open."""
        if self._key != _NEW:
            self._context.notes.remove(self._key)

    def _connect(self) -> None:
        self._context.selection.changed.connect(self._follow)
        self._context.notes.changed.connect(self._refresh)
        self.editor.textChanged.connect(self._write)
        self.author.textEdited.connect(self._sign)
        self.new.clicked.connect(self.begin_note)
        self.delete.clicked.connect(self.delete_note)
        self.of_node.currentItemChanged.connect(self._open_item)
        self.everything.itemClicked.connect(self._go_to)
        self.everything.itemActivated.connect(self._go_to)
        for each, act in (
            (self.of_node, self.delete_note),
            (self.everything, self._delete_current),
        ):
            shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), each)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    def _follow(self) -> None:
        """Show the notes of the node that is picked; of several none, since a note has one node."""
        picked = self._context.selection.picked.nodes
        node = int(picked[0]) if len(picked) == 1 else _NOBODY
        if node != self._node:
            self._node = node
            notes = self._context.notes.of_node(node)
            self._open(notes[0][0] if notes else _NEW)

    def _open(self, key: int) -> None:
        self._load(key)
        self._show_node()

    def _open_item(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self._load(_key_of(item))

    def _load(self, key: int) -> None:
        """Put a note's text into the field; leaves the lists as they are."""
        self._key = key
        notes = dict(self._context.notes.of_node(self._node))
        self.editor.blockSignals(True)
        self.editor.setPlainText(notes[key].text if key in notes else "")
        self.editor.blockSignals(False)
        self.delete.setEnabled(key != _NEW)

    def _write(self) -> None:
        notes, text = self._context.notes, self.editor.toPlainText()
        if self._node == _NOBODY:
            return
        if not text.strip():
            if self._key != _NEW:
                gone, self._key = self._key, _NEW  # the field stays open for another
                notes.remove(gone)
        elif self._key == _NEW:
            self._key = notes.add(self._node, text)
            self._show_node()
        else:
            notes.edit(self._key, text)

    def _sign(self, author: str) -> None:
        self._context.notes.author = author.strip()

    def _refresh(self) -> None:
        """Follow a change of the notes, wherever it came from."""
        if self._key != _NEW and self._key not in dict(self._context.notes.of_node(self._node)):
            self._open(_NEW)
        self._show_node()
        self._show_all()

    def _show_node(self) -> None:
        is_one = self._node != _NOBODY
        self.title.setText(self._name(self._node) if is_one else self.tr("Pick one node to note"))
        for widget in (self.editor, self.of_node, self.new):
            widget.setEnabled(is_one)
        self.delete.setEnabled(self._key != _NEW)
        notes = self._context.notes.of_node(self._node)
        _fill(self.of_node, [(key, self._signed(note)) for key, note in notes], self._key)

    def _show_all(self) -> None:
        notes = self._context.notes.entries()
        notes.sort(key=lambda entry: entry[1].node)
        self._count.setText(self.tr("All notes: {}").format(len(notes)))
        current = self.everything.currentItem()
        lines = [(key, f"{self._name(note.node)}: {_first_line(note)}") for key, note in notes]
        _fill(self.everything, lines, _key_of(current) if current else _NEW)

    def _go_to(self, item: QListWidgetItem) -> None:
        """Pick the node of a note and open the note."""
        key = _key_of(item)
        node = dict(self._context.notes.entries())[key].node
        if self._context.selection.picked.nodes.tolist() != [node]:
            self._context.selection.pick_nodes([node])
        self._open(key)

    def _delete_current(self) -> None:
        item = self.everything.currentItem()
        if item is not None:
            self._context.notes.remove(_key_of(item))

    def _name(self, node: int) -> str:
        profile = self._context.profile
        return profile.strings[int(profile.authored.nodes.name[node])]

    def _signed(self, note: Note) -> str:
        """Its first line, who wrote it and when."""
        when = ""
        if note.written_unix_ns > 0:
            moment = QDateTime.fromMSecsSinceEpoch(note.written_unix_ns // 1_000_000)
            when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
        signature = ", ".join(part for part in (note.author, when) if part)
        return f"{_first_line(note)}\n{signature}" if signature else _first_line(note)

    def _list(self, name: str) -> QListWidget:
        found = QListWidget()
        found.setAccessibleName(name)
        found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        found.setMinimumWidth(1)
        return found


def _fill(target: QListWidget, lines: list[tuple[int, str]], current: int) -> None:
    """Exchange the items of a list without telling anybody."""
    target.blockSignals(True)
    target.clear()
    for key, text in lines:
        item = QListWidgetItem(text)
        item.setData(_KEY_ROLE, key)
        item.setToolTip(text)
        target.addItem(item)
        if key == current:
            target.setCurrentItem(item)
    target.blockSignals(False)


def _key_of(item: QListWidgetItem) -> int:
    return int(item.data(_KEY_ROLE))


def _first_line(note: Note) -> str:
    return note.text.strip().partition("\n")[0]
