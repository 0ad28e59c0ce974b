"""Commands as data: menus, the palette and the key sheet read one table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow


@dataclass(frozen=True)
class Command:
    """`menu` is the title of its menu; `keys` are Qt key sequences; `when` says if it can run."""

    id: str
    menu: str
    title: str
    keys: tuple[str, ...]
    run: Callable[[], object]
    when: Callable[[], bool] = lambda: True


def install(window: QMainWindow, commands: Sequence[Command]) -> dict[str, QAction]:
    """Fill the window's menus in table order; actions follow `when` as a menu opens."""
    actions: dict[str, QAction] = {}
    for command in commands:
        menu = _menu(window, command.menu)
        action = QAction(command.title, window)
        action.setShortcuts([QKeySequence(keys) for keys in command.keys])
        action.triggered.connect(lambda _=False, chosen=command: chosen.when() and chosen.run())
        menu.addAction(action)
        menu.aboutToShow.connect(lambda a=action, c=command: a.setEnabled(c.when()))
        menu.aboutToHide.connect(lambda a=action: a.setEnabled(True))  # keys ask `when` themselves
        actions[command.id] = action
    return actions


def _menu(window: QMainWindow, title: str):  # type: ignore[no-untyped-def]
    for action in window.menuBar().actions():
        if action.text() == title:
            return action.menu()
    return window.menuBar().addMenu(title)
