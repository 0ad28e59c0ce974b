"""Notes on what is picked, which can be written and answered here, and all of the profile."""

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from profilers.profile import Note, Pin, node_pin, range_pin, slice_pin
from views.context import ViewContext
from views.note_list import NoteList, first_line, indent, key_of, signed
from views.notes import Notes, threaded
from views.pin_names import PinNames
from views.selection import Picked

PinOf = Callable[[Picked], Pin | None]

_NEW = -1  # the key of a note that has no text yet


def picked_node(picked: Picked) -> Pin | None:
    """The node that is picked; of several none, since a note has one node."""
    return node_pin(int(picked.nodes[0])) if len(picked.nodes) == 1 else None


def picked_time(picked: Picked) -> Pin | None:
    """The time range that is picked, else the slice."""
    if picked.time_range_ns is not None:
        return range_pin(*picked.time_range_ns)
    if picked.focus[0] == "slice":
        return slice_pin(picked.focus[1])
    return slice_pin(int(picked.slices[0])) if len(picked.slices) else None


def titled_notes(notes: Notes) -> str:
    """What leads to the notes, with how many there are: a reader is to see that some were left."""
    count = len(notes.entries())
    title = QCoreApplication.translate("NotesPane", "Notes")
    return f"{title} {count}" if count else title


