"""The graph's keys."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from views.keys import KeyTable

KEYS = KeyTable(
    "Graph",
    "GraphKeys",
    (
        ("Down", "walk_down", QT_TRANSLATE_NOOP("GraphKeys", "Walk along an edge to a reader")),
        ("Up", "walk_up", QT_TRANSLATE_NOOP("GraphKeys", "Walk along an edge to what feeds it")),
        ("Left", "walk_left", QT_TRANSLATE_NOOP("GraphKeys", "Walk to the box on the left")),
        ("Right", "walk_right", QT_TRANSLATE_NOOP("GraphKeys", "Walk to the box on the right")),
        ("Return", "toggle", QT_TRANSLATE_NOOP("GraphKeys", "Fold or unfold what is picked")),
        ("Enter", "toggle", QT_TRANSLATE_NOOP("GraphKeys", "Fold or unfold what is picked")),
        ("Backspace", "fold_around", QT_TRANSLATE_NOOP("GraphKeys", "Fold the box around")),
        ("F", "focus", QT_TRANSLATE_NOOP("GraphKeys", "Fit what is picked; again: everything")),
        ("Space", "fit", QT_TRANSLATE_NOOP("GraphKeys", "Fit everything")),
        ("W", "zoom_in", QT_TRANSLATE_NOOP("GraphKeys", "Zoom in")),
        ("+", "zoom_in", QT_TRANSLATE_NOOP("GraphKeys", "Zoom in")),
        ("=", "zoom_in", QT_TRANSLATE_NOOP("GraphKeys", "Zoom in")),
        ("Shift+Up", "zoom_in", QT_TRANSLATE_NOOP("GraphKeys", "Zoom in")),
        ("S", "zoom_out", QT_TRANSLATE_NOOP("GraphKeys", "Zoom out")),
        ("-", "zoom_out", QT_TRANSLATE_NOOP("GraphKeys", "Zoom out")),
        ("Shift+Down", "zoom_out", QT_TRANSLATE_NOOP("GraphKeys", "Zoom out")),
        (
            "Shift+Backspace",
            "actual_size",
            QT_TRANSLATE_NOOP("GraphKeys", "Draw in the actual size"),
        ),
        ("A", "pan_left", QT_TRANSLATE_NOOP("GraphKeys", "Move to the left")),
        ("D", "pan_right", QT_TRANSLATE_NOOP("GraphKeys", "Move to the right")),
        ("PgUp", "pan_up", QT_TRANSLATE_NOOP("GraphKeys", "Move up")),
        ("PgDown", "pan_down", QT_TRANSLATE_NOOP("GraphKeys", "Move down")),
        ("N", "neighbours", QT_TRANSLATE_NOOP("GraphKeys", "Pick the neighbours also")),
        ("M", "note", QT_TRANSLATE_NOOP("GraphKeys", "Write a note on what is picked")),
        ("Ctrl+C", "copy", QT_TRANSLATE_NOOP("GraphKeys", "Copy what is picked as text")),
        ("Ctrl+F", "find", QT_TRANSLATE_NOOP("GraphKeys", "Find nodes")),
        ("/", "find", QT_TRANSLATE_NOOP("GraphKeys", "Find nodes")),
        ("F3", "find_on", QT_TRANSLATE_NOOP("GraphKeys", "Next node that was found")),
        ("Shift+F3", "find_back", QT_TRANSLATE_NOOP("GraphKeys", "Node that was found before")),
        ("Ctrl+Return", "about_all", QT_TRANSLATE_NOOP("GraphKeys", "Tell about the whole model")),
        (
            "Ctrl+Shift+E",
            "save_picture",
            QT_TRANSLATE_NOOP("GraphKeys", "Save a picture of the graph"),
        ),
        ("Esc", "clear", QT_TRANSLATE_NOOP("GraphKeys", "Pick nothing")),
    ),
)
