"""The keys of the fusion diagram."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from views.keys import KeyTable

KEYS = KeyTable(
    "Fusion",
    "FusionKeys",
    (
        ("Down", "next", QT_TRANSLATE_NOOP("FusionKeys", "Pick the next kernel")),
        ("Up", "previous", QT_TRANSLATE_NOOP("FusionKeys", "Pick the kernel before")),
        ("Return", "open", QT_TRANSLATE_NOOP("FusionKeys", "Show the kernel's source")),
        ("Enter", "open", QT_TRANSLATE_NOOP("FusionKeys", "Show the kernel's source")),
        ("F4", "open", QT_TRANSLATE_NOOP("FusionKeys", "Show the kernel's source")),
        ("Esc", "clear", QT_TRANSLATE_NOOP("FusionKeys", "Pick nothing")),
    ),
)
