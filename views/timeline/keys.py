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

KEYS: tuple[Key, ...] = (
    Key("W", "zoom_in", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom in, at the cursor")),
    Key("S", "zoom_out", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom out")),
    Key("A", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
    Key("D", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
    Key("Left", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
    Key("Right", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
    Key("Up", "scroll_up", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks above")),
    Key("Down", "scroll_down", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks below")),
    Key("F", "focus", QT_TRANSLATE_NOOP("TimelineKeys", "Fit the selection; again: everything")),
    Key("0", "reset", QT_TRANSLATE_NOOP("TimelineKeys", "Show everything, from the top")),
    Key(".", "next_on_track", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice on the track")),
    Key(",", "previous_on_track", QT_TRANSLATE_NOOP("TimelineKeys", "Previous slice on the track")),
    Key("Ctrl+.", "next_of_name", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice of the same name")),
    Key(
        "Ctrl+,",
        "previous_of_name",
        QT_TRANSLATE_NOOP("TimelineKeys", "Previous slice of the same name"),
    ),
    Key("]", "follow_arrow", QT_TRANSLATE_NOOP("TimelineKeys", "Follow an arrow forward")),
    Key("[", "follow_arrow_back", QT_TRANSLATE_NOOP("TimelineKeys", "Follow an arrow back")),
    Key("M", "mark", QT_TRANSLATE_NOOP("TimelineKeys", "Mark the selection's time for now")),
    Key(
        "Shift+M",
        "keep_mark",
        QT_TRANSLATE_NOOP("TimelineKeys", "Keep a mark on the selection's time; again: remove it"),
    ),
    Key("R", "select_range", QT_TRANSLATE_NOOP("TimelineKeys", "Select the time of the slice")),
    Key("Shift+T", "pin", QT_TRANSLATE_NOOP("TimelineKeys", "Pin or unpin the slice's track")),
    Key("Ctrl+P", "find_track", QT_TRANSLATE_NOOP("TimelineKeys", "Find tracks by name")),
    Key("/", "search", QT_TRANSLATE_NOOP("TimelineKeys", "Search slice names")),
    Key("Q", "toggle_details", QT_TRANSLATE_NOOP("TimelineKeys", "Show or hide the details")),
    Key("Esc", "clear", QT_TRANSLATE_NOOP("TimelineKeys", "Clear the selection")),
)

_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
    | Qt.KeyboardModifier.ShiftModifier
)
_ACTIONS = {QKeySequence(each.keys)[0].toCombined(): each.action for each in KEYS}


def action_of(event: QKeyEvent) -> str | None:
    """The action of a pressed key; signs count wherever a keyboard has them, with Shift or not."""
    key, modifiers = Qt.Key(event.key()), event.modifiers() & _MODIFIERS
    action = _ACTIONS.get(QKeyCombination(modifiers, key).toCombined())
    is_letter = Qt.Key.Key_A <= key <= Qt.Key.Key_Z
    if action is None and not is_letter:
        bare = modifiers & ~Qt.KeyboardModifier.ShiftModifier
        action = _ACTIONS.get(QKeyCombination(bare, key).toCombined())
    return action
