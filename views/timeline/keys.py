"""The timeline's keys."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from views.keys import KeyTable

KEYS = KeyTable(
    "Timeline",
    "TimelineKeys",
    (
        ("W", "zoom_in", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom in, at the cursor")),
        ("+", "zoom_in", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom in, at the cursor")),
        ("=", "zoom_in", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom in, at the cursor")),
        ("S", "zoom_out", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom out")),
        ("-", "zoom_out", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom out")),
        ("Z", "zoom_to_picked", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom to what is picked")),
        ("Shift+Z", "zoom_to_picked", QT_TRANSLATE_NOOP("TimelineKeys", "Zoom to what is picked")),
        ("Backspace", "undo_zoom", QT_TRANSLATE_NOOP("TimelineKeys", "Undo the last zoom")),
        ("Ctrl+Z", "undo_zoom", QT_TRANSLATE_NOOP("TimelineKeys", "Undo the last zoom")),
        ("A", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
        ("D", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
        ("Left", "pan_left", QT_TRANSLATE_NOOP("TimelineKeys", "Move to earlier times")),
        ("Right", "pan_right", QT_TRANSLATE_NOOP("TimelineKeys", "Move to later times")),
        ("Up", "scroll_up", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks above")),
        ("Down", "scroll_down", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll to tracks below")),
        ("PgUp", "page_up", QT_TRANSLATE_NOOP("TimelineKeys", "Scroll by all that is in sight")),
        (
            "PgDown",
            "page_down",
            QT_TRANSLATE_NOOP("TimelineKeys", "Scroll by all that is in sight"),
        ),
        ("Home", "to_begin", QT_TRANSLATE_NOOP("TimelineKeys", "Move to the beginning")),
        ("End", "to_end", QT_TRANSLATE_NOOP("TimelineKeys", "Move to the end")),
        ("F", "focus", QT_TRANSLATE_NOOP("TimelineKeys", "Fit the selection; again: everything")),
        ("0", "reset", QT_TRANSLATE_NOOP("TimelineKeys", "Show everything, from the top")),
        (".", "next_on_track", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice on the track")),
        (
            ",",
            "previous_on_track",
            QT_TRANSLATE_NOOP("TimelineKeys", "Previous slice on the track"),
        ),
        (
            "Ctrl+.",
            "next_of_name",
            QT_TRANSLATE_NOOP("TimelineKeys", "Next slice of the same name"),
        ),
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
            QT_TRANSLATE_NOOP("TimelineKeys", "Bookmark the selection's time; again: remove it"),
        ),
        ("N", "note", QT_TRANSLATE_NOOP("TimelineKeys", "Write a note on the slice or time range")),
        ("Ctrl+A", "select_all", QT_TRANSLATE_NOOP("TimelineKeys", "Select all of the time")),
        ("R", "select_range", QT_TRANSLATE_NOOP("TimelineKeys", "Select the time of the slice")),
        ("Shift+T", "pin", QT_TRANSLATE_NOOP("TimelineKeys", "Pin or unpin the slice's track")),
        ("Ctrl+P", "find_track", QT_TRANSLATE_NOOP("TimelineKeys", "Find tracks by name")),
        ("H", "hide_noise", QT_TRANSLATE_NOOP("TimelineKeys", "Hide or show framework noise")),
        ("/", "search", QT_TRANSLATE_NOOP("TimelineKeys", "Search slice names")),
        ("Ctrl+F", "search", QT_TRANSLATE_NOOP("TimelineKeys", "Search slice names")),
        ("F3", "search_on", QT_TRANSLATE_NOOP("TimelineKeys", "Next slice that was found")),
        (
            "Shift+F3",
            "search_back",
            QT_TRANSLATE_NOOP("TimelineKeys", "Slice that was found before"),
        ),
        ("Q", "toggle_details", QT_TRANSLATE_NOOP("TimelineKeys", "Show or hide the details")),
        ("Esc", "clear", QT_TRANSLATE_NOOP("TimelineKeys", "Clear the selection")),
    ),
)
