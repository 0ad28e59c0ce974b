"""``twinscope [FILE...]``: the window, or a picture of it."""

import argparse
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from app.desktop import NAME
from app.off_screen import draw_off_screen
from profilers.compiled import compile_ahead
from profilers.errors import TwinscopeError

if TYPE_CHECKING:
    from app.window.main_window import MainWindow

HELP = "Open models, traces and snapshots side by side."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="model, trace, snapshot"
    )
    add_window_options(parser)


def add_window_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--screenshot", type=Path, metavar="OUT.png", help="draw off screen, save a picture, exit"
    )
    parser.add_argument("--size", default="1600x1000", metavar="WxH", help="of the picture")
    parser.add_argument("--theme", choices=["system", "light", "dark"], help="for this start")


def run(arguments: argparse.Namespace) -> int:
    missing = [file for file in arguments.files if not file.exists()]
    if missing:
        raise TwinscopeError(f"Cannot open {missing[0]}", "there is no such file")
    if arguments.files or arguments.screenshot:
        return show(arguments, lambda window: window.open(arguments.files))
    return show(arguments, lambda window: compile_ahead())  # while a file is being chosen


def show(arguments: argparse.Namespace, fill: "Callable[[MainWindow], object]") -> int:
    """Start the application, `fill` the window, and run or take the picture."""
    if arguments.screenshot:
        draw_off_screen()
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from app.pyside_check import reference_count_fault
    from app.window.main_window import MainWindow

    fault = reference_count_fault()
    if fault:
        raise TwinscopeError("The window cannot open", fault)
    running = QApplication.instance()
    application = running if isinstance(running, QApplication) else QApplication(sys.argv[:1])
    application.setApplicationName("Twinscope")
    application.setDesktopFileName(NAME)
    icon = resources.files("resources") / "desktop" / f"{NAME}.svg"
    application.setWindowIcon(QIcon(str(icon)))
    QApplication.setStyle("Fusion")
    window = MainWindow()
    if arguments.theme:
        window.show_theme(arguments.theme)
    if arguments.screenshot:
        from app.screenshot import take_screenshot

        return take_screenshot(window, fill, arguments.screenshot, arguments.size)
    window.show()
    fill(window)
    return application.exec()
