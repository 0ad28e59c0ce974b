"""All views of a profile as one picture, drawn off screen."""

from pathlib import Path

from app.off_screen import draw_off_screen
from profilers.profile import Profile

_SIZE = "1600x2150"  # wide enough for every view, high enough for every row


def write(profile: Profile, path: Path) -> None:
    """Draw the window with this profile alone and save it as a PNG.

    Raises
    ------
    TwinscopeError
        If the picture cannot be written.
    """
    draw_off_screen()
    from PySide6.QtWidgets import QApplication

    from app.screenshot import take_screenshot
    from app.window.main_window import MainWindow

    running = QApplication.instance()
    application = running if isinstance(running, QApplication) else QApplication(["twinscope"])
    application.setApplicationName("Twinscope")
    QApplication.setStyle("Fusion")
    window = MainWindow()
    take_screenshot(window, lambda shown: shown.session.show(path, profile), path, _SIZE)
