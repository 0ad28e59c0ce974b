"""The keys of memory's charts over time."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from views.keys import KeyTable

KEYS = KeyTable(
    "Memory",
    "MemoryKeys",
    (
        ("W", "zoom_in", QT_TRANSLATE_NOOP("MemoryKeys", "Zoom in")),
        ("+", "zoom_in", QT_TRANSLATE_NOOP("MemoryKeys", "Zoom in")),
        ("=", "zoom_in", QT_TRANSLATE_NOOP("MemoryKeys", "Zoom in")),
        ("S", "zoom_out", QT_TRANSLATE_NOOP("MemoryKeys", "Zoom out")),
        ("-", "zoom_out", QT_TRANSLATE_NOOP("MemoryKeys", "Zoom out")),
        ("A", "pan_left", QT_TRANSLATE_NOOP("MemoryKeys", "Move to earlier times")),
        ("D", "pan_right", QT_TRANSLATE_NOOP("MemoryKeys", "Move to later times")),
        ("Left", "moment_earlier", QT_TRANSLATE_NOOP("MemoryKeys", "Choose a moment before")),
        ("Right", "moment_later", QT_TRANSLATE_NOOP("MemoryKeys", "Choose a moment after")),
        (
            ",",
            "change_before",
            QT_TRANSLATE_NOOP("MemoryKeys", "Choose the moment of the change before"),
        ),
        (
            ".",
            "next_change",
            QT_TRANSLATE_NOOP("MemoryKeys", "Choose the moment of the next change"),
        ),
        (
            "Home",
            "first_in_sight",
            QT_TRANSLATE_NOOP("MemoryKeys", "Choose the first moment shown"),
        ),
        ("End", "last_in_sight", QT_TRANSLATE_NOOP("MemoryKeys", "Choose the last moment shown")),
        ("P", "peak", QT_TRANSLATE_NOOP("MemoryKeys", "Choose the moment of the peak")),
        ("F", "fit", QT_TRANSLATE_NOOP("MemoryKeys", "Show all of the time")),
        ("0", "fit", QT_TRANSLATE_NOOP("MemoryKeys", "Show all of the time")),
        ("Backspace", "undo_zoom", QT_TRANSLATE_NOOP("MemoryKeys", "Undo the last zoom")),
        ("Ctrl+Z", "undo_zoom", QT_TRANSLATE_NOOP("MemoryKeys", "Undo the last zoom")),
    ),
)