class NotesPane(QWidget):
    """What is typed is kept at once; a note whose text is deleted goes away. Del in a list deletes.

    Enter or a click in the list of all notes picks what the note is about. `pin_of` tells what can
    be noted of what is picked, and `hint` is shown where that is nothing.
    """

    def __init__(
        self,
        context: ViewContext,
        pin_of: PinOf = picked_node,
        hint: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._pin_of = pin_of
        self._hint = hint or self.tr("Pick one node to note")
        self._names = PinNames(context, self)
        self._pin: Pin | None = None
        self._key = _NEW
        self._asked = _NEW  # the key of the note that is being answered
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setMinimumWidth(1)  # rather cut than widen the column
        self.of_pin = NoteList(self.tr("Notes on what is picked"))
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName(self.tr("Text of the note"))
        self.editor.setTabChangesFocus(True)
        self.author = QLineEdit(context.notes.author)
        self.author.setAccessibleName(self.tr("Author of new notes"))
        self.author.setPlaceholderText(self.tr("Author"))
        self.new = QPushButton(self.tr("New"))
        self.new.setToolTip(self.tr("Write another note on what is picked"))
        self.reply = QPushButton(self.tr("Answer"))
        self.reply.setToolTip(self.tr("Answer the note that is open"))
        self.bookmark = QPushButton("★")
        self.bookmark.setToolTip(self.tr("Set a bookmark on what is picked, or take it away"))
        self.bookmark.setAccessibleName(self.tr("Bookmark"))
        self.delete = QPushButton(self.tr("Delete"))
        self._count = QLabel()
        self.everything = NoteList(self.tr("All notes on this profile"))
        self._lay_out()
        self._connect()
        self._show_all()
        self._open(_NEW)
        self._follow()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.new, self.reply, self.bookmark, self.delete):
            button.setMinimumWidth(1)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addWidget(self.of_pin, 1)
        layout.addWidget(self.editor, 2)
        layout.addWidget(self.author)
        layout.addLayout(buttons)
        layout.addWidget(self._count)
        layout.addWidget(self.everything, 2)

    def begin_note(self) -> None:
        """Start another note on what is picked."""
        self._open(_NEW)
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_pin(self, pin: Pin) -> None:
        """Pick what notes are pinned to and show the first of them."""
        selection = self._context.selection
        node, row, begin_ns, end_ns = pin
        if self._pin_of(selection.picked) != pin:
            if node >= 0:
                selection.pick_nodes([node])
            elif row >= 0:
                selection.pick_slice(row)
            elif end_ns >= begin_ns:
                selection.pick_time_range(begin_ns, end_ns)
        self._pin = pin
        here = self._here()
        self._open(here[0][0] if here else _NEW)

    def begin_answer(self) -> None:
        """Start an answer to the note that is open."""
        asked = self._key
        if asked != _NEW:
            self._open(_NEW)
            self._asked = asked
            self._invite()
            self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle_bookmark(self) -> None:
        """Set a bookmark on what is picked, or take it away."""
        if self._pin is None:
            return
        notes = self._context.notes
        set_here = [key for key, note in notes.of_pin(self._pin) if note.is_bookmark]
        if set_here:
            notes.remove(set_here[0])
        else:
            notes.pin(self._pin, "")

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
        self.reply.clicked.connect(self.begin_answer)
        self.bookmark.clicked.connect(self.toggle_bookmark)
        self.delete.clicked.connect(self.delete_note)
        self.of_pin.currentItemChanged.connect(self._open_item)
        self.everything.itemClicked.connect(self._go_to)
        self.everything.itemActivated.connect(self._go_to)
        self.of_pin.delete_key.activated.connect(self.delete_note)
        self.everything.delete_key.activated.connect(self._delete_current)

    def _follow(self) -> None:
        """Show the notes of what is picked."""
        pin = self._pin_of(self._context.selection.picked)
        if pin != self._pin:
            self._pin = pin
            here = self._here()
            self._open(here[0][0] if here else _NEW)

    def _here(self) -> list[tuple[int, Note]]:
        return [] if self._pin is None else self._context.notes.of_pin(self._pin)

    def _open(self, key: int) -> None:
        self._load(key)
        self._show_pin()

    def _open_item(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self._load(key_of(item))

    def _load(self, key: int) -> None:
        """Put a note's text into the field; leaves the lists as they are."""
        self._key, self._asked = key, _NEW
        notes = dict(self._here())
        self.editor.blockSignals(True)
        self.editor.setPlainText(notes[key].text if key in notes else "")
        self.editor.blockSignals(False)
        self._invite()
        self._enable()

    def _invite(self) -> None:
        asked = dict(self._context.notes.entries()).get(self._asked)
        self.editor.setPlaceholderText(
            self.tr("Write a note")
            if asked is None
            else self.tr("Answer {}").format(asked.author or self.tr("the note"))
        )

    def _enable(self) -> None:
        is_one = self._pin is not None
        for widget in (self.editor, self.of_pin, self.new, self.bookmark):
            widget.setEnabled(is_one)
        for button in (self.reply, self.delete):
            button.setEnabled(self._key != _NEW)

    def _write(self) -> None:
        notes, text = self._context.notes, self.editor.toPlainText()
        if self._pin is None:
            return
        if not text.strip():
            if self._key != _NEW:
                gone, self._key = self._key, _NEW  # the field stays open for another
                notes.remove(gone)
        elif self._key != _NEW:
            notes.edit(self._key, text)
        else:
            answered = self._asked != _NEW
            self._key = notes.answer(self._asked, text) if answered else notes.pin(self._pin, text)
            self._asked = _NEW
            self._show_pin()

    def _sign(self, author: str) -> None:
        self._context.notes.author = author.strip()

    def _refresh(self) -> None:
        """Follow a change of the notes, wherever it came from."""
        if self._key != _NEW and self._key not in dict(self._here()):
            self._open(_NEW)
        self._show_pin()
        self._show_all()

    def _show_pin(self) -> None:
        self.title.setText(self._hint if self._pin is None else self._names.of(self._pin))
        self._enable()
        here = self._here()
        ids = {note.id for _, note in here}
        self.of_pin.fill(((key, indent(note, ids) + signed(note)) for key, note in here), self._key)

    def _show_all(self) -> None:
        notes = self._context.notes.entries()
        notes.sort(key=lambda entry: self._names.place(entry[1].pin))
        self._count.setText(self.tr("All notes: {}").format(len(notes)))
        ids = {note.id for _, note in notes}
        lines = [
            (key, f"{indent(note, ids)}{self._names.of(note.pin)}: {first_line(note)}")
            for key, note in threaded(notes)
        ]
        self.everything.fill(lines, self.everything.current_key)

    def _go_to(self, item: QListWidgetItem) -> None:
        """Pick what a note is about and open the note."""
        key = key_of(item)
        self.show_pin(dict(self._context.notes.entries())[key].pin)
        self._open(key)

    def _delete_current(self) -> None:
        key = self.everything.current_key
        if key is not None:
            self._context.notes.remove(key)
