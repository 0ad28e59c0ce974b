"""Drawing without a display."""

import os


def draw_off_screen() -> None:
    """Let Qt draw into memory; to be called before the application is made.

    A platform that the person chose is kept. The off-screen one warns at every window that it has
    no window manager, which says nothing to the person.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
