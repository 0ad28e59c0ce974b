"""Keys as data: a view obeys its table, and the key sheet lists it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
    | Qt.KeyboardModifier.ShiftModifier
)


@dataclass(frozen=True)
class Key:
    """`keys` is a Qt key sequence, `action` a name that the view knows, `text` says what it does."""

    keys: str
    action: str
    text: str


class KeyTable:
    """The keys of one view; `context` is that of the texts, for translation."""

    def __init__(self, title: str, context: str, rows: Sequence[tuple[str, str, object]]) -> None:
        self._title = title
        self._context = context
        self._keys = tuple(Key(keys, action, str(text)) for keys, action, text in rows)
        self._actions = {QKeySequence(each.keys).toString(): each.action for each in self._keys}

    @property
    def heading(self) -> str:
        """The view's title in the person's language."""
        return QCoreApplication.translate("Views", self._title)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def translated(self, key: Key) -> str:
        return QCoreApplication.translate(self._context, key.text)

    def action_of(self, event: QKeyEvent) -> str | None:
        """The action of a pressed key; signs count wherever a keyboard has them, Shift or not."""
        key, modifiers = Qt.Key(event.key()), event.modifiers() & _MODIFIERS
        action = self._actions.get(_text(modifiers, key))
        is_letter = Qt.Key.Key_A <= key <= Qt.Key.Key_Z
        if action is None and not is_letter:
            action = self._actions.get(_text(modifiers & ~Qt.KeyboardModifier.ShiftModifier, key))
        return action


def _text(modifiers: Qt.KeyboardModifier, key: Qt.Key) -> str:
    return QKeySequence(QKeyCombination(modifiers, key)).toString()
