"""The timeline's keys as data: the view obeys this table and the key sheet lists it."""

from dataclasses import dataclass

from PySide6.QtCore import QT_TRANSLATE_NOOP, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence


@dataclass(frozen=True)
class Key:
    """`keys` is a Qt key sequence, `action` a name that the view knows, `text` says what it does."""

    keys: str
    action: str
    text: str


CONTEXT = "TimelineKeys"  # of the texts, for translation

_ROWS = (
    ("W", "zoom_in", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom in, at the cursor")),
    ("S", "zoom_out", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom out")),
    ("A", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
    ("D", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
    ("Left", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
    ("Right", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
    ("Up", "scroll_up", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks above")),
    ("Down", "scroll_down", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks below")),
    ("F", "focus", QT_TRANSLATE_NOOP("TimelineKeys", "Fit the selection; again: everything")),
    ("0", "reset", QT_TRANSLATE_NOOP("TimelineKeys", "Show everything, from the top")),
    (".", "next_on_track", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice on the track")),
    (",", "previous_on_track", QT_TRANSLATE_NOOP("TimelineKeys", "Previous slice on the track")),
    ("Ctrl+.", "next_of_name", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice of the same name")),
    (
        "Ctrl+,",
        "previous_of_name",
        QT_TRANSLATE_NOOP("TimelineKeys", "Previous slice of the same name"),
    ),
    ("]", "follow_arrow", QT_TRANSLATE_NOOP("TimelineKeys", "Follow an arrow forward")),
    ("[", "follow_arrow_back", QT_TRANSLATE_NOOP("TimelineKeys", "Follow an arrow back")),
    ("M", "mark", QT_TRANSLATE_NOOP("TimelineKeys", "Mark the selection's time for now")),
    (
        "Shift+M",
        "keep_mark",
        QT_TRANSLATE_NOOP("TimelineKeys", "Keep a mark on the selection's time; again: remove it"),
    ),
    ("R", "select_range", QT_TRANSLATE_NOOP("TimelineKeys", "Select the time of the slice")),
    ("Shift+T", "pin", QT_TRANSLATE_NOOP("TimelineKeys", "Pin or unpin the slice's track")),
    ("Ctrl+P", "find_track", QT_TRANSLATE_NOOP("TimelineKeys", "Find tracks by name")),
    ("/", "search", QT_TRANSLATE_NOOP("TimelineKeys", "Search slice names")),
    ("Q", "toggle_details", QT_TRANSLATE_NOOP("TimelineKeys", "Show or hide the details")),
    ("Esc", "clear", QT_TRANSLATE_NOOP("TimelineKeys", "Clear the selection")),
)
KEYS: tuple[Key, ...] = tuple(Key(keys, action, str(text)) for keys, action, text in _ROWS)

_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
    | Qt.KeyboardModifier.ShiftModifier
)
_ACTIONS = {QKeySequence(each.keys).toString(): each.action for each in KEYS}


def action_of(event: QKeyEvent) -> str | None:
    """The action of a pressed key; signs count wherever a keyboard has them, with Shift or not."""
    key, modifiers = Qt.Key(event.key()), event.modifiers() & _MODIFIERS
    action = _ACTIONS.get(_text(modifiers, key))
    is_letter = Qt.Key.Key_A <= key <= Qt.Key.Key_Z
    if action is None and not is_letter:
        action = _ACTIONS.get(_text(modifiers & ~Qt.KeyboardModifier.ShiftModifier, key))
    return action


def _text(modifiers: Qt.KeyboardModifier, key: Qt.Key) -> str:
    return QKeySequence(QKeyCombination(modifiers, key)).toString()
