"""A picture of the window once everything is drawn."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.window.main_window import MainWindow
from profilers.errors import TwinscopeError

_LONGEST_S = 600.0
_QUIET_S = 0.4


def take_screenshot(
    window: MainWindow, fill: Callable[[MainWindow], object], out: Path, size: str
) -> int:
    """Show the window at ``WxH`` pixels, wait until it is settled, save a PNG.

    Returns
    -------
    int
        0 if the picture was saved.

    Raises
    ------
    TwinscopeError
        If `size` is malformed, opening failed, or the picture cannot be written.
    """
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise TwinscopeError(f"The size {size!r} is not WxH", "", "Write for example 1600x1000.")
    failures: list[TwinscopeError] = []
    window.session.failed.connect(failures.append)
    window.resize(int(width), int(height))
    window.show()
    fill(window)
    _wait_until_settled(window)
    failures += [document.error for document in window.session.documents if document.error]
    picture = window.grab()
    window.close_without_asking()
    if failures:
        raise failures[0]
    out.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(out), "PNG"):
        raise TwinscopeError(f"Cannot write {out}", "", "Choose another place.")
    return 0


def _wait_until_settled(window: MainWindow) -> None:
    """Process events until the window has been settled for a moment."""
    begin = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < _QUIET_S and time.monotonic() - begin < _LONGEST_S:
        QApplication.processEvents()
        time.sleep(0.01)
        if not window.is_settled():
            quiet_since = time.monotonic()
